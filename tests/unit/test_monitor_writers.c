#include "common/segment/jobboard.h"
#include "common/segment/syncs.h"
#include "common/segment/turnstile_private.h"
#include "tests/unit/cockpit.h"

#define POST "POST /api/chefs"
#define PAGE "GET /api/monitoring/writers"

static const uint64_t SECOND = 1000000000;

static struct settings settings;

static int make(void **state)
{
    settings.durability = "full";
    if (cockpit_make(state) != 0)
        return -1;
    cockpit.monitor.settings = &settings;
    return 0;
}

static struct turnstile *turnstile(void)
{
    return cockpit.shared.turnstile;
}

/* The process of that slot has the turn for this, and has had it that long. */
static void hold(unsigned slot, const char *route, const char *id,
                 uint64_t held_ns)
{
    const struct turn_work work = {number_of(route), slice_of(id), SECOND / 2};

    assert_true(turnstile_ask(turnstile(), slot, NULL));
    turnstile_work(turnstile(), slot, &work);
    turnstile()->report[place_of(slot)].note.began_ns -= held_ns;
    turnstile()->place[place_of(slot)].given_ns -= held_ns;
}

static void held(unsigned slot, const char *route, const char *id,
                 uint64_t held_ns)
{
    hold(slot, route, id, held_ns);
    turnstile_pass(turnstile(), slot, NULL);
}

static void nobody_writes(void **state)
{
    (void)state;
    see(monitor_writers, PAGE);
    expect_text("$.durability", "full");
    expect_nothing("$.holder");
    expect_int("$.queue.workers", 0);
    expect_int("$.queue.requests", 0);
    expect_int("$.wait.p99", 0);
    expect_int("$.hold.max", 0);
    expect_int("$.sync.commits", 0);
    expect_int("$.sync.commits_per_sync", 0);
    expect_int("$.sync.broken", 0);
    assert_int_equal(look_at("$.slowest"), DB_TEXT);
    expect_nothing("$.slowest[0]");
}

static void one_writes_and_others_wait(void **state)
{
    (void)state;
    man(1, 102, BORN_AGO_MS);
    man(2, 103, BORN_AGO_MS);
    hold(1, POST, "the one", 2 * SECOND);
    turnstile_ask(turnstile(), 0, NULL);
    turnstile_queue(turnstile(), 0, 3);
    turnstile_ask(turnstile(), 2, NULL);
    turnstile_queue(turnstile(), 2, 4);
    see(monitor_writers, PAGE);
    expect_text("$.holder.endpoint", POST);
    expect_text("$.holder.id", "the one");
    expect_int("$.holder.slot", 1);
    expect_int("$.holder.pid", getpid());
    expect_int("$.holder.waited_ms", 500);
    assert_true(real_at("$.holder.held_ms") >= 2000);
    assert_int_equal(look_at("$.holder.since"), DB_TEXT);
    expect_int("$.queue.workers", 2);
    expect_int("$.queue.requests", 7);
    expect_real("$.wait.avg", 500, 0);
    turnstile_pass(turnstile(), 1, NULL);
    see(monitor_writers, PAGE); /* the next one has said nothing yet */
    expect_nothing("$.holder.endpoint");
    expect_nothing("$.holder.id");
    expect_int("$.holder.slot", 0);
    expect_int("$.queue.workers", 1);
    expect_int("$.queue.requests", 7);
    assert_true(real_at("$.hold.max") >= 2000);
    expect_text("$.slowest[0].id", "the one");
}

/* Of all workers and the keeper. */
static void times_are_of_all(void **state)
{
    (void)state;
    man(1, 102, BORN_AGO_MS);
    man(SLOT_KEEPER, 110, BORN_AGO_MS);
    held(0, POST, "", 10 * SECOND);
    held(1, POST, "", 20 * SECOND);
    held(SLOT_KEEPER, "JOB revenue", "", 60 * SECOND);
    see(monitor_writers, PAGE);
    assert_true(real_at("$.hold.avg") >= 30000);
    expect_real("$.hold.p50", 20000, 1000);
    expect_real("$.wait.p95", 500, 20);
}

