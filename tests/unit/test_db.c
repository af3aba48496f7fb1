#include "scratch.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "common/loop.h"

static const char schema[] =
    "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " age INTEGER CHECK (age >= 0), pin ANY);"
    "CREATE TABLE pets(id INTEGER PRIMARY KEY,"
    " owner INTEGER REFERENCES people(id) DEFERRABLE INITIALLY DEFERRED,"
    " boss INTEGER REFERENCES people(id));"
    "CREATE TABLE strict_one(n INTEGER) STRICT;"
    "CREATE TRIGGER no_bob BEFORE INSERT ON people WHEN NEW.name = 'bob'"
    " BEGIN SELECT RAISE(ABORT, 'Bob is not welcome'); END;"
    "CREATE TRIGGER no_eve BEFORE INSERT ON people WHEN NEW.name = 'eve'"
    " BEGIN SELECT RAISE(ROLLBACK, 'nor is Eve'); END;"
    "INSERT INTO people VALUES (1, 'ann', 40, NULL);";

static const char forever[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    " SELECT count(*) FROM n";

static struct db *open_people(void **state)
{
    const struct scratch *s = *state;
    struct db *db = must_open(s->path, DB_CREATE);

    must_run(db, schema);
    return db;
}

static void count_beat(void *self)
{
    ++*(int *)self;
}

static void test_results(void **state)
{
    static const struct {
        const char *sql;
        enum db_result result;
        const char *message; /* null: any */
    } cases[] = {
        {"INSERT INTO people VALUES (2, 'cid', 1, 0)", DB_DONE, NULL},
        {"INSERT INTO people VALUES (1, 'dan', 1, 0)", DB_UNIQUE, NULL},
        {"INSERT INTO people VALUES (3, 'ann', 1, 0)", DB_UNIQUE,
         "UNIQUE constraint failed: people.name"},
        {"INSERT INTO people VALUES (3, NULL, 1, 0)", DB_NOT_NULL, NULL},
        {"INSERT INTO people VALUES (3, 'dan', -1, 0)", DB_CHECK, NULL},
        {"INSERT INTO strict_one VALUES ('x')", DB_CHECK, NULL},
        {"INSERT INTO people VALUES ('x', 'dan', 1, 0)", DB_CHECK, NULL},
        {"INSERT INTO pets VALUES (1, NULL, 99)", DB_FOREIGN, NULL},
        {"INSERT INTO people VALUES (3, 'bob', 1, 0)", DB_RAISED,
         "Bob is not welcome"},
        {"SELECT zeroblob(2000000000)", DB_TOO_BIG, NULL},
        {"SELECT abs(-9223372036854775807 - 1)", DB_ERROR, "integer overflow"},
    };
    struct db *db = open_people(state);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(run_sql(db, cases[i].sql), cases[i].result);
        if (cases[i].message)
            assert_string_equal(db_message(db), cases[i].message);
    }
    assert_int_equal(one_int(db, "SELECT count(*) FROM people"), 2);
    db_close(db);
}

static void test_result_names(void **state)
{
    (void)state;
    for (enum db_result r = DB_ROW; r <= DB_ERROR; r++)
        assert_true(strlen(db_result_name(r)) > 2);
    assert_string_equal(db_result_name(DB_NOT_NULL), "not null");
}

