/*
 * explain: SQLite's plan for one statement (sqlite.org/eqp.html), and what in
 * it costs time on large tables.
 */
#ifndef PRONG_EXPLAIN_H
#define PRONG_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "worker/db/db.h"
#include "worker/db/schema.h"

enum {
    FINDINGS_MAX = 16, /* of one statement; the rest is not told */
    PLAN_LINE_MAX = 200,
};

enum finding_kind {
    FINDING_SCAN,      /* reads the table from end to end */
    FINDING_AUTOMATIC, /* builds an index for each run */
    FINDING_SORT,      /* puts rows of the table in order by itself */
};

struct finding {
    enum finding_kind kind;
    const struct table *table;
    /* Bounded by a LIMIT, by what a search finds, or to an index's entries:
     * worth a word only if an index helps. */
    bool mild;
    char line[PLAN_LINE_MAX]; /* of the plan */
};

struct explanation {
    struct finding findings[FINDINGS_MAX];
    size_t count;
    int cost;        /* of all findings; compares plans of one statement */
    bool uses_trial; /* the index named EXPLAIN_TRIAL is in the plan … */
    int trial_terms; /* … and narrows by so many terms */
};

/* The name of an index that is only being tried. */
#define EXPLAIN_TRIAL "prong_trial"

/* False when the statement cannot be explained. */
bool explain(struct db *db, const struct schema *schema, const char *sql,
             struct explanation *out);

/*
 * Looks for an index on one or two columns of the table with which SQLite
 * makes a cheaper plan: tries those of the columns the statement reads, in
 * `db`, which should have no rows. True with the "CREATE INDEX …;" in *out.
 */
bool explain_advise(struct db *db, const struct schema *schema, const char *sql,
                    const struct table *table, struct buf *out);

/* "CREATE INDEX t_a_b ON t(a, b);", names quoted where they must be. */
void explain_index(const char *table, const char *const *columns, size_t count,
                   struct buf *out);

#endif
