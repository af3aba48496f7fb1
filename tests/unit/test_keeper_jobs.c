#include <time.h>

#include "scratch.h"

#include "common/app/app.h"
#include "common/segment/jobboard.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/segment/names.h"
#include "common/settings/settings.h"
#include "common/segment/shared.h"
#include "common/app/sqlfile.h"
#include "common/segment/syncs.h"
#include "common/segment/turnstile.h"
#include "master/keeper/keeper_jobs.h"
#include "worker/endpoint/idempotency.h"
#include "worker/endpoint/jobrun.h"

enum { ASKER = 5 };

static const int64_t MINUTE_MS = 60000;
static const int64_t HOUR_MS = 3600000;

/* ---- a keeper of jobs, and what it inherits ---- */

static struct {
    const struct scratch *scratch;
    struct shared shared;
    struct settings settings;
    struct sqlfile file;
    struct app app;
    struct heritage heritage;
    struct db *db;
    struct keeper_jobs *jobs;
    uint64_t now_ms; /* CLOCK_MONOTONIC, in hand */
} the;

static const char schema[] =
    "CREATE TABLE seen(what TEXT NOT NULL);"
    "CREATE TABLE prong_jobs(name TEXT PRIMARY KEY, ran_at INTEGER NOT NULL)";

static const char app_jobs[] =
    "-- EVERY 1m minutely\nINSERT INTO seen VALUES ('minutely');\n\n"
    "-- DAILY 03:30 daily\nINSERT INTO seen VALUES ('daily');\n\n"
    "-- EVERY 1h broken\nINSERT INTO seen VALUES ('broken');\n"
    "INSERT INTO seen VALUES (NULL);\n\n"
    "-- EVERY 1h hourly\nINSERT INTO seen VALUES ('hourly');\n";

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void load(const char *text)
{
    struct fault fault = {""};

    the.file = (struct sqlfile){.arena = arena_new(), .timeout_ms = 5000};
    if (!sqlfile_parse(&the.file, "jobs.sql", slice_of(text), &fault))
        fail_msg("%s", fault.text);
    the.app = (struct app){.jobs = the.file.jobs,
                           .job_count = the.file.job_count,
                           .endpoints = the.file.endpoints,
                           .endpoint_count = the.file.endpoint_count,
                           .timeout_ms = 5000};
}

static void unload(void)
{
    sqlfile_release(&the.file);
    arena_free(the.file.arena);
}

/* One keeper leaves, and another one comes. */
static void exchange(void)
{
    keeper_jobs_free(the.jobs);
    the.jobs = keeper_jobs_new(&the.heritage);
}

static int set_up(void **state)
{
    struct fault fault = {""};

    if (scratch_make(state) != 0 || !shared_open(&the.shared, 0, 1, &fault))
        return -1;
    the.scratch = *state;
    the.settings = (struct settings){.idempotency_expiry = 60};
    the.heritage = (struct heritage){.settings = &the.settings,
                                     .app = &the.app,
                                     .shared = &the.shared,
                                     .slot = &the.shared.slots[SLOT_KEEPER],
                                     .number = SLOT_KEEPER};
    log_open("/dev/null", LOG_ERROR, false);
    load(app_jobs);
    the.db = must_open(the.scratch->path, DB_CREATE);
    must_run(the.db, schema);
    the.now_ms = loop_clock_ms();
    the.jobs = keeper_jobs_new(&the.heritage);
    return 0;
}

static int tear_down(void **state)
{
    keeper_jobs_free(the.jobs);
    db_close(the.db);
    unload();
    shared_close(&the.shared);
    return scratch_remove(state);
}

/* ---- what happens ---- */

static void look_after(int64_t ms)
{
    the.now_ms += (uint64_t)ms;
    keeper_jobs_look(the.jobs, the.db, the.now_ms);
}

static void look_until(uint64_t now_ms)
{
    look_after((int64_t)(now_ms - the.now_ms));
}

static void ran(const char *name, int64_t at_ms)
{
    char sql[160];

    snprintf(sql, sizeof sql, "REPLACE INTO prong_jobs VALUES ('%s', %jd)",
             name, (intmax_t)at_ms);
    must_run(the.db, sql);
}

static void take_turn(void)
{
    struct turnstile *t = the.shared.turnstile;

    assert_true(turnstile_ask(t, SLOT_KEEPER, NULL));
    keeper_jobs_turn(the.jobs, the.db);
    turnstile_pass(t, SLOT_KEEPER, NULL);
    the.now_ms = loop_clock_ms(); /* it plans by the real one */
}