static void test_values(void **state)
{
    struct db *db = open_people(state);
    struct stmt *s = must_prepare(db, "SELECT :a, :b, :c, :d, :e, :f, :g");
    struct slice bytes = {"\0\xff", 2};

    assert_int_equal(stmt_param_count(s), 7);
    assert_int_equal(stmt_param(s, ":c"), 3);
    assert_int_equal(stmt_param(s, ":z"), 0);
    assert_string_equal(stmt_param_name(s, 2), ":b");
    stmt_bind_null(s, 1);
    stmt_bind_int(s, 2, INT64_MIN);
    stmt_bind_real(s, 3, 0.1);
    stmt_bind_text(s, 4, SLICE("grün"));
    stmt_bind_blob(s, 5, bytes);
    stmt_bind_text(s, 6, (struct slice){NULL, 0});
    stmt_bind_blob(s, 7, (struct slice){NULL, 0});
    assert_int_equal(stmt_step(s), DB_ROW);

    static const enum db_type types[] = {DB_NULL, DB_INT,  DB_REAL, DB_TEXT,
                                         DB_BLOB, DB_TEXT, DB_BLOB};
    for (int i = 0; i < 7; i++)
        assert_int_equal(stmt_type(s, i), types[i]);
    assert_true(stmt_int(s, 1) == INT64_MIN);
    assert_true(stmt_real(s, 2) > 0.09 && stmt_real(s, 2) < 0.11);
    assert_true(slice_is(stmt_text(s, 3), "grün"));
    assert_true(slice_equal(stmt_blob(s, 4), bytes));
    assert_int_equal(stmt_text(s, 5).len, 0);

    /* A reset forgets: the next run sees only NULLs. */
    stmt_reset(s);
    assert_int_equal(stmt_step(s), DB_ROW);
    assert_int_equal(stmt_type(s, 3), DB_NULL);
    db_close(db);
}

/* What SQLite does not take must not silently become NULL. */
static void test_refused_value(void **state)
{
    struct db *db = open_people(state);
    struct stmt *s = must_prepare(db, "SELECT :a IS NULL");

    stmt_bind_text(s, 1, (struct slice){"x", 3000000000});
    assert_int_equal(stmt_step(s), DB_TOO_BIG);
    stmt_reset(s);
    assert_int_equal(run_int(s), 1);
    db_close(db);
}

static void test_deadline(void **state)
{
    struct db *db = open_people(state);
    uint64_t began = loop_clock_ms();
    int beats = 0;

    db_on_progress(db, count_beat, &beats);
    db_deadline(db, began + 50);
    assert_int_equal(run_sql(db, forever), DB_DEADLINE);
    uint64_t took = loop_clock_ms() - began;
    assert_true(took >= 50 && took < 2000);
    assert_true(beats > 10);

    db_deadline(db, 0);
    assert_int_equal(one_int(db, "SELECT count(*) FROM people"), 1);
    db_close(db);
}

/* A write stopped half-way leaves nothing. */
static void test_deadline_in_write(void **state)
{
    struct db *db = open_people(state);

    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run_sql(db, "INSERT INTO strict_one VALUES (1)"), DB_DONE);
    db_deadline(db, loop_clock_ms() + 20);
    assert_int_equal(
        run_sql(db, "INSERT INTO strict_one WITH RECURSIVE n(i) AS (SELECT 1"
                    " UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"),
        DB_DEADLINE);
    db_rollback(db);
    assert_string_equal(db_message(db), "interrupted");
    db_deadline(db, 0);
    assert_int_equal(one_int(db, "SELECT count(*) FROM strict_one"), 0);
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(db_commit(db), DB_DONE);
    db_close(db);
}

/*
 * SQLite looks at the clock every 1000 opcodes of a statement over all its
 * runs, and COMMIT has few: so it takes some hundred commits to meet a look.
 */
static void test_commit_is_never_late(void **state)
{
    struct db *db = open_people(state);
    struct stmt *add = must_prepare(db, "INSERT INTO strict_one VALUES (1)");

    for (int i = 0; i < 1200; i++) {
        db_deadline(db, 0);
        assert_int_equal(db_begin_write(db), DB_DONE);
        assert_int_equal(run(add), DB_DONE);
        db_deadline(db, 1);
        assert_int_equal(db_commit(db), DB_DONE);
    }
    db_deadline(db, 0);
    assert_int_equal(one_int(db, "SELECT count(*) FROM strict_one"), 1200);
    db_close(db);
}

/* ---- from another thread -------------------------------------------------*/

struct stopper {
    struct db *db;
    _Atomic int beats;
};

static void note_beat(void *self)
{
    atomic_fetch_add(&((struct stopper *)self)->beats, 1);
}

/* Once the statement is in its middle. */
static void *stop_it(void *self)
{
    struct stopper *s = self;

    while (atomic_load(&s->beats) < 5)
        sched_yield();
    db_cancel(s->db);
    return NULL;
}

static enum db_result run_stopped(struct db *db, const char *sql)
{
    struct stopper s = {.db = db};
    pthread_t thread;

