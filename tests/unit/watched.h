/*
 * watched: a database whose commits are announced, as a worker has it: names
 * and tables in memory that children share, and short ways to ask for them.
 */
#ifndef PRONG_TEST_WATCHED_H
#define PRONG_TEST_WATCHED_H

#include "scratch.h"

#include "common/segment/names.h"
#include "common/segment/shm.h"
#include "common/segment/tables.h"

enum { OWN_SLOT = 3, OTHER_SLOT = 7, LIST_BYTES = 512 };

struct watched {
    struct names *names;
    struct tables *tables;
};

static inline struct watched watched_make(void)
{
    struct watched w = {shm_map(names_size()), shm_map(tables_size())};

    assert_non_null(w.names);
    assert_non_null(w.tables);
    return w;
}

static inline void watched_free(struct watched *w)
{
    shm_unmap(w->names, names_size());
    shm_unmap(w->tables, tables_size());
}

static inline struct db *must_watch(const struct watched *w, const char *path,
                                    unsigned slot)
{
    struct db *db = must_open(path, DB_CREATE);

    db_watch(db, w->names, w->tables, slot);
    return db;
}

static inline unsigned watched_number(const struct watched *w,
                                      const char *table)
{
    char name[64];

    snprintf(name, sizeof name, "table:%s", table);
    return names_number(w->names, slice_of(name));
}

/* Nobody is between an announcement and its end. */
static inline void must_be_still(const struct watched *w)
{
    struct moment m;

    tables_moment(w->tables, &m);
    assert_int_equal(m.moving, 0);
}

#endif
