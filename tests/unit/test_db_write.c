#include "kitchen.h"

#include "common/loop.h"

/* One request of a group: its statement in a savepoint. Kept or undone; false
 * when the whole group is gone. */
static bool request(struct db *db, const char *sql, bool keep)
{
    assert_int_equal(db_savepoint(db), DB_DONE);
    if (run_sql(db, sql) != DB_DONE || !keep)
        return db_undo(db);
    assert_int_equal(db_release(db), DB_DONE);
    return true;
}

/* No transaction is open: another connection may write, and so may this. */
static void must_be_free(const struct scratch *s, struct db *db)
{
    struct db *other = must_open(s->path, DB_SERVE);

    assert_false(db_is_writing(db));
    db_patience(other, 0);
    assert_int_equal(db_begin_write(other), DB_DONE);
    db_rollback(other);
    db_close(other);
    assert_int_equal(db_begin_write(db), DB_DONE);
    db_rollback(db);
}

static void test_group(void **state)
{
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = settled_kitchen(s, &w);
    static struct before before;

    remember(&before, &w, db);
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_true(request(db, "INSERT INTO audit VALUES (1)", true));
    assert_true(request(db, "INSERT INTO audit VALUES (2)", false));
    assert_true(request(db, "INSERT INTO chefs(name) VALUES ('a')", true));
    assert_true(request(db, "INSERT INTO one VALUES (1), (1)", true));
    assert_true(request(db, "INSERT INTO audit VALUES (3)", true));
    assert_int_equal(one_int(db, "SELECT sum(what) FROM audit"), 4);
    assert_string_equal(moved(&before, &w, db), "");
    assert_int_equal(db_commit(db), DB_DONE);

    /* Those of what was undone may move too, or not. */
    const char *seen = moved(&before, &w, db);
    assert_true(strcmp(seen, "audit chefs") == 0 ||
                strcmp(seen, "audit chefs one") == 0);
    assert_int_equal(*db->change - before.change, 1);
    must_be_known(&w, db);
    must_be_still(&w);
    assert_int_equal(one_int(db, "SELECT sum(what) FROM audit"), 4);
    assert_int_equal(one_int(db, "SELECT count(*) FROM chefs"), 1);
    assert_int_equal(one_int(db, "SELECT count(*) FROM one"), 0);
    must_be_free(s, db);
    db_close(db);
    watched_free(&w);
}

/* Of the last alone, when the first were kept; and of all. */
static void test_undone(void **state)
{
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = settled_kitchen(s, &w);
    static struct before before;

    remember(&before, &w, db);
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_true(request(db, "INSERT INTO audit VALUES (1)", false));
    assert_true(request(db, "DELETE FROM totals", false));
    assert_int_equal(db_commit(db), DB_DONE);
    must_be_still(&w);
    assert_int_equal(one_int(db, "SELECT count(*) FROM audit"), 0);

    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_true(request(db, "INSERT INTO audit VALUES (1)", true));
    db_rollback(db);
    assert_int_equal(one_int(db, "SELECT count(*) FROM audit"), 0);

    /* The next transaction announces only what is its own. */
    remember(&before, &w, db);
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_true(request(db, "INSERT INTO one VALUES (1)", true));
    assert_int_equal(db_commit(db), DB_DONE);
    assert_string_equal(moved(&before, &w, db), "one");
    must_be_free(s, db);
    db_close(db);
    watched_free(&w);
}

/* The second of a group takes all with it, and is the one that is told. */
static void test_lost_group(void **state)
{
    static const char fatal[] = "INSERT OR ROLLBACK INTO one VALUES (1)";
    const struct scratch *s = *state;
    struct db *db = must_open(s->path, DB_CREATE);

    must_run(db, kitchen);
    must_run(db, "INSERT INTO one VALUES (1)");
    for (int noticed = 0; noticed < 2; noticed++) {
        assert_int_equal(db_begin_write(db), DB_DONE);
        assert_true(request(db, "INSERT INTO audit VALUES (1)", true));
        assert_int_equal(db_savepoint(db), DB_DONE);
        assert_int_equal(run_sql(db, fatal), DB_UNIQUE);
        if (!noticed) { /* the next words begin nothing of their own */
            assert_int_equal(db_release(db), DB_ERROR);
            assert_int_equal(db_savepoint(db), DB_ERROR);
            assert_false(db_in_transaction(db));
        }
        snprintf(db->message, sizeof db->message, "kept");
        assert_false(db_undo(db));
        assert_string_equal(db_message(db), "kept");
        assert_int_equal(one_int(db, "SELECT count(*) FROM audit"), 0);
        must_be_free(s, db);
    }
    db_close(db);
}

/* SQLite gives up the whole transaction when a write is interrupted, but not
 * when a read is. Undoing has no deadline. */
static void test_deadline(void **state)
{
    static const char endless[] =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i FROM n WHERE i < 0";
    const struct scratch *s = *state;
    struct db *db = must_open(s->path, DB_CREATE);

    must_run(db, kitchen);
    for (int writes = 0; writes < 2; writes++) {
        char sql[200];
        snprintf(sql, sizeof sql, "%s%s", writes ? "INSERT INTO audit " : "",
                 endless);
        assert_int_equal(db_begin_write(db), DB_DONE);
        assert_true(request(db, "INSERT INTO audit VALUES (1)", true));
        assert_int_equal(db_savepoint(db), DB_DONE);
        assert_int_equal(run_sql(db, "DELETE FROM audit"), DB_DONE);
        db_deadline(db, loop_clock_ms() + 1);
        assert_int_equal(run_sql(db, sql), DB_DEADLINE);
        assert_int_equal(db_undo(db), !writes);
        db_deadline(db, 0);
        if (!writes)
            assert_int_equal(db_commit(db), DB_DONE);
        assert_int_equal(one_int(db, "SELECT count(*) FROM audit"), 1);
        must_be_free(s, db);
    }
    db_close(db);
}