/* Runs whatever is due; how many there were. */
static unsigned run_due(void)
{
    unsigned n = 0;

    for (; keeper_jobs_wants_turn(the.jobs) && n < 10; n++)
        take_turn();
    return n;
}

static int64_t count(const char *what)
{
    char sql[96];

    snprintf(sql, sizeof sql, "SELECT count(*) FROM seen WHERE what = '%s'",
             what);
    return one_int(the.db, sql);
}

static struct job_figures figures(const char *name)
{
    struct job_figures f;

    for (int i = 0; i < JOBS_MAX; i++)
        if (jobboard_read(the.shared.jobboard, i, &f) &&
            strcmp(f.name, name) == 0)
            return f;
    fail_msg("%s is not on the board", name);
    return f;
}

static void put_figures(const char *name, const struct job_figures *f)
{
    int entry = jobboard_entry(the.shared.jobboard, name);

    jobboard_put(the.shared.jobboard, entry, f);
}

static uint64_t commits(void)
{
    struct syncs_figures f;

    syncs_figures(the.shared.syncs, &f);
    return f.commits;
}

/* An operator asks for it, and the keeper takes note. */
static int ask_for(const char *name)
{
    struct errand errand;
    int number =
        errands_ask(the.shared.errands, ASKER, ERRAND_JOB, slice_of(name));

    assert_int_equal(errands_next(the.shared.errands, &errand), number);
    assert_true(keeper_jobs_want(the.jobs, number, errand.what));
    return number;
}

static enum errand_state state_of(int errand, struct errand_end *end)
{
    return errands_look(the.shared.errands, errand, end);
}

/* ---- by schedule ---- */

static void test_runs_what_is_due(void **state)
{
    (void)state;
    ran("minutely", wall_ms() - HOUR_MS);
    ran("daily", wall_ms());
    look_after(0);
    assert_int_equal(run_due(), 1);
    assert_int_equal(count("minutely"), 1);
    assert_int_equal(commits(), 1);

    struct job_figures f = figures("minutely");
    int64_t ran_ms = one_int(the.db, "SELECT ran_at FROM prong_jobs"
                                     " WHERE name = 'minutely'");
    assert_string_equal(f.schedule, "EVERY 1m");
    assert_true(f.present);
    assert_false(f.running);
    assert_false(f.failed);
    assert_int_equal(f.runs, 1);
    assert_int_equal(f.failures, 0);
    assert_true(f.last_ms > 0 && f.last_ms <= ran_ms);
    assert_int_equal(f.next_ms, ran_ms + MINUTE_MS);
    assert_true(f.last_ns > 0);
    assert_int_equal(f.sum_ns, f.last_ns);
    assert_string_equal(figures("daily").schedule, "DAILY 03:30");
}

/* By the monotonic clock, and no sooner. */
static void test_runs_when_its_time_comes(void **state)
{
    (void)state;
    ran("minutely", wall_ms());
    look_after(0);
    uint64_t next_ms = keeper_jobs_next(the.jobs);
    assert_in_range(next_ms, the.now_ms + 1, the.now_ms + (uint64_t)MINUTE_MS);
    look_until(next_ms - 1);
    assert_false(keeper_jobs_wants_turn(the.jobs));
    look_after(1);
    assert_true(keeper_jobs_wants_turn(the.jobs));
    look_after(5);
    assert_int_equal(run_due(), 1);
    assert_int_equal(count("minutely"), 1);
    look_after(0);
    assert_false(keeper_jobs_wants_turn(the.jobs));
}

/* One that never ran waits for its first time, from when that was found out:
 * not anew under each keeper. */
static void test_first_time(void **state)
{
    (void)state;
    look_after(0);
    assert_false(keeper_jobs_wants_turn(the.jobs));
    int64_t next_ms = figures("minutely").next_ms;
    assert_in_range(next_ms, wall_ms() + 1, wall_ms() + MINUTE_MS);
    for (int64_t then = wall_ms(); wall_ms() == then;)
        continue;
    exchange();
    look_after(0);
    assert_int_equal(figures("minutely").next_ms, next_ms);
    unload();
    load("-- EVERY 2m minutely\nSELECT 1;\n");
    exchange();
    look_after(0);
    assert_true(figures("minutely").next_ms > next_ms);
}