static void the_slowest_come_first(void **state)
{
    const struct job_figures job = {.name = "revenue"};
    int entry = jobboard_entry(cockpit.shared.jobboard, job.name);

    (void)state;
    jobboard_put(cockpit.shared.jobboard, entry, &job);
    man(1, 102, BORN_AGO_MS);
    man(SLOT_KEEPER, 110, BORN_AGO_MS);
    held(0, POST, "middle", 20 * SECOND);
    held(1, "POST /api/gone", "last", 10 * SECOND);
    held(SLOT_KEEPER, "JOB revenue", "", 30 * SECOND);
    see(monitor_writers, PAGE);
    expect_text("$.slowest[0].endpoint", "JOB revenue");
    expect_nothing("$.slowest[0].id");
    expect_int("$.slowest[0].slot", SLOT_KEEPER);
    assert_true(real_at("$.slowest[0].held_ms") >= 30000);
    expect_text("$.slowest[1].endpoint", POST);
    expect_text("$.slowest[1].id", "middle");
    expect_int("$.slowest[1].waited_ms", 500);
    expect_int("$.slowest[1].pid", getpid());
    assert_int_equal(look_at("$.slowest[1].at"), DB_TEXT);
    expect_nothing("$.slowest[2].endpoint"); /* no such endpoint any more */
    expect_text("$.slowest[2].id", "last");
    expect_nothing("$.slowest[3]");
}

/* Twenty, and none from long ago. */
static void not_all_are_listed(void **state)
{
    (void)state;
    man(1, 102, BORN_AGO_MS);
    for (unsigned i = 0; i < TURN_SLOW; i++) {
        held(0, POST, "slow", 2 * SECOND);
        held(1, POST, "quick", SECOND);
    }
    see(monitor_writers, PAGE);
    expect_text("$.slowest[15].id", "slow");
    expect_text("$.slowest[16].id", "quick");
    expect_text("$.slowest[19].id", "quick");
    expect_nothing("$.slowest[20]");
    for (unsigned i = 0; i < TURN_SLOW; i++)
        turnstile()->report[place_of(0)].slow[i].who.wall_ms -=
            TURN_RECENT_MS + 10000;
    see(monitor_writers, PAGE);
    expect_text("$.slowest[0].id", "quick");
    expect_nothing("$.slowest[16]");
}

/* What found no room in names has no name, whatever else has that number. */
static void the_rest_is_nameless(void **state)
{
    const struct turn_work work = {NAMES_REST, SLICE("whose"), 0};

    (void)state;
    assert_true(turnstile_ask(turnstile(), 0, NULL));
    turnstile_work(turnstile(), 0, &work);
    see(monitor_writers, PAGE);
    expect_nothing("$.holder.endpoint");
    expect_text("$.holder.id", "whose");
}

static void syncs_are_told(void **state)
{
    struct syncs *s = cockpit.shared.syncs;
    uint64_t upto;

    (void)state;
    settings.durability = "normal";
    for (unsigned i = 0; i < 5; i++)
        syncs_commit(s);
    assert_true(syncs_lead(s, 0, &upto));
    syncs_led(s, 0, 2000000, true, NULL);
    syncs_commit(s);
    assert_true(syncs_lead(s, 0, &upto));
    syncs_led(s, 0, 4000000, true, NULL);
    syncs_commit(s);
    see(monitor_writers, PAGE);
    expect_text("$.durability", "normal");
    expect_int("$.sync.commits", 7);
    expect_int("$.sync.covered", 6);
    expect_int("$.sync.syncs", 2);
    expect_int("$.sync.commits_per_sync", 3);
    expect_int("$.sync.max_ms", 4);
    expect_real("$.sync.mean_ms", 0.625, 0.001); /* see OUTLIER_NS */
    expect_int("$.sync.broken", 0);
    assert_true(syncs_lead(s, 0, &upto));
    syncs_led(s, 0, 1000, false, NULL);
    see(monitor_writers, PAGE);
    expect_int("$.sync.broken", 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make, cockpit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nobody_writes),      T(one_writes_and_others_wait),
        T(times_are_of_all),   T(the_slowest_come_first),
        T(not_all_are_listed), T(the_rest_is_nameless),
        T(syncs_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
