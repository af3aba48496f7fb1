/*
 * How many workers serve while they are replaced: by a reload, because they
 * ask for it, or because they are stopped.
 */
#include "common/segment/flights.h"
#include "common/segment/syncs.h"
#include "common/segment/turnstile.h"
#include "tests/unit/stage.h"

/* How many of this kind had happened before that event. */
static int before(const struct event *e, enum kind kind, int generation)
{
    int found = 0;

    for (const struct event *at = stage->events; at < e; at++)
        if (is_such(at, kind, generation))
            found++;
    return found;
}

static void next_is(const char *play)
{
    snprintf(stage->play, sizeof stage->play, "%s", play);
}

static void serve_at_least_from_now(void)
{
    atomic_store(&stage->least, 99);
}

/* ---- reload ---------------------------------------------------------------
 */

static void a_reload_takes_one_by_one(void **state)
{
    (void)state;
    curtain_up("slow", 4);
    wait_for(READY, 1, 4);
    serve_at_least_from_now();
    next_is("lazy");
    cue(SIGHUP);
    wait_for(READY, 2, 4);
    wait_for(LEFT, 1, 4);
    assert_true(atomic_load(&stage->least) >= 4);
    for (int i = 1; i < 4; i++)
        assert_int_equal(before(nth(BORN, 2, i), READY, 2), i);
    assert_int_equal(count_of(BORN, 2), 4);
}

static void a_reload_to_more_starts_the_missing_at_once(void **state)
{
    (void)state;
    curtain_up("good", 2);
    wait_for(READY, 1, 2);
    serve_at_least_from_now();
    next_is("lazy");
    stage->workers = 5;
    cue(SIGHUP);
    wait_for(READY, 2, 5);
    wait_for(LEFT, 1, 2);
    assert_true(atomic_load(&stage->least) >= 5);
    /* Proof and two old ones serve: three more make five and one to spare. */
    for (int i = 1; i < 4; i++)
        assert_int_equal(before(nth(BORN, 2, i), READY, 2), 1);
    assert_true(before(nth(BORN, 2, 4), READY, 2) >= 2);
}

static void a_death_during_a_reload_is_made_good_at_once(void **state)
{
    (void)state;
    curtain_up("good", 3);
    wait_for(READY, 1, 3);
    next_is("lazy");
    cue(SIGHUP);
    wait_for(BORN, 2, 2);
    kill(nth(READY, 1, 2)->pid, SIGKILL);
    wait_for(BORN, 2, 3);
    assert_int_equal(before(nth(BORN, 2, 2), READY, 2), 1);
    wait_for(READY, 2, 3);
    wait_for(LEFT, 1, 2);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(BORN, ANY), 6);
}

/* ---- those who ask for it -------------------------------------------------
 */

static void who_asks_is_replaced_first_and_one_at_a_time(void **state)
{
    (void)state;
    curtain_up("tired", 3);
    wait_for(READY, ANY, 3);
    serve_at_least_from_now();
    cue(SIGUSR1);
    wait_for(REOPENED, ANY, 3);
    wait_for(LEFT, ANY, 3);
    assert_true(atomic_load(&stage->least) >= 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(before(nth(BORN, ANY, 3 + i), READY, ANY), 3 + i);
        assert_true(before(nth(LEFT, ANY, i), READY, ANY) > 3 + i);
    }
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(READY, ANY), 6);
    assert_int_equal(times_logged("is to be replaced: max-worker-memory"), 3);
    assert_int_equal(atomic_load(&shared.slots[0].leave), LEAVE_TOLD);
}

static void a_reload_goes_on_though_the_new_ask_too(void **state)
{
    (void)state;
    curtain_up("tired", 2);
    wait_for(READY, 1, 2);
    cue(SIGHUP);
    wait_for(READY, 2, 1);
    cue(SIGUSR1); /* both old ones, and the proof */
    wait_for(REOPENED, ANY, 2);
    wait_for(LEFT, 1, 2);
    wait_for(RELEASED, 1, 1);
}

