#include "tests/unit/household.h"

#include "common/segment/errands.h"
#include "common/segment/names.h"
#include "common/segment/syncs.h"
#include "common/segment/tables.h"
#include "common/segment/turnstile.h"
#include "tests/unit/declare.h"
#include "worker/endpoint/jobrun.h"

enum { WORKER = 0, SLOW_NS = 20000000 };

/* ---- what workers need of it ---- */

static bool is_holding(void)
{
    return atomic_load(&house.heritage.slot->holding) != 0;
}

/* A worker's connection, and its first commit. */
static struct db *work(void)
{
    struct fault fault;
    struct db *db = db_open(house.database, DB_SERVE, &fault);
    int offset;

    assert_non_null(db);
    assert_true(db_script(db, SLICE("CREATE TABLE t(x)"), &fault, &offset));
    return db;
}

static off_t wal_size(void)
{
    char name[128];
    struct stat st;

    snprintf(name, sizeof name, "%s-wal", house.database);
    return stat(name, &st) == 0 ? st.st_size : -1;
}

static void settings_name_the_database(void **state)
{
    (void)state;
    house.settings.database = house.database;
    house.app.database = "/nowhere/db";
    start();
    assert_true(wait_until(is_holding));
    leave();
}

/* Syncs have become slow. */
enum { SLOW_SYNCS = 100 }; /* so many that 20 quick ones do not weigh */

static void make_slow(void)
{
    struct syncs *s = house.shared.syncs;
    uint64_t upto;

    for (int i = 0; i < SLOW_SYNCS; i++) {
        syncs_commit(s);
        assert_true(syncs_lead(s, WORKER, &upto));
        syncs_led(s, WORKER, SLOW_NS, true, house.bells);
    }
}

static bool offers(void)
{
    return syncs_delegate(house.shared.syncs);
}

static uint64_t last_commit;

static bool is_safe(void)
{
    return syncs_covered(house.shared.syncs, last_commit);
}

static void syncs_when_it_is_rung(void **state)
{
    struct syncs_figures f;

    (void)state;
    make_slow();
    start();
    for (uint64_t i = 0; i < 20; i++) {
        assert_true(wait_until(offers));
        last_commit = syncs_commit(house.shared.syncs);
        bells_ring(house.bells, SLOT_KEEPER);
        assert_true(wait_until(is_safe));
    }
    syncs_figures(house.shared.syncs, &f);
    assert_int_equal(f.syncs, SLOW_SYNCS + 20);
    leave();
    assert_false(offers());
}

/* The file is to be cut, which needs the turn. */
static bool is_cut(void)
{
    return wal_size() == 0;
}

static bool keeper_waits(void)
{
    uint64_t requests;
    unsigned tickets;

    turnstile_waiting(house.shared.turnstile, &tickets, &requests);
    return tickets == 1;
}

static bool is_our_turn(void)
{
    turnstile_tend(house.shared.turnstile, house.bells);
    return turnstile_ours(house.shared.turnstile, WORKER);
}

static void waits_for_its_turn(void **state)
{
    struct turnstile *t = house.shared.turnstile;

    (void)state;
    struct db *db = work();
    house.settings.journal_size_limit = 1;
    assert_true(turnstile_ask(t, WORKER, house.bells));
    start();
    assert_true(wait_until(keeper_waits));
    assert_true(wal_size() > 0);
    turnstile_pass(t, WORKER, house.bells);
    assert_true(wait_until(is_cut));
    turnstile_ask(t, WORKER, house.bells);
    assert_true(wait_until(is_our_turn));
    leave();
    db_close(db);
}

/* Whoever rang the bell that says whose turn it is has died before it did. */
static void finds_its_turn_unrung(void **state)
{
    struct turnstile *t = house.shared.turnstile;

    (void)state;
    struct db *db = work();
    house.settings.journal_size_limit = 1;
    assert_true(turnstile_ask(t, WORKER, NULL));
    start();
    assert_true(wait_until(keeper_waits));
    turnstile_pass(t, WORKER, NULL);
    assert_true(wait_until(is_cut));
    leave();
    db_close(db);
}

static void leaves_no_place_in_the_queue(void **state)
{
    struct turnstile *t = house.shared.turnstile;

    (void)state;
    struct db *db = work();
    house.settings.journal_size_limit = 1;
    assert_true(turnstile_ask(t, WORKER, house.bells));
    start();
    assert_true(wait_until(keeper_waits));
    leave();
    assert_false(keeper_waits());
    assert_true(turnstile_ours(t, WORKER));
    db_close(db);
}