    db_on_progress(db, note_beat, &s);
    assert_int_equal(pthread_create(&thread, NULL, stop_it, &s), 0);
    enum db_result r = run_sql(db, sql);
    pthread_join(thread, NULL);
    db_on_progress(db, NULL, NULL);
    return r;
}

static void test_cancelled_by_another_thread(void **state)
{
    struct db *db = open_people(state);

    db_deadline(db, loop_clock_ms() + 1000000);
    assert_int_equal(run_stopped(db, forever), DB_CANCELLED);
    assert_int_equal(run_sql(db, forever), DB_CANCELLED); /* it stands … */
    db_deadline(db, loop_clock_ms() + 20);                /* … until then */
    assert_int_equal(run_sql(db, forever), DB_DEADLINE);
    db_cancel(db); /* while nothing runs: the next one has its own time */
    db_deadline(db, 0);
    assert_int_equal(one_int(db, "SELECT count(*) FROM people"), 1);
    assert_int_equal(run_stopped(db, forever), DB_CANCELLED);
    db_stop(db); /* the later word counts, and says so itself */
    assert_int_equal(run_sql(db, forever), DB_STOPPED);
    assert_string_equal(db_result_name(DB_STOPPED), "stopped");
    db_deadline(db, 0);
    assert_int_equal(one_int(db, "SELECT count(*) FROM people"), 1);
    db_close(db);
}

/* A write stopped half-way leaves nothing; what went before it neither. */
static void test_cancelled_in_write(void **state)
{
    struct db *db = open_people(state);

    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run_sql(db, "INSERT INTO strict_one VALUES (1)"), DB_DONE);
    assert_int_equal(
        run_stopped(db,
                    "INSERT INTO strict_one WITH RECURSIVE n(i) AS (SELECT 1"
                    " UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"),
        DB_CANCELLED);
    db_rollback(db);
    db_deadline(db, 0);
    assert_int_equal(one_int(db, "SELECT count(*) FROM strict_one"), 0);
    db_close(db);
}

/* As with deadlines: what was committed is not reported as ended. */
static void test_commit_is_never_cancelled(void **state)
{
    struct db *db = open_people(state);
    struct stmt *add = must_prepare(db, "INSERT INTO strict_one VALUES (1)");

    for (int i = 0; i < 1200; i++) {
        db_deadline(db, 0);
        assert_int_equal(db_begin_write(db), DB_DONE);
        assert_int_equal(run(add), DB_DONE);
        db_cancel(db);
        assert_int_equal(db_commit(db), DB_DONE);
    }
    db_deadline(db, 0);
    assert_int_equal(one_int(db, "SELECT count(*) FROM strict_one"), 1200);
    db_close(db);
}

/* ---- waiting -------------------------------------------------------------*/

static void test_busy(void **state)
{
    const struct scratch *s = *state;
    struct db *holder = open_people(state);
    struct db *db = must_open(s->path, DB_SERVE);
    int beats = 0;

    assert_int_equal(db_begin_write(holder), DB_DONE);
    db_on_progress(db, count_beat, &beats);
    db_patience(db, 60);
    uint64_t began = loop_clock_ms();
    assert_int_equal(db_begin_write(db), DB_BUSY);
    uint64_t took = loop_clock_ms() - began;
    assert_true(took >= 60 && took < 2000);
    assert_true(beats >= 3);

    db_patience(db, 60000);
    began = loop_clock_ms();
    db_deadline(db, began + 60);
    assert_int_equal(db_begin_write(db), DB_BUSY);
    took = loop_clock_ms() - began;
    assert_true(took >= 60 && took < 2000);

    /* Readers do not wait for a writer. */
    db_deadline(db, 0);
    assert_int_equal(one_int(db, "SELECT count(*) FROM people"), 1);
    assert_int_equal(db_commit(holder), DB_DONE);
    assert_int_equal(db_begin_write(db), DB_DONE);
    db_rollback(db);
    db_close(db);
    db_close(holder);
}