static void test_operators_first_then_the_longest_due(void **state)
{
    (void)state;
    struct errand_end end;

    ran("minutely", wall_ms());
    ran("broken", wall_ms());
    look_after(0);
    look_after(MINUTE_MS);
    look_after(HOUR_MS);
    int errand = ask_for("daily");
    take_turn();
    assert_int_equal(state_of(errand, &end), ERRAND_DONE);
    assert_int_equal(count("minutely"), 0);
    take_turn();
    assert_int_equal(count("minutely"), 1);
    assert_int_equal(figures("broken").runs, 0);
    take_turn();
    assert_int_equal(figures("broken").runs, 1);
}

/* Between the look and the turn somebody else ran it. */
static void test_never_twice_for_one_time(void **state)
{
    (void)state;
    struct fault fault;
    int64_t then = wall_ms() - HOUR_MS;

    ran("minutely", then);
    look_after(0);
    assert_true(keeper_jobs_wants_turn(the.jobs));
    assert_int_equal(jobrun(the.db, &the.app.jobs[0], then, &fault),
                     JOBRUN_DONE);
    assert_int_equal(run_due(), 1);
    assert_int_equal(count("minutely"), 1);
    assert_int_equal(figures("minutely").runs, 0);
    assert_int_equal(figures("minutely").last_ms, then);
    assert_int_equal(commits(), 0);
    assert_true(figures("minutely").next_ms > wall_ms());
    exchange(); /* nor does the next keeper */
    look_after(0);
    assert_false(keeper_jobs_wants_turn(the.jobs));
}

/* ---- what goes wrong ---- */

static void test_failure(void **state)
{
    (void)state;
    ran("broken", wall_ms() - 2 * HOUR_MS);
    look_after(0);
    assert_int_equal(run_due(), 1);
    assert_int_equal(count("broken"), 0);
    assert_int_equal(commits(), 0);

    struct job_figures f = figures("broken");
    assert_true(f.failed);
    assert_int_equal(f.runs, 1);
    assert_int_equal(f.failures, 1);
    assert_string_equal(f.error,
                        "jobs.sql:9: NOT NULL constraint failed: seen.what");
    assert_int_equal(f.next_ms, f.last_ms + HOUR_MS);
    exchange(); /* the next keeper waits for its time too */
    look_after(0);
    assert_false(keeper_jobs_wants_turn(the.jobs));
    assert_int_equal(figures("broken").next_ms, f.last_ms + HOUR_MS);
    look_after(HOUR_MS);
    run_due();
    assert_int_equal(figures("broken").failures, 2);
    assert_int_equal(figures("broken").runs, 2);
}

/* The figures as a keeper leaves them that is killed in a job. */
static void dies_in(const char *name, int64_t began_ms)
{
    struct job_figures f = figures(name);

    f.last_ms = began_ms;
    f.running = true;
    put_figures(name, &f);
}

static void test_keeper_died_in_a_job(void **state)
{
    (void)state;
    int64_t then = wall_ms();

    ran("minutely", then - HOUR_MS);
    ran("daily", 1000);
    ran("hourly", 1000);
    ran("broken", then);
    dies_in("hourly", then);
    dies_in("minutely", then - 2 * MINUTE_MS);
    dies_in("daily", then);
    dies_in("broken", then); /* after its commit */
    exchange();
    look_after(0);
    struct job_figures f = figures("minutely");
    assert_false(f.running);
    assert_true(f.failed);
    assert_int_equal(f.failures, 1);
    assert_int_equal(f.runs, 1);
    assert_string_equal(f.error, "the keeper died while it ran");
    assert_true(f.next_ms <= wall_ms()); /* its next time came */
    f = figures("daily");
    assert_in_range(f.next_ms, then, wall_ms() + MINUTE_MS);
    assert_int_equal(f.failures, 1);
    assert_int_equal(figures("broken").failures, 0);
    assert_false(figures("broken").running);
    assert_int_equal(run_due(), 1);
    look_after(MINUTE_MS + 1000);
    run_due();
    assert_int_equal(count("hourly"), 1);
    assert_false(figures("hourly").failed);
}