/* ---- those that are stopped -----------------------------------------------
 */

static void a_stopped_worker_is_stood_in_for_until_it_goes_on(void **state)
{
    (void)state;
    curtain_up("good", 2);
    wait_for(READY, ANY, 2);
    pid_t sleeper = nth(READY, ANY, 0)->pid;
    assert_int_equal(
        flights_claim(shared.flights, 4096, nth(READY, ANY, 0)->slot),
        FLIGHT_OURS);
    kill(sleeper, SIGSTOP);
    wait_for(READY, ANY, 3);
    assert_int_equal(count_of(LEFT, ANY), 0);
    assert_false(flights_under_way(shared.flights, 4096, SLOT_MASTER));
    kill(sleeper, SIGCONT);
    wait_for(LEFT, ANY, 1);
    assert_int_equal(nth(LEFT, ANY, 0)->pid, nth(READY, ANY, 2)->pid);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(LEFT, ANY), 3);
    assert_int_equal(count_of(READY, ANY), 3);
    assert_true(logged("was stopped"));
    assert_true(logged("goes on"));
    assert_false(logged("SIGKILL"));
}

static void nobody_stands_in_where_nobody_is_wanted(void **state)
{
    (void)state;
    stage->graceful_timeout = 1;
    curtain_up("good", 1);
    wait_for(READY, ANY, 1);
    kill(nth(READY, ANY, 0)->pid, SIGSTOP);
    wait_for_log("was stopped", 1);
    cue(SIGWINCH);
    wait_for_log("graceful timeout", 1);
    assert_int_equal(count_of(BORN, ANY), 1);
}

static void one_that_goes_on_soon_stays(void **state)
{
    (void)state;
    curtain_up("lazy", 1);
    wait_for(READY, ANY, 1);
    kill(nth(READY, ANY, 0)->pid, SIGSTOP);
    wait_for_log("was stopped", 1);
    kill(nth(READY, ANY, 0)->pid, SIGCONT);
    wait_for_log("goes on", 1);
    cue(SIGUSR1);
    wait_for(REOPENED, ANY, 1);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(nth(REOPENED, ANY, 0)->pid, nth(READY, ANY, 0)->pid);
}

static void one_stopped_for_longer_than_the_timeout_is_killed(void **state)
{
    (void)state;
    stage->timeout = 1;
    curtain_up("good", 1);
    wait_for(READY, ANY, 1);
    unsigned slot = nth(READY, ANY, 0)->slot;
    uint64_t stopped_ms = loop_clock_ms();
    kill(nth(READY, ANY, 0)->pid, SIGSTOP);
    wait_for(READY, ANY, 2);
    wait_for_log("was sent SIGKILL!", 1);
    assert_in_range(loop_clock_ms() - stopped_ms, 1000, 4000);
    assert_true(logged("): it is stopped"));
    assert_false(logged("out of memory"));
    assert_int_equal(atomic_load(&shared.slots[slot].deaths), 0);
}

/* What a stopped process may hold that others wait for. */
static void take_turn(unsigned slot)
{
    turnstile_ask(shared.turnstile, slot, NULL);
}

static void lead_sync(unsigned slot)
{
    uint64_t upto;

    syncs_commit(shared.syncs);
    assert_true(syncs_lead(shared.syncs, slot, &upto));
}

static void one_that_others_wait_for_is_killed_at_once(void **state)
{
    static void (*const ways[])(unsigned slot) = {take_turn, lead_sync};
    struct turn_holder holder;

    (void)state;
    curtain_up("good", 1);
    for (int i = 0; i < 2; i++) {
        wait_for(READY, ANY, 1 + i);
        const struct event *e = nth(READY, ANY, i);
        ways[i](e->slot);
        kill(e->pid, SIGSTOP);
        wait_for_log("is stopped, and others wait for it", 1 + i);
        wait_for_log("was sent SIGKILL!", 1 + i);
        wait_for(READY, ANY, 2 + i);
        assert_false(turnstile_holder(shared.turnstile, &holder));
        assert_false(syncs_leads(shared.syncs, e->slot));
    }
}