static void test_full(void **state)
{
    static const char fill[] =
        "INSERT INTO people(name, pin) WITH RECURSIVE n(i) AS (SELECT 1"
        " UNION ALL SELECT i + 1 FROM n LIMIT 500)"
        " SELECT 'p' || i, zeroblob(4000) FROM n";
    struct db *db = open_people(state);

    must_run(db, "PRAGMA max_page_count = 40");
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run_sql(db, "UPDATE people SET age = 1"), DB_DONE);
    assert_int_equal(run_sql(db, fill), DB_FULL);
    db_rollback(db);
    assert_int_equal(one_int(db, "SELECT age FROM people"), 40);

    must_run(db, "PRAGMA max_page_count = 4000");
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run_sql(db, fill), DB_DONE);
    assert_int_equal(db_changes(db), 500);
    assert_int_equal(db_commit(db), DB_DONE);
    db_close(db);
}

static void test_shared_reads(void **state)
{
    const struct scratch *s = *state;
    struct db *other = open_people(state);
    struct db *db = must_open(s->path, DB_SERVE);
    struct stmt *count = must_prepare(db, "SELECT count(*) FROM people");

    db_share_reads(db);
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_int_equal(run_int(count), 1);
    must_run(other, "INSERT INTO people(name) VALUES ('cid')");
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_int_equal(run_int(count), 1); /* the same snapshot */

    /* Its own write sees the newest state, and so do the reads after it. */
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run_int(count), 2);
    assert_int_equal(run_sql(db, "INSERT INTO people(name) VALUES ('dan')"),
                     DB_DONE);
    assert_int_equal(db_commit(db), DB_DONE);
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_int_equal(run_int(count), 3);
    must_run(other, "DELETE FROM people WHERE name = 'cid'");
    assert_int_equal(run_int(count), 3);

    db_unshare(db);
    assert_int_equal(run_int(count), 2);
    db_close(db);
    db_close(other);
}

/* Without sharing each read stands alone. */
static void test_unshared_reads(void **state)
{
    const struct scratch *s = *state;
    struct db *other = open_people(state);
    struct db *db = must_open(s->path, DB_SERVE);
    struct stmt *count = must_prepare(db, "SELECT count(*) FROM people");

    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_int_equal(run_int(count), 1);
    must_run(other, "INSERT INTO people(name) VALUES ('cid')");
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_int_equal(run_int(count), 2);
    db_close(db);
    db_close(other);
}

/* A deferred foreign key is found by COMMIT itself. */
static void test_failed_commit(void **state)
{
    struct db *db = open_people(state);

    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run_sql(db, "INSERT INTO pets(owner) VALUES (99)"),
                     DB_DONE);
    assert_int_equal(db_commit(db), DB_FOREIGN);
    assert_string_equal(db_message(db), "FOREIGN KEY constraint failed");
    assert_int_equal(one_int(db, "SELECT count(*) FROM pets"), 0);
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run_sql(db, "INSERT INTO pets(owner) VALUES (1)"),
                     DB_DONE);
    assert_int_equal(db_commit(db), DB_DONE);
    assert_int_equal(one_int(db, "SELECT count(*) FROM pets"), 1);
    db_close(db);
}

/* RAISE(ROLLBACK) ends the transaction under the caller's feet: a commit
 * after it must not look like one. */
static void test_lost_transaction(void **state)
{
    struct db *db = open_people(state);

    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run_sql(db, "INSERT INTO people(name) VALUES ('cid')"),
                     DB_DONE);
    assert_int_equal(run_sql(db, "INSERT INTO people(name) VALUES ('eve')"),
                     DB_RAISED);
    assert_string_equal(db_message(db), "nor is Eve");
    assert_int_equal(db_commit(db), DB_ERROR);
    assert_int_equal(one_int(db, "SELECT count(*) FROM people"), 1);
    assert_int_equal(db_begin_write(db), DB_DONE);
    db_rollback(db);
    db_rollback(db); /* harmless */
    db_close(db);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_results),
        TEST(test_result_names),
        TEST(test_values),
        TEST(test_refused_value),
        TEST(test_deadline),
        TEST(test_deadline_in_write),
        TEST(test_commit_is_never_late),
        TEST(test_cancelled_by_another_thread),
        TEST(test_cancelled_in_write),
        TEST(test_commit_is_never_cancelled),
        TEST(test_busy),
        TEST(test_full),
        TEST(test_shared_reads),
        TEST(test_unshared_reads),
        TEST(test_failed_commit),
        TEST(test_lost_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
