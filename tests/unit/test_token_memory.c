#include "watched.h"

#include <time.h>

#include "tokens.h"

struct office {
    struct watched w;
    struct db *db;
    struct db *stranger; /* whose writes nobody announces */
    struct tokens *t;
    struct identity who; /* of the last ask */
};

static void open_office(struct office *o, const struct scratch *s)
{
    struct fault fault;

    o->stranger = open_tokens(s);
    must_run(o->stranger, "CREATE TABLE other(a)");
    o->w = watched_make();
    o->db = must_watch(&o->w, s->path, OWN_SLOT);
    o->t = tokens_open(o->db, &fault);
    assert_non_null(o->t);
}

static void close_office(struct office *o)
{
    must_be_still(&o->w);
    tokens_close(o->t);
    db_close(o->db);
    db_close(o->stranger);
    watched_free(&o->w);
}

/* True when the database was asked: that takes a new moment. */
static bool asks(struct office *o, const char *token)
{
    tables_move(o->w.tables, watched_number(&o->w, "none"));
    uint64_t before = db_moment(o->db)->sequence;
    assert_int_equal(tokens_find(o->t, slice_of(token), &o->who), DB_DONE);
    return db_moment(o->db)->sequence != before;
}

static void write_own(struct office *o, const char *sql)
{
    assert_int_equal(db_begin_write(o->db), DB_DONE);
    assert_int_equal(run_sql(o->db, sql), DB_DONE);
    assert_int_equal(db_commit(o->db), DB_DONE);
}

/* What is kept of a token is over when it becomes one of demo.sql's. */
static void test_demo_mark(void **state)
{
    struct office o;

    open_office(&o, *state);
    insert(o.stranger, "a", "'user', 7, NULL");
    assert_true(asks(&o, "a") && !o.who.demo);
    assert_false(asks(&o, "a"));
    write_own(&o, "INSERT INTO prong_demo_tokens SELECT sha256 FROM tokens");
    assert_true(asks(&o, "a") && o.who.demo);
    assert_true(!asks(&o, "a") && o.who.known && o.who.demo);
    close_office(&o);
}

static void test_memory(void **state)
{
    struct office o;

    open_office(&o, *state);
    insert(o.stranger, "a", "'user', 7, NULL");
    insert(o.stranger, "b", "'admin', NULL, '2999-01-01'");
    assert_true(asks(&o, "a") && o.who.known);
    assert_true(asks(&o, "b") && o.who.known);
    assert_false(asks(&o, "a"));
    assert_true(o.who.known && o.who.has_user && o.who.user_id == 7);
    assert_string_equal(o.who.role, "user");
    assert_false(asks(&o, "b"));
    assert_true(o.who.known && !o.who.has_user);
    assert_string_equal(o.who.role, "admin");

    /* Who is not known is asked for each time. */
    assert_true(asks(&o, "c") && !o.who.known);
    assert_true(asks(&o, "c") && !o.who.known);

    /* Another table does not matter. */
    write_own(&o, "INSERT INTO other VALUES (1)");
    assert_false(asks(&o, "a"));

    /* Without asking. */
    struct identity who = {.known = false};
    assert_true(tokens_remember(o.t, SLICE("a"), &who) && who.user_id == 7);
    who = (struct identity){.known = false};
    assert_false(tokens_remember(o.t, SLICE("c"), &who) || who.known);
    write_own(&o, "UPDATE tokens SET role = 'cook'");
    assert_false(tokens_remember(o.t, SLICE("a"), &who) || who.known);
    close_office(&o);
}