static void test_lock_of_a_stranger(void **state)
{
    (void)state;
    struct db *stranger = must_open(the.scratch->path, DB_SERVE);

    int64_t then = wall_ms() - HOUR_MS;
    ran("minutely", then);
    assert_int_equal(db_begin_write(stranger), DB_DONE);
    look_after(0);
    assert_int_equal(run_due(), 1);
    assert_int_equal(figures("minutely").runs, 0);
    assert_int_equal(figures("minutely").last_ms, then);
    assert_false(figures("minutely").running);
    uint64_t next_ms = keeper_jobs_next(the.jobs);
    assert_true(next_ms > the.now_ms);
    look_after(0);
    assert_false(keeper_jobs_wants_turn(the.jobs));
    db_rollback(stranger);
    look_until(next_ms);
    assert_int_equal(run_due(), 1);
    assert_int_equal(count("minutely"), 1);
    db_close(stranger);
}

static void test_without_a_database(void **state)
{
    (void)state;
    struct errand_end end;
    struct db *db = the.db;

    ran("minutely", wall_ms() - HOUR_MS);
    the.db = NULL;
    look_after(0);
    assert_false(keeper_jobs_wants_turn(the.jobs));
    assert_true(keeper_jobs_next(the.jobs) > the.now_ms);
    int errand = ask_for("minutely");
    look_after(0);
    assert_int_equal(state_of(errand, &end), ERRAND_FAILED);
    assert_string_equal(end.text, "the database cannot be used at present");
    assert_false(keeper_jobs_wants_turn(the.jobs));
    the.db = db;
    look_after(1000);
    assert_int_equal(run_due(), 1);
}

/* The keeper may be there before the first worker has migrated. */
static void test_before_the_migration(void **state)
{
    (void)state;
    must_run(the.db, "ALTER TABLE prong_jobs RENAME TO later");
    look_after(0);
    assert_false(keeper_jobs_wants_turn(the.jobs));
    uint64_t next_ms = keeper_jobs_next(the.jobs);
    assert_true(next_ms > the.now_ms);
    must_run(the.db, "ALTER TABLE later RENAME TO prong_jobs");
    ran("minutely", wall_ms() - HOUR_MS);
    look_until(next_ms);
    assert_int_equal(run_due(), 1);
}

/* Another file came in its place: what counts is when jobs ran there. */
static void test_replaced_database(void **state)
{
    (void)state;
    char other[192];

    snprintf(other, sizeof other, "%s/other.db", the.scratch->dir);
    struct db *db = must_open(other, DB_CREATE);

    must_run(db, schema);
    must_run(db, "INSERT INTO prong_jobs VALUES ('minutely', 1000)");
    db_fold(db);
    db_close(db);
    ran("minutely", wall_ms());
    look_after(0);
    assert_false(keeper_jobs_wants_turn(the.jobs));
    unlink(scratch_name(the.scratch, "a.db-wal"));
    unlink(scratch_name(the.scratch, "a.db-shm"));
    assert_int_equal(rename(other, the.scratch->path), 0);
    look_after(2000);
    assert_int_equal(run_due(), 1);
    assert_int_equal(count("minutely"), 1);
}

/* ---- by hand ---- */

static void test_by_hand(void **state)
{
    (void)state;
    struct errand_end end;

    ran("daily", 1000);
    look_after(0);
    ran("daily", 2000); /* whoever ran it, it is wanted now */
    int first = ask_for("daily");
    int second = ask_for("daily");
    int third = ask_for("broken");
    assert_int_equal(state_of(first, &end), ERRAND_RUNNING);
    assert_int_equal(run_due(), 2);
    assert_int_equal(count("daily"), 1); /* once for both */
    assert_int_equal(state_of(first, &end), ERRAND_DONE);
    assert_true(end.took_ns > 0);
    assert_string_equal(end.text, "");
    assert_int_equal(state_of(second, &end), ERRAND_DONE);
    assert_int_equal(state_of(third, &end), ERRAND_FAILED);
    assert_string_equal(end.text,
                        "jobs.sql:9: NOT NULL constraint failed: seen.what");
    assert_false(keeper_jobs_want(the.jobs, first, "nobody"));
    int fourth = ask_for("daily");
    keeper_jobs_free(the.jobs);
    the.jobs = NULL;
    assert_int_equal(state_of(fourth, &end), ERRAND_FAILED);
}

static void test_by_hand_waits_for_a_lock(void **state)
{
    (void)state;
    struct db *stranger = must_open(the.scratch->path, DB_SERVE);
    struct errand_end end;

    assert_int_equal(db_begin_write(stranger), DB_DONE);
    look_after(0);
    int errand = ask_for("daily");
    assert_int_equal(run_due(), 1);
    assert_int_equal(state_of(errand, &end), ERRAND_RUNNING);
    db_rollback(stranger);
    look_after(2000);
    assert_int_equal(run_due(), 1);
    assert_int_equal(state_of(errand, &end), ERRAND_DONE);
    db_close(stranger);
}

