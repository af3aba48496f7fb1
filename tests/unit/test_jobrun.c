#include "kitchen.h"

#include <time.h>

#include "common/arena.h"
#include "common/app/sqlfile.h"
#include "worker/endpoint/jobrun.h"

/* ---- jobs, and a database to run them on ---- */

static struct sqlfile jobs;

static const struct job *declare_jobs(const char *text)
{
    struct fault fault = {""};

    jobs = (struct sqlfile){.arena = arena_new(), .timeout_ms = 5000};
    if (!sqlfile_parse(&jobs, "jobs.sql", slice_of(text), &fault))
        fail_msg("%s", fault.text);
    return jobs.jobs;
}

static void forget_jobs(void)
{
    sqlfile_release(&jobs);
    arena_free(jobs.arena);
}

static struct db *open_shop(const struct scratch *s)
{
    struct db *db = must_open(s->path, DB_CREATE);

    must_run(db, jobrun_schema);
    must_run(db, "CREATE TABLE seen(n INTEGER CHECK (n < 100));"
                 "CREATE TABLE parent(id INTEGER PRIMARY KEY);"
                 "CREATE TABLE child(p REFERENCES parent DEFERRABLE INITIALLY"
                 " DEFERRED)");
    return db;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t last(struct db *db, const char *name)
{
    int64_t ran_ms = -7;

    assert_true(jobrun_last(db, name, &ran_ms));
    return ran_ms;
}

static void must_do(struct db *db, const struct job *job, int64_t last_ms,
                    enum jobrun wanted)
{
    struct fault fault = {""};
    enum jobrun got = jobrun(db, job, last_ms, &fault);

    if (got != wanted)
        fail_msg("%s: %d, not %d: %s", job->name, got, wanted, fault.text);
    assert_false(db_is_writing(db));
}

/* ---- tests ---- */

static const char counting[] = "-- EVERY 1s count\n"
                               "INSERT INTO seen VALUES (1);\n"
                               "INSERT INTO seen VALUES (2) RETURNING n;\n"
                               "SELECT n FROM seen;\n";

static void test_runs_and_notes_when(void **state)
{
    struct db *db = open_shop(*state);
    const struct job *job = declare_jobs(counting);
    int64_t before = now_ms();

    assert_int_equal(last(db, "count"), 0);
    must_do(db, job, 0, JOBRUN_DONE);
    assert_int_equal(one_int(db, "SELECT sum(n) FROM seen"), 3);
    assert_in_range(last(db, "count"), before, now_ms());
    assert_int_equal(one_int(db, "SELECT count(*) FROM prong_jobs"), 1);
    assert_int_equal(last(db, "another"), 0);
    db_close(db);
    forget_jobs();
}

/* Of two who think that it is due, one runs it. */
static void test_runs_once_for_one_time(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_shop(s);
    struct db *other = must_open(s->path, DB_SERVE);
    const struct job *job = declare_jobs(counting);

    must_do(db, job, 0, JOBRUN_DONE);
    must_do(other, job, 0, JOBRUN_NOT_DUE);
    int64_t ran_ms = last(db, "count");
    assert_int_equal(one_int(db, "SELECT count(*) FROM seen"), 2);
    must_do(other, job, ran_ms + 1, JOBRUN_NOT_DUE); /* the clock went back */
    assert_int_equal(last(db, "count"), ran_ms);
    must_do(other, job, ran_ms, JOBRUN_DONE);
    must_do(db, job, -1, JOBRUN_DONE); /* by hand */
    assert_int_equal(one_int(db, "SELECT count(*) FROM seen"), 6);
    db_close(other);
    db_close(db);
    forget_jobs();
}

static const char long_query[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
    " WHERE i < 20000) SELECT count(*) FROM n";

struct failing {
    const char *text;
    const char *fault;
};

/* Whichever statement fails, nothing is left of any, and not when it ran. */
static void test_failures_leave_nothing(void **state)
{
    static const struct failing table[] = {
        {"-- EVERY 1s a\nINSERT INTO seen VALUES (1);\n"
         "INSERT INTO seen\n  SELECT absent FROM seen;\n",
         "jobs.sql:4: no such column: absent"},
        {"-- EVERY 1s a\nINSERT INTO seen VALUES (1);\n\n"
         "INSERT INTO seen VALUES (100);\n",
         "jobs.sql:4: CHECK constraint failed: n < 100"},
        {"-- EVERY 1s a\nINSERT INTO seen VALUES (1);\n"
         "INSERT INTO child VALUES (1);\n",
         "jobs.sql:1: FOREIGN KEY constraint failed"},
        {"-- EVERY 1s a\n-- @timeout 20ms\nINSERT INTO seen VALUES (1);\n"
         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)\n"
         "INSERT INTO seen SELECT i FROM n WHERE i < 0;\n",
         "jobs.sql:4: not done within its 20 ms"},
    };
    struct db *db = open_shop(*state);

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct job *job = declare_jobs(table[i].text);
        struct fault fault = {""};
        assert_int_equal(jobrun(db, job, 0, &fault), JOBRUN_FAILED);
        assert_string_equal(fault.text, table[i].fault);
        assert_false(db_is_writing(db));
        assert_int_equal(one_int(db, "SELECT count(*) FROM seen"), 0);
        assert_int_equal(last(db, "a"), 0);
        forget_jobs();
    }
    assert_int_equal(one_int(db, long_query), 20000); /* no deadline left */
    db_close(db);
}

