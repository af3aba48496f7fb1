/*
 * grown: a database behind a disk (disk.h), and a WAL that grows.
 */
#ifndef PRONG_TEST_GROWN_H
#define PRONG_TEST_GROWN_H

#include <sys/stat.h>

#include "disk.h"

/* Each adds a little more than `pages` frames to the WAL. */
static inline void grow(struct db *db, int pages)
{
    struct stmt *s = must_prepare(
        db, "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
            " SELECT i + 1 FROM n LIMIT ?1) SELECT zeroblob(4000) FROM n");

    stmt_bind_int(s, 1, pages);
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run(s), DB_DONE);
    assert_int_equal(db_commit(db), DB_DONE);
    db_finalize(s);
}

static inline int64_t rows(struct db *db)
{
    return one_int(db, "SELECT count(*) FROM t");
}

/* Its file holds an empty table, and there is no WAL. */
static inline void make_database(const char *path)
{
    struct db *db = must_open(path, DB_CREATE);

    must_run(db, "CREATE TABLE t(v)");
    db_fold(db);
    db_close(db);
}

/* Through the disk; the WAL's header was synced, as each new one is. */
static inline struct db *open_grown(const struct scratch *s)
{
    make_database(s->path);
    struct db *db = must_open(s->path, DB_SERVE);
    grow(db, 1);
    disk_count_anew();
    return db;
}

static inline off_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : -1;
}

static inline int plug_in(void **state)
{
    int failed = scratch_make(state);

    disk_insert();
    return failed;
}

static inline int pull_out(void **state)
{
    disk_remove();
    return scratch_remove(state);
}

#endif