/* Whoever does it, the next one knows. */
static void test_memory_of_changes(void **state)
{
    struct office o;

    open_office(&o, *state);
    insert(o.stranger, "a", "'user', 7, NULL");
    asks(&o, "a");
    write_own(&o, "UPDATE tokens SET role = 'cook'");
    assert_true(asks(&o, "a"));
    assert_string_equal(o.who.role, "cook");
    assert_false(asks(&o, "a"));

    must_run(o.stranger, "UPDATE tokens SET user_id = 8");
    assert_true(asks(&o, "a") && o.who.user_id == 8);
    assert_false(asks(&o, "a"));
    must_run(o.stranger, "DELETE FROM tokens");
    assert_true(asks(&o, "a") && !o.who.known);
    insert(o.stranger, "a", "'user', 9, NULL");
    assert_true(asks(&o, "a") && o.who.user_id == 9);

    tables_move_all(o.w.tables);
    assert_true(asks(&o, "a"));
    assert_false(asks(&o, "a"));
    close_office(&o);
}

static void test_the_command(void **state)
{
    const struct scratch *s = *state;
    char dir[64];
    char words[3][8] = {"token", "revoke", "1"};
    char *argv[] = {words[0], words[0], words[1], dir, words[2], NULL};
    struct office o;

    snprintf(dir, sizeof dir, "%s", s->dir);
    write_file(scratch_name(s, "app.conf"), "database = a.db\n", 16);
    open_office(&o, *state);
    insert(o.stranger, "a", "'user', 7, NULL");
    asks(&o, "a");
    assert_false(asks(&o, "a"));
    assert_int_equal(token_command(5, argv), 0);
    assert_true(asks(&o, "a") && !o.who.known);
    close_office(&o);
}

/* What a transaction will undo, and what somebody is about to commit. */
static void test_nothing_is_remembered(void **state)
{
    struct office o;
    unsigned table;

    open_office(&o, *state);
    insert(o.stranger, "a", "'user', 7, NULL");
    asks(&o, "unknown");
    assert_int_equal(db_begin_write(o.db), DB_DONE);
    assert_int_equal(run_sql(o.db, "UPDATE tokens SET role = 'admin'"),
                     DB_DONE);
    asks(&o, "a");
    assert_string_equal(o.who.role, "admin");
    db_rollback(o.db);
    assert_true(asks(&o, "a"));
    assert_string_equal(o.who.role, "user");

    table = watched_number(&o.w, "tokens");
    tables_begin(o.w.tables, OTHER_SLOT, &table, 1);
    assert_true(asks(&o, "a"));
    assert_true(asks(&o, "a"));
    tables_end(o.w.tables, OTHER_SLOT, false);
    assert_true(asks(&o, "a"));
    assert_false(asks(&o, "a"));
    close_office(&o);
}

/* Expires at a full second, which may be about to begin. */
static void test_memory_of_expiry(void **state)
{
    struct office o;

    open_office(&o, *state);
    insert(o.stranger, "a", "'user', 7, datetime('now', '+2 seconds')");
    time_t end = time(NULL) + 2;
    assert_true(asks(&o, "a") && o.who.known);
    while (time(NULL) < end)
        usleep(10000);
    assert_true(asks(&o, "a") && !o.who.known);
    close_office(&o);
}

/* More than there are places: each answer is its own token's. */
static void test_many_tokens(void **state)
{
    struct office o;
    char token[16];
    char columns[64];
    int asked = 0;

    open_office(&o, *state);
    for (int i = 0; i < 200; i++) {
        snprintf(token, sizeof token, "t%d", i);
        snprintf(columns, sizeof columns, "'user', %d, NULL", i);
        insert(o.stranger, token, columns);
    }
    for (int i = 0; i < 600; i++) {
        snprintf(token, sizeof token, "t%d", i / 3);
        asked += asks(&o, token);
        assert_true(o.who.known && o.who.user_id == i / 3);
    }
    assert_int_equal(asked, 200);
    for (int i = 0; i < 200; i++) {
        snprintf(token, sizeof token, "t%d", i);
        asks(&o, token);
        assert_true(o.who.known && o.who.user_id == i);
    }
    close_office(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_memory, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_demo_mark, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_memory_of_changes, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_the_command, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_nothing_is_remembered,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_memory_of_expiry, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_many_tokens, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