/* ---- errands ---- */

static struct errand_end errand_end;

static bool has_ended(void)
{
    return errands_look(house.shared.errands, 0, &errand_end) >= ERRAND_DONE;
}

/* How a job ends that an operator asks for; errand_end is filled in. */
static enum errand_state run_job(const char *name)
{
    struct errands *e = house.shared.errands;

    assert_int_equal(errands_ask(e, WORKER, ERRAND_JOB, slice_of(name)), 0);
    bells_ring(house.bells, SLOT_KEEPER);
    assert_true(wait_until(has_ended));
    return errands_look(e, 0, &errand_end);
}

static void refuses_unknown_jobs(void **state)
{
    (void)state;
    start();
    assert_true(wait_until(is_ready));
    assert_int_equal(run_job("tidy"), ERRAND_FAILED);
    assert_string_equal(errand_end.text, "there is no such job");
    leave();
}

static bool everything_is_safe(void)
{
    struct syncs_figures f;

    syncs_figures(house.shared.syncs, &f);
    return f.commits == 1 && f.covered == 1;
}

/* A declared job, its database, and a worker that has seen it. */
static struct db *declare_job(struct sqlfile *file)
{
    struct db *db = work();
    struct fault fault;
    int offset;

    declare(file, "-- EVERY 1h tidy\nINSERT INTO t VALUES (1);\n");
    house.app.jobs = file->jobs;
    house.app.job_count = file->job_count;
    assert_true(db_script(db, slice_of(jobrun_schema), &fault, &offset));
    return db;
}

/* The commit is everybody's: seen by caches, numbered, synced. */
static void runs_jobs_like_any_writer(void **state)
{
    const struct tables *tables = house.shared.tables;
    struct sqlfile file;

    (void)state;
    struct db *db = declare_job(&file);
    unsigned t = names_table(house.shared.names, "t");
    start();
    assert_true(wait_until(is_holding));
    uint64_t version = tables_version(tables, t);
    uint64_t epoch = tables_epoch(tables);
    if (run_job("tidy") != ERRAND_DONE)
        fail_msg("%s", errand_end.text);
    assert_true(tables_version(tables, t) > version);
    assert_int_equal(tables_epoch(tables), epoch); /* not as a stranger's */
    assert_true(wait_until(everything_is_safe));
    turnstile_ask(house.shared.turnstile, WORKER, house.bells);
    assert_true(wait_until(is_our_turn)); /* it passed it on */
    leave();
    db_close(db);
    undeclare(&file);
}

static void lose_durability(void)
{
    struct syncs *s = house.shared.syncs;
    uint64_t upto;

    syncs_commit(s);
    assert_true(syncs_lead(s, WORKER, &upto));
    syncs_led(s, WORKER, 1, false, house.bells);
}

static void writes_nothing_that_may_be_lost(void **state)
{
    struct sqlfile file;

    (void)state;
    struct db *db = declare_job(&file);
    lose_durability();
    start();
    assert_true(wait_until(is_holding));
    assert_int_equal(run_job("tidy"), ERRAND_FAILED);
    assert_string_equal(errand_end.text,
                        "the database cannot be used at present");
    leave();
    db_close(db);
    undeclare(&file);
}

/* ---- the WAL at the end ---- */

static void folds_the_wal_when_it_is_last(void **state)
{
    (void)state;
    db_close(work());
    assert_true(wal_size() > 0);
    start();
    assert_true(wait_until(is_holding));
    leave();
    assert_int_equal(wal_size(), -1);
}

static void touches_no_wal_that_may_be_lost(void **state)
{
    (void)state;
    db_close(work());
    off_t size = wal_size();
    house.settings.journal_size_limit = 1;
    lose_durability();
    start();
    assert_true(wait_until(has_sampled));
    leave();
    assert_int_equal(wal_size(), size);
    assert_non_null(strstr(content(house.log), "A sync has failed"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_make, house_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settings_name_the_database),
        TEST(syncs_when_it_is_rung),
        TEST(waits_for_its_turn),
        TEST(finds_its_turn_unrung),
        TEST(leaves_no_place_in_the_queue),
        TEST(refuses_unknown_jobs),
        TEST(runs_jobs_like_any_writer),
        TEST(writes_nothing_that_may_be_lost),
        TEST(folds_the_wal_when_it_is_last),
        TEST(touches_no_wal_that_may_be_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