static void make_syncs_slow(void)
{
    uint64_t upto;

    syncs_offer(shared.syncs, true);
    while (!syncs_delegate(shared.syncs)) { /* it is a mean */
        syncs_commit(shared.syncs);
        assert_true(syncs_lead(shared.syncs, 0, &upto));
        syncs_led(shared.syncs, 0, SYNC_SLOW_US * UINT64_C(2000), true, NULL);
    }
}

static void nothing_is_left_to_a_stopped_keeper(void **state)
{
    (void)state;
    snprintf(stage->keeper, sizeof stage->keeper, "good");
    curtain_up("good", 1);
    wait_for(READY, KEEPER, 1);
    make_syncs_slow();
    kill(nth(READY, KEEPER, 0)->pid, SIGSTOP);
    wait_for_log("was stopped", 1);
    while (syncs_delegate(shared.syncs))
        usleep(1000);
    kill(nth(READY, KEEPER, 0)->pid, SIGCONT);
    wait_for_log("goes on", 1);
    take_turn(SLOT_KEEPER);
    kill(nth(READY, KEEPER, 0)->pid, SIGSTOP);
    wait_for(READY, KEEPER, 2);
    assert_int_equal(count_of(BORN, ANY), 1);
}

static void a_reload_does_not_wait_for_the_stopped(void **state)
{
    (void)state;
    stage->graceful_timeout = 1;
    curtain_up("good", 2);
    wait_for(READY, 1, 2);
    kill(nth(READY, 1, 0)->pid, SIGSTOP);
    cue(SIGHUP);
    wait_for(READY, 2, 2);
    wait_for(RELEASED, 1, 1); /* its last worker is gone */
    wait_for_log("graceful timeout", 1);
}

/* ---- by hand, and by load -------------------------------------------------
 */

static void hands_stay_within_the_limits(void **state)
{
    (void)state;
    stage->workers_max = 3;
    curtain_up("good", 5);
    wait_for(READY, ANY, 3);
    cue(SIGTTIN);
    wait_for_log("Handling signal: ttin", 1);
    cue(SIGTTOU);
    wait_for(LEFT, ANY, 1);
    assert_int_equal(count_of(BORN, ANY), 3);
    cue(SIGHUP); /* the load decides: it keeps what there are */
    wait_for(LEFT, 1, 3);
    wait_for(READY, 2, 2);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(BORN, 2), 2);
}

/* Actors do not say that they were busy, so they seem to be stuck. */
static void a_load_makes_more(void **state)
{
    (void)state;
    stage->workers_max = 3;
    curtain_up("good", 1);
    wait_for(READY, ANY, 3);
    assert_true(logged("Scaling: 1 -> 2 workers (busy 100 %, 0 connections "
                       "waiting)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene(a_reload_takes_one_by_one),
        scene(a_reload_to_more_starts_the_missing_at_once),
        scene(a_death_during_a_reload_is_made_good_at_once),
        scene(who_asks_is_replaced_first_and_one_at_a_time),
        scene(a_reload_goes_on_though_the_new_ask_too),
        scene(a_stopped_worker_is_stood_in_for_until_it_goes_on),
        scene(nobody_stands_in_where_nobody_is_wanted),
        scene(one_that_goes_on_soon_stays),
        scene(one_stopped_for_longer_than_the_timeout_is_killed),
        scene(one_that_others_wait_for_is_killed_at_once),
        scene(nothing_is_left_to_a_stopped_keeper),
        scene(a_reload_does_not_wait_for_the_stopped),
        scene(hands_stay_within_the_limits),
        scene(a_load_makes_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
