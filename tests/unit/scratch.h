/*
 * scratch: a folder of its own for each test, and short ways to a database in
 * it. Everything here asserts: a test that gets past a call knows it worked.
 */
#ifndef PRONG_TEST_SCRATCH_H
#define PRONG_TEST_SCRATCH_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/db/db.h"

struct scratch {
    char dir[64];
    char path[128]; /* of the database, dir/a.db */
};

static inline int scratch_make(void **state)
{
    static struct scratch s;

    db_init();
    snprintf(s.dir, sizeof s.dir, "/tmp/prong-test-XXXXXX");
    if (mkdtemp(s.dir) == NULL)
        return -1;
    snprintf(s.path, sizeof s.path, "%s/a.db", s.dir);
    *state = &s;
    return 0;
}

static inline int scratch_remove_one(const char *path, const struct stat *st,
                                     int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline int scratch_remove(void **state)
{
    const struct scratch *s = *state;

    return nftw(s->dir, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A file of the folder by its name. */
static inline const char *scratch_name(const struct scratch *s,
                                       const char *name)
{
    static char path[2][192];
    static unsigned turn;
    char *p = path[turn++ % 2];

    snprintf(p, sizeof path[0], "%s/%s", s->dir, name);
    return p;
}

static inline struct db *must_open(const char *path, enum db_mode mode)
{
    struct fault fault = {""};
    struct db *db = db_open(path, mode, &fault);

    if (db == NULL)
        fail_msg("%s", fault.text);
    return db;
}

/* Statements outside any transaction of ours. */
static inline void must_run(struct db *db, const char *sql)
{
    struct fault fault = {""};
    int offset;

    if (!db_script(db, slice_of(sql), &fault, &offset))
        fail_msg("%s: %s", sql, fault.text);
}

static inline struct stmt *must_prepare(struct db *db, const char *sql)
{
    struct fault fault = {""};
    int offset;
    struct stmt *s = db_prepare(db, sql, &fault, &offset);

    if (s == NULL)
        fail_msg("%s: %s", sql, fault.text);
    return s;
}

/* Runs a statement to its end; the last result. */
static inline enum db_result run(struct stmt *s)
{
    enum db_result r;

    while ((r = stmt_step(s)) == DB_ROW)
        ;
    stmt_reset(s);
    return r;
}

static inline enum db_result run_sql(struct db *db, const char *sql)
{
    struct stmt *s = must_prepare(db, sql);
    enum db_result r = run(s);

    db_finalize(s);
    return r;
}

/* The integer in the first column of the first row; -1 without a row. */
static inline int64_t run_int(struct stmt *s)
{
    int64_t n = stmt_step(s) == DB_ROW ? stmt_int(s, 0) : -1;

    stmt_reset(s);
    return n;
}

static inline int64_t one_int(struct db *db, const char *sql)
{
    struct stmt *s = must_prepare(db, sql);
    int64_t n = run_int(s);

    db_finalize(s);
    return n;
}

static inline void write_file(const char *path, const char *bytes, size_t len)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

#endif
