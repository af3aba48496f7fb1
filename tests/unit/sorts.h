/*
 * sorts: statements that hold more than they may keep in memory.
 */
#ifndef PRONG_TEST_SORTS_H
#define PRONG_TEST_SORTS_H

#include "scratch.h"

/* N rows that SQLite cannot know the order of; 220 bytes each. */
#define ROWS(n)                                                                \
    "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT " n \
    ") SELECT x * 7919 % 1000003 AS v, hex(zeroblob(100)) AS pad FROM c)"
#define SORTED(n)   "SELECT v, pad FROM " ROWS(n) " ORDER BY v"
#define DISTINCT(n) "SELECT DISTINCT v, pad FROM " ROWS(n)
#define LARGE       "60000" /* 13 MB: four runs */

static inline struct db *begin(const struct scratch *s)
{
    db_spill_beside(s->path);
    return must_open(s->path, DB_CREATE);
}

#endif