/* Each word has few opcodes, so it takes many to meet a look at the clock. */
static void test_words_are_never_late(void **state)
{
    const struct scratch *s = *state;
    struct db *db = must_open(s->path, DB_CREATE);

    assert_int_equal(db_begin_write(db), DB_DONE);
    db_deadline(db, 1);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(db_savepoint(db), DB_DONE);
        if (i % 2)
            assert_int_equal(db_release(db), DB_DONE);
        else
            assert_true(db_undo(db));
    }
    assert_int_equal(db_commit(db), DB_DONE);
    db_close(db);
}

/* Undone, the others are there; else nothing is: never a piece of one. */
static void test_full(void **state)
{
    const struct scratch *s = *state;
    struct db *db = must_open(s->path, DB_CREATE);

    must_run(db, kitchen);
    must_run(db, "PRAGMA max_page_count = 80");
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_true(request(db, "INSERT INTO audit VALUES (1)", true));
    assert_int_equal(db_savepoint(db), DB_DONE);
    assert_int_equal(run_sql(db, "INSERT INTO audit WITH RECURSIVE n(i) AS"
                                 " (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                                 " LIMIT 500) SELECT zeroblob(4000) FROM n"),
                     DB_FULL);
    bool others = db_undo(db);
    assert_string_equal(db_message(db), "database or disk is full");
    if (others)
        assert_int_equal(db_commit(db), DB_DONE);
    assert_int_equal(one_int(db, "SELECT count(*) FROM audit"), others);
    must_be_free(s, db);
    db_close(db);
}

static void test_owes(void **state)
{
    static const char orphan[] = "INSERT INTO two VALUES (7)";
    const struct scratch *s = *state;
    struct db *db = must_open(s->path, DB_CREATE);

    must_run(db, kitchen);
    assert_false(db_owes(db));
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_true(request(db, "INSERT INTO one VALUES (1)", true));
    assert_false(db_owes(db));
    assert_int_equal(db_savepoint(db), DB_DONE);
    assert_int_equal(run_sql(db, orphan), DB_DONE);
    assert_true(db_owes(db));
    assert_true(db_undo(db));
    assert_false(db_owes(db));

    /* A debt that is paid in the same request. */
    assert_int_equal(db_savepoint(db), DB_DONE);
    assert_int_equal(run_sql(db, orphan), DB_DONE);
    assert_int_equal(run_sql(db, "INSERT INTO one VALUES (7)"), DB_DONE);
    assert_false(db_owes(db));
    assert_int_equal(db_release(db), DB_DONE);
    assert_int_equal(db_commit(db), DB_DONE);
    assert_int_equal(one_int(db, "SELECT count(*) FROM two"), 1);

    /* Not asked, and so the commit's to find: all of it is gone. */
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_true(request(db, "INSERT INTO audit VALUES (1)", true));
    assert_true(request(db, "INSERT INTO two VALUES (8)", true));
    assert_true(db_owes(db));
    assert_int_equal(db_commit(db), DB_FOREIGN);
    assert_false(db_owes(db));
    assert_int_equal(one_int(db, "SELECT count(*) FROM audit"), 0);
    must_be_free(s, db);
    db_close(db);
}

/* Another's lock, and no patience: no wait at all. */
static void test_no_patience(void **state)
{
    const struct scratch *s = *state;
    struct db *holder = must_open(s->path, DB_CREATE);
    struct db *db = must_open(s->path, DB_SERVE);

    must_run(holder, kitchen);
    assert_int_equal(db_begin_write(holder), DB_DONE);
    db_patience(db, 0);
    db_waited_ns(db);
    for (int i = 0; i < 100; i++)
        assert_int_equal(db_begin_write(db), DB_BUSY);
    assert_true(db_waited_ns(db) == 0);
    assert_int_equal(one_int(db, "SELECT count(*) FROM audit"), 0);
    assert_int_equal(db_commit(holder), DB_DONE);
    assert_int_equal(db_begin_write(db), DB_DONE);
    db_rollback(db);
    db_close(db);
    db_close(holder);
}

/* Words are prepared anew with all else when the file is another one. */
static void test_after_replacement(void **state)
{
    const struct scratch *s = *state;
    struct db *db = must_open(s->path, DB_CREATE);

    must_run(db, kitchen);
    db_suspect(db);
    db->damaged = true;
    assert_true(db_ready(db, 10000));
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_true(request(db, "INSERT INTO audit VALUES (1)", true));
    assert_true(request(db, "INSERT INTO audit VALUES (2)", false));
    assert_int_equal(db_commit(db), DB_DONE);
    assert_int_equal(one_int(db, "SELECT sum(what) FROM audit"), 1);
    db_close(db);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_group),
        TEST(test_undone),
        TEST(test_lost_group),
        TEST(test_deadline),
        TEST(test_words_are_never_late),
        TEST(test_full),
        TEST(test_owes),
        TEST(test_no_patience),
        TEST(test_after_replacement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