/* ---- what is seen ---- */

static void test_holder_of_the_turn(void **state)
{
    (void)state;
    struct turnstile *t = the.shared.turnstile;
    struct turn_holder holder;

    ran("minutely", wall_ms() - HOUR_MS);
    look_after(0);
    assert_true(turnstile_ask(t, SLOT_KEEPER, NULL));
    keeper_jobs_turn(the.jobs, the.db);
    assert_true(turnstile_holder(t, &holder));
    assert_int_equal(holder.slot, SLOT_KEEPER);
    assert_int_equal(holder.route,
                     names_number(the.shared.names, SLICE("JOB minutely")));
    turnstile_pass(t, SLOT_KEEPER, NULL);
}

static void test_counts_go_on(void **state)
{
    (void)state;
    ran("minutely", wall_ms() - HOUR_MS);
    look_after(0);
    run_due();
    struct job_figures before = figures("minutely");
    unload();
    load("-- EVERY 30s minutely\nINSERT INTO seen VALUES ('minutely');\n");
    exchange();
    look_after(0);
    look_after(MINUTE_MS);
    assert_int_equal(run_due(), 1);
    struct job_figures f = figures("minutely");
    assert_int_equal(f.runs, 2);
    assert_int_equal(f.sum_ns, before.sum_ns + f.last_ns);
    assert_string_equal(f.schedule, "EVERY 30s");
    assert_false(figures("daily").present);
    assert_int_equal(figures("daily").next_ms, 0);
    assert_true(f.present);
}

/* ---- the server's own ---- */

static void test_built_in(void **state)
{
    (void)state;
    struct errand_end end;

    must_run(the.db, idempotency_schema);
    must_run(the.db,
             "INSERT INTO prong_idempotency(scope, key, request, created_at,"
             " status, type, headers, body) SELECT '', value, '',"
             " (unixepoch() - value) * 1000, 200, NULL, '', x''"
             " FROM json_each('[0, 30, 90, 1000]')");
    must_run(the.db, "CREATE INDEX seen_what ON seen(what);"
                     "INSERT INTO seen VALUES ('x')");
    unload();
    load("-- GET /seen\n-- @param what text required\n"
         "SELECT * FROM seen WHERE what = :what;\n");
    exchange();
    look_after(0);
    assert_string_equal(figures("idempotency_keys").schedule, "EVERY 1h");
    assert_string_equal(figures("optimize").schedule, "EVERY 6h");
    assert_in_range(figures("optimize").next_ms, wall_ms() + 9 * MINUTE_MS,
                    wall_ms() + 10 * MINUTE_MS);
    int keys = ask_for("idempotency_keys");
    int optimize = ask_for("optimize");
    assert_int_equal(run_due(), 2);
    assert_int_equal(state_of(keys, &end), ERRAND_DONE);
    assert_int_equal(state_of(optimize, &end), ERRAND_DONE);
    assert_int_equal(one_int(the.db, "SELECT count(*) FROM prong_idempotency"),
                     2);
    assert_int_equal(one_int(the.db, "SELECT count(*) FROM sqlite_stat1"
                                     " WHERE tbl = 'seen'"),
                     1);
    assert_true(figures("optimize").next_ms > wall_ms() + 5 * HOUR_MS);
}

static void test_replaced_built_in(void **state)
{
    (void)state;
    unload();
    load("-- DAILY 04:00 optimize\nINSERT INTO seen VALUES ('mine');\n");
    exchange();
    look_after(0);
    assert_string_equal(figures("optimize").schedule, "DAILY 04:00");
    assert_string_equal(figures("idempotency_keys").schedule, "EVERY 1h");
    ask_for("optimize");
    run_due();
    assert_int_equal(count("mine"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_runs_what_is_due, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_runs_when_its_time_comes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_first_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_operators_first_then_the_longest_due, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_never_twice_for_one_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keeper_died_in_a_job, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_lock_of_a_stranger, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_database, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_before_the_migration, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_replaced_database, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_by_hand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_by_hand_waits_for_a_lock, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_holder_of_the_turn, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_counts_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_built_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_replaced_built_in, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
