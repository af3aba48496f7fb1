#include "kitchen.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const struct {
    enum how how;
    const char *sql;
    const char *more; /* a second statement, or null */
    const char *moved;
    enum db_result result;
    int commits; /* that the change counter shows */
} commits[] = {
    {IN_TRANSACTION, "INSERT INTO audit VALUES (1)", NULL, "audit", DB_DONE, 1},
    {ALONE, "INSERT INTO audit VALUES (1)", NULL, "audit", DB_DONE, 1},
    {ALONE, "INSERT INTO audit VALUES (1) RETURNING what", NULL, "audit",
     DB_DONE, 1},
    {BY_ITSELF, "INSERT INTO audit VALUES (1)", NULL, "audit", DB_DONE, 1},
    {BY_ITSELF, "INSERT INTO audit VALUES (1)", "DELETE FROM totals",
     "audit totals", DB_DONE, 2},
    {GIVEN_UP, "INSERT INTO audit VALUES (1) RETURNING what", NULL, "audit",
     DB_DONE, 1},
    {IN_TRANSACTION, "INSERT INTO chefs VALUES (1, 'a', 1)",
     "INSERT INTO reviews VALUES (1, 1, 'x'), (2, 1, 'y')", "chefs reviews",
     DB_DONE, 1},
    {IN_TRANSACTION, "UPDATE chefs SET name = 'b'", "DELETE FROM chefs",
     "bookings chefs notes reviews totals", DB_DONE, 1},
    {IN_TRANSACTION, "INSERT INTO words VALUES ('a b')", NULL, NULL, DB_DONE,
     1},
    /* Nothing to write, but that is known only afterwards. */
    {IN_TRANSACTION, "UPDATE chefs SET stars = 2", NULL, "chefs", DB_DONE, 0},
    {ALONE, "DELETE FROM reviews WHERE id = 99", NULL, "notes reviews", DB_DONE,
     0},
    /* Nothing was written at all. */
    {IN_TRANSACTION, "SELECT 1", NULL, "", DB_DONE, 0},
    {IN_TRANSACTION, "SELECT count(*) FROM chefs", NULL, "", DB_DONE, 0},
    {ROLLED_BACK, "INSERT INTO audit VALUES (1)", NULL, "", DB_DONE, 0},
    {ROLLED_BACK, "CREATE TABLE x(a)", NULL, "", DB_DONE, 0},
    /* Failures: of the statement, and of the commit. */
    {IN_TRANSACTION, "INSERT INTO one VALUES (1), (1)", NULL, "", DB_UNIQUE, 0},
    {ALONE, "INSERT INTO one VALUES (1), (1)", NULL, "", DB_UNIQUE, 0},
    {BY_ITSELF, "INSERT INTO one VALUES (1), (1)", NULL, "", DB_UNIQUE, 0},
    {IN_TRANSACTION, "INSERT INTO two VALUES (7)", NULL, "", DB_FOREIGN, 0},
    {ALONE, "INSERT INTO two VALUES (7)", NULL, "", DB_FOREIGN, 0},
    /* And after them all is as before. */
    {IN_TRANSACTION, "INSERT INTO one VALUES (1)", NULL, "one", DB_DONE, 1},
    {ALONE, "INSERT INTO two VALUES (1)", NULL, "two", DB_DONE, 1},
    {IN_TRANSACTION, "CREATE TABLE later(a)", NULL, "*", DB_DONE, 1},
    {BY_ITSELF, "DROP TABLE later", NULL, "*", DB_DONE, 1},
    {IN_TRANSACTION, "CREATE TEMP TABLE own(a)", NULL, "*", DB_DONE, 0},
    {IN_TRANSACTION, "INSERT INTO own VALUES (1)", NULL, "own", DB_DONE, 0},
};