static void test_lock_of_a_stranger(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_shop(s);
    struct db *other = must_open(s->path, DB_SERVE);
    const struct job *job = declare_jobs(counting);

    assert_int_equal(db_begin_write(other), DB_DONE);
    must_do(db, job, 0, JOBRUN_BUSY);
    assert_int_equal(db_waited_ns(db), 0); /* the queue stands behind it */
    db_rollback(other);
    must_do(db, job, 0, JOBRUN_DONE);
    db_close(other);
    db_close(db);
    forget_jobs();
}

static void test_schema_may_change(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_shop(s);
    struct db *other = must_open(s->path, DB_SERVE);
    const struct job *job = declare_jobs(counting);

    must_do(db, job, -1, JOBRUN_DONE);
    must_run(other, "DROP TABLE seen; CREATE TABLE seen(m, n)");
    struct fault fault = {""};
    assert_int_equal(jobrun(db, job, -1, &fault), JOBRUN_FAILED);
    assert_string_equal(fault.text,
                        "jobs.sql:2: table seen has 2 columns but 1 values were"
                        " supplied");
    must_run(other, "DROP TABLE seen; CREATE TABLE seen(n)");
    must_do(db, job, -1, JOBRUN_DONE);
    db_close(other);
    db_close(db);
    forget_jobs();
}

static void test_without_its_table(void **state)
{
    const struct scratch *s = *state;
    struct db *db = must_open(s->path, DB_CREATE);
    const struct job *job = declare_jobs(counting);
    struct fault fault = {""};
    int64_t ran_ms;

    assert_false(jobrun_last(db, "count", &ran_ms));
    assert_int_equal(jobrun(db, job, 0, &fault), JOBRUN_FAILED);
    assert_non_null(strstr(fault.text, "prong_jobs"));
    db_close(db);
    forget_jobs();
}

/* What a job wrote, and nothing else, moves for those who keep answers. */
static void test_tables_move(void **state)
{
    struct watched w = watched_make();
    const struct scratch *s = *state;
    struct before before;

    db_close(open_shop(s));
    struct db *db = must_watch(&w, s->path, OWN_SLOT);
    const struct job *job = declare_jobs(counting);
    must_do(db, job, -1, JOBRUN_DONE); /* names its tables */
    remember(&before, &w, db);
    must_do(db, job, -1, JOBRUN_DONE);
    assert_string_equal(moved(&before, &w, db), "prong_jobs seen");
    must_be_still(&w);
    db_close(db);
    watched_free(&w);
    forget_jobs();
}

/* ---- statistics ---- */

static const char orders[] =
    "CREATE TABLE orders(id INTEGER PRIMARY KEY, kind, day);"
    "CREATE INDEX orders_day ON orders(day);"
    "CREATE INDEX orders_kind ON orders(kind);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
    " WHERE i < 3000)"
    "INSERT INTO orders(kind, day) SELECT i % 2, i / 3 FROM n;"
    "CREATE TABLE quiet(a); CREATE INDEX quiet_a ON quiet(a);"
    "INSERT INTO quiet VALUES (1)";

static const char by_kind_and_day[] =
    "SELECT id FROM orders WHERE kind = 1 AND day = 7";