static void test_commits(void **state)
{
    struct watched w = watched_make();
    struct db *db = open_kitchen(*state, &w);
    static struct before before;

    assert_true(db_current(db) || db_current(db)); /* the first look counts */
    uint64_t strangers = tables_strangers(w.tables);
    for (size_t i = 0; i < sizeof commits / sizeof *commits; i++) {
        const char *sql = commits[i].sql;
        remember(&before, &w, db);
        enum db_result r = perform(db, commits[i].how, sql, commits[i].more);
        if (r != commits[i].result)
            fail_msg("%zu %s: %s: %s", i, sql, db_result_name(r),
                     db_message(db));
        const char *seen = moved(&before, &w, db);
        if (commits[i].moved && strcmp(seen, commits[i].moved) != 0)
            fail_msg("%zu %s: [%s] moved", i, sql, seen);
        if (*db->change - before.change != (uint32_t)commits[i].commits)
            fail_msg("%zu %s: counter from %u to %u", i, sql, before.change,
                     *db->change);
        if (!db_current(db))
            fail_msg("%zu %s: not current", i, sql);
        must_be_still(&w);
    }
    assert_true(tables_strangers(w.tables) == strangers);
    db_close(db);
    watched_free(&w);
}

/* No file may grow beyond its present size; 0: as far as before. */
static void limit_files(rlim_t bytes)
{
    struct rlimit r;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = bytes ? bytes : r.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* The commit was announced, and then its frames could not be written. */
static void test_unwritable_frames(void **state)
{
    static const char write[] = "INSERT INTO audit VALUES (randomblob(9000))";
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = open_kitchen(s, &w);
    struct stmt *alone = must_prepare(db, write);
    static struct before before;
    struct stat wal;

    assert_int_equal(perform(db, ALONE, write, NULL), DB_DONE);
    assert_int_equal(stat(scratch_name(s, "a.db-wal"), &wal), 0);
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run_sql(db, write), DB_DONE);
    remember(&before, &w, db);
    limit_files((rlim_t)wal.st_size);
    enum db_result committed = db_commit(db);
    must_be_still(&w);
    enum db_result begun = db_begin_alone(db);
    enum db_result ran = run(alone);
    limit_files(0);
    assert_int_equal(committed, DB_ERROR);
    assert_int_equal(begun, DB_DONE);
    assert_int_equal(ran, DB_ERROR);
    assert_string_equal(moved(&before, &w, db), "audit");
    assert_int_equal(*db->change - before.change, 0);
    must_be_still(&w);

    assert_true(db_ready(db, 10000)); /* opens it anew */
    assert_true(db_current(db));
    assert_int_equal(one_int(db, "SELECT count(*) FROM audit"), 1);
    assert_int_equal(perform(db, ALONE, write, NULL), DB_DONE);
    assert_true(db_current(db));
    db_close(db);
    watched_free(&w);
}

/* ---- moments ---- */

static bool unmoved(const struct watched *w, const struct db *db,
                    const char *table)
{
    uint64_t version;

    return tables_unmoved(w->tables, db_moment(db), watched_number(w, table),
                          &version);
}

static void test_moments(void **state)
{
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = settled_kitchen(s, &w);
    struct db *colleague = must_watch(&w, s->path, OTHER_SLOT);
    static const char write[] = "INSERT INTO audit VALUES (1)";

    /* Without sharing each call is a new one. */
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_true(unmoved(&w, db, "audit"));
    assert_int_equal(perform(colleague, ALONE, write, NULL), DB_DONE);
    assert_false(unmoved(&w, db, "audit"));
    assert_true(unmoved(&w, db, "chefs"));
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_true(unmoved(&w, db, "audit"));

    /* That of a shared snapshot stays as long as it does. */
    db_share_reads(db);
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_int_equal(one_int(db, "SELECT count(*) FROM audit"), 1);
    assert_int_equal(perform(colleague, ALONE, write, NULL), DB_DONE);
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_int_equal(one_int(db, "SELECT count(*) FROM audit"), 1);
    assert_false(unmoved(&w, db, "audit"));
    db_unshare(db);
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_true(unmoved(&w, db, "audit"));

    /* A write has its own, from before its transaction. */
    assert_int_equal(perform(colleague, ALONE, write, NULL), DB_DONE);
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_true(unmoved(&w, db, "audit"));
    assert_true(db_is_writing(db));
    assert_int_equal(run_sql(db, write), DB_DONE);
    assert_int_equal(db_commit(db), DB_DONE);
    assert_false(db_is_writing(db));
    assert_false(unmoved(&w, db, "audit"));
    assert_int_equal(db_begin_alone(db), DB_DONE);
    assert_true(unmoved(&w, db, "audit"));
    assert_int_equal(run_sql(db, write), DB_DONE);
    db_close(colleague);
    db_close(db);
    watched_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commits, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_unwritable_frames, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_moments, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