/* Runs it, which may prepare it anew, and tells its plan since then. */
static bool plans_by_day(struct stmt *s, struct db *db)
{
    run(s);
    struct stmt *plan = must_prepare(
        db, "EXPLAIN QUERY PLAN SELECT id FROM orders WHERE kind = 1 AND"
            " day = 7");
    assert_int_equal(stmt_step(plan), DB_ROW);
    struct slice detail = stmt_text(plan, 3);
    bool by_day = memmem(detail.ptr, detail.len, "orders_day", 10) != NULL;
    db_finalize(plan);
    return by_day;
}

static enum jobrun run_optimize(struct db *db)
{
    struct sql sql = {by_kind_and_day, 1};
    struct endpoint e = {.statements = &sql, .statement_count = 1};
    const struct app app = {.endpoints = &e, .endpoint_count = 1};
    const struct job job = {
        .file = "built-in", .line = 1, .name = "optimize", .timeout_ms = 5000};
    struct fault fault = {""};
    enum jobrun r = jobrun_optimize(db, &job, &app, -1, &fault);

    if (r == JOBRUN_FAILED)
        fail_msg("%s", fault.text);
    return r;
}

/* A connection that has long prepared its statements plans them anew, when
 * there are statistics for the first time and when they have changed. */
static void test_optimize_reaches_others(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_shop(s);

    must_run(db, orders);
    struct db *worker = must_open(s->path, DB_SERVE);
    struct stmt *kept = must_prepare(worker, by_kind_and_day);
    assert_false(plans_by_day(kept, worker));
    unsigned version = stmt_version(kept);
    assert_int_equal(run_optimize(db), JOBRUN_DONE);
    assert_true(last(db, "optimize") > 0);
    assert_int_equal(one_int(db, "SELECT count(*) FROM sqlite_stat1"), 2);
    assert_int_equal(one_int(db, "SELECT count(*) FROM sqlite_stat1"
                                 " WHERE tbl = 'quiet'"),
                     0);
    assert_true(plans_by_day(kept, worker));
    assert_true(stmt_version(kept) > version);

    /* 25 times as many rows, and now it is the kind that tells. */
    must_run(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
                 " FROM n WHERE i < 90000)"
                 "INSERT INTO orders(kind, day) SELECT i, 7 FROM n;"
                 "UPDATE orders SET day = 7");
    assert_true(plans_by_day(kept, worker));
    version = stmt_version(kept);
    assert_int_equal(run_optimize(db), JOBRUN_DONE);
    assert_false(plans_by_day(kept, worker));
    assert_true(stmt_version(kept) > version);
    db_close(worker);
    db_close(db);
}

/* Nothing changed: nobody plans or computes anew. */
static void test_optimize_in_vain(void **state)
{
    struct watched w = watched_make();
    const struct scratch *s = *state;
    struct before before;

    db_close(open_shop(s));
    struct db *db = must_watch(&w, s->path, OWN_SLOT);
    must_run(db, orders);
    assert_int_equal(run_optimize(db), JOBRUN_DONE);
    remember(&before, &w, db);
    int64_t cookie = one_int(db, "SELECT schema_version FROM"
                                 " pragma_schema_version");
    assert_int_equal(run_optimize(db), JOBRUN_DONE);
    assert_string_equal(moved(&before, &w, db), "prong_jobs");
    assert_int_equal(one_int(db, "SELECT schema_version FROM"
                                 " pragma_schema_version"),
                     cookie);
    assert_int_equal(one_int(db, "SELECT count(*) FROM sqlite_schema"
                                 " WHERE type = 'view'"),
                     0);
    must_be_still(&w);
    db_close(db);
    watched_free(&w);
}

static void test_optimize_waits_its_turn(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_shop(s);
    struct db *other = must_open(s->path, DB_SERVE);

    must_run(db, orders);
    assert_int_equal(db_begin_write(other), DB_DONE);
    assert_int_equal(run_optimize(db), JOBRUN_BUSY);
    db_rollback(other);
    assert_int_equal(run_optimize(db), JOBRUN_DONE);
    db_close(other);
    db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_runs_and_notes_when, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_runs_once_for_one_time,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_failures_leave_nothing,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_lock_of_a_stranger, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_schema_may_change, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_without_its_table, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_tables_move, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_optimize_reaches_others,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_optimize_in_vain, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_optimize_waits_its_turn,
                                        scratch_make, scratch_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
