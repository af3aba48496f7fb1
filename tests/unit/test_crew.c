/*
 * What the crew keeps beside the workers: the keeper, the figures in their
 * slots, and what the dead leave behind.
 */
#include "common/segment/tables.h"
#include "tests/unit/stage.h"

static void curtain_up_with_keeper(const char *play, int workers,
                                   const char *keeper)
{
    snprintf(stage->keeper, sizeof stage->keeper, "%s", keeper);
    curtain_up(play, workers);
}

/* ---- the keeper -----------------------------------------------------------
 */

static void the_keeper_starts_after_the_proof_and_counts_as_nobody(void **state)
{
    (void)state;
    curtain_up_with_keeper("lazy", 2, "good");
    wait_for(READY, KEEPER, 1);
    wait_for(READY, ANY, 2);
    assert_true(nth(BORN, KEEPER, 0)->ms >= nth(READY, ANY, 0)->ms);
    cue(SIGTTOU);
    wait_for(LEFT, ANY, 1);
    assert_int_equal(count_of(LEFT, KEEPER), 0);
    cue(SIGWINCH);
    wait_for(LEFT, ANY, 2);
    assert_int_equal(count_of(LEFT, KEEPER), 0);
    cue(SIGUSR1);
    wait_for(REOPENED, KEEPER, 1);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(LEFT, KEEPER), 1);
    assert_int_equal(count_of(BORN, KEEPER), 1);
    assert_true(logged("Booting keeper with pid: "));
    assert_true(logged("Keeper exiting (pid: "));
}

static void without_a_proof_there_is_no_keeper(void **state)
{
    (void)state;
    curtain_up_with_keeper("exit3", 2, "good");
    curtain(EXIT_BOOT);
    assert_int_equal(count_of(BORN, KEEPER), 0);
}

static uint64_t gap(int n)
{
    return nth(BORN, KEEPER, n + 1)->ms - nth(BORN, KEEPER, n)->ms;
}

static void a_keeper_that_dies_is_tried_ever_later(void **state)
{
    static const char *const plays[] = {"crash", "exit3"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        int n = count_of(BORN, KEEPER);
        curtain_up_with_keeper("good", 1, plays[i]);
        wait_for(BORN, KEEPER, n + 3);
        assert_in_range(gap(n), 950, 1900);
        assert_in_range(gap(n + 1), 1950, 3800);
        assert_int_equal(count_of(LEFT, ANY), i); /* workers do not care */
        cue(SIGTERM);
        curtain(EXIT_ASKED);
    }
    assert_true(logged("The keeper died, next try in 2 s"));
}

/* The master counts one when its fork returns: it may be ready before. */
static void wait_for_births(uint32_t count)
{
    uint64_t end = loop_clock_ms() + PATIENCE_MS;

    while (atomic_load(&shared.slots[SLOT_KEEPER].births) < count &&
           loop_clock_ms() < end)
        usleep(2000);
    assert_int_equal(atomic_load(&shared.slots[SLOT_KEEPER].births), count);
}

static void a_keeper_that_served_comes_back_too(void **state)
{
    (void)state;
    curtain_up_with_keeper("good", 1, "good");
    wait_for(READY, KEEPER, 1);
    for (int i = 0; i < 2; i++) {
        kill(nth(READY, KEEPER, i)->pid, SIGKILL);
        wait_for(READY, KEEPER, 2 + i);
    }
    assert_in_range(gap(0), 950, 2900);
    assert_in_range(gap(1), 1950, 4800); /* it is no use hurrying */
    assert_true(logged("Keeper (pid:"));
    assert_int_equal(atomic_load(&shared.slots[SLOT_KEEPER].deaths), 2);
    wait_for_births(3);
}

static void a_silent_keeper_is_killed(void **state)
{
    (void)state;
    stage->timeout = 1;
    curtain_up_with_keeper("good", 1, "mute");
    wait_for(ABORTED, KEEPER, 1);
    wait_for(BORN, KEEPER, 2);
    assert_true(logged("[CRITICAL] KEEPER TIMEOUT (pid:"));
    assert_int_equal(count_of(BORN, ANY), 1);
    assert_false(logged("WORKER TIMEOUT"));
}

static void each_generation_has_its_own_keeper(void **state)
{
    (void)state;
    curtain_up_with_keeper("good", 2, "slow");
    wait_for(READY, KEEPER, 1);
    snprintf(stage->play, sizeof stage->play, "exit3");
    cue(SIGHUP);
    wait_for(RELEASED, 2, 1);
    assert_int_equal(count_of(LEFT, KEEPER), 0);
    snprintf(stage->play, sizeof stage->play, "good");
    cue(SIGHUP);
    wait_for(READY, KEEPER, 2);
    wait_for(RELEASED, 1, 1);
    assert_int_equal(nth(READY, KEEPER, 1)->generation, 3);
    assert_true(nth(BORN, KEEPER, 1)->ms >= nth(LEFT, KEEPER, 0)->ms + 300);
    /* The one that failed left no number. */
    assert_int_equal(atomic_load(&shared.slots[SLOT_KEEPER].generation), 2);
}

static void a_bad_keeper_does_not_fail_a_reload(void **state)
{
    (void)state;
    curtain_up_with_keeper("good", 1, "good");
    wait_for(READY, KEEPER, 1);
    snprintf(stage->keeper, sizeof stage->keeper, "exit4");
    cue(SIGHUP);
    wait_for(READY, 2, 1);
    wait_for(BORN, KEEPER, 3);
    wait_for(RELEASED, 1, 1);
    assert_false(logged("Reload failed"));
}

static void a_quick_stop_takes_the_keeper_along(void **state)
{
    (void)state;
    curtain_up_with_keeper("good", 1, "stubborn");
    wait_for(READY, KEEPER, 1);
    cue(SIGINT);
    curtain(EXIT_ASKED);
    assert_int_equal(count_of(HURRIED, KEEPER), 1);
}

static void the_keeper_gets_no_sockets(void **state)
{
    (void)state;
    snprintf(stage->bind, sizeof stage->bind, "unix:%s.s", stage->log);
    curtain_up_with_keeper("good", 1, "nosy");
    wait_for(READY, KEEPER, 1);
    /* Log, news, life, bell, and the bells of all. */
    assert_int_equal(atomic_load(&stage->descriptors), 4 + BELLS);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
}

/* ---- figures --------------------------------------------------------------
 */

static void slots_say_who_is_in_them(void **state)
{
    const struct slot *slot = &shared.slots[0];
    const struct slot *master = &shared.slots[SLOT_MASTER];

    (void)state;
    curtain_up("good", 1);
    wait_for(READY, ANY, 1);
    wait_for_log("starting -> ready", 1);
    assert_int_equal(atomic_load(&slot->pid), nth(READY, ANY, 0)->pid);
    assert_int_equal(atomic_load(&slot->births), 1);
    assert_int_equal(atomic_load(&slot->generation), 1);
    assert_in_range(atomic_load(&slot->born_ms), (time(NULL) - 60) * 1000LL,
                    (time(NULL) + 1) * 1000LL);
    assert_int_equal(atomic_load(&master->pid), stage->master);
    assert_true(atomic_load(&master->pss_kb) > 0);
    assert_true(atomic_load(&master->peak_kb) > 0);
    assert_true(atomic_load(&master->descriptors) > 0);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(atomic_load(&slot->pid), 0);
    assert_int_equal(atomic_load(&slot->deaths), 0);
}

/* ---- deaths ---------------------------------------------------------------
 */

static void an_endpoint_that_kills_is_quarantined_until_a_reload(void **state)
{
    uint32_t births = 0;

    (void)state;
    curtain_up("fatal", 2);
    wait_for_log("GET /api/x/{id} is quarantined: 3 workers died of it", 1);
    wait_for_log("was sent SIGSEGV!", 3);
    assert_true(logged("was answering GET /api/x/7 (endpoint /api/x/{id}, "
                       "request id7, in phase sql, statement 2, for 0."));
    int more = times_logged("was sent SIGSEGV!") + 2; /* that live on */
    wait_for(READY, ANY, more);
    for (unsigned i = 0; i < SLOTS_MAX; i++)
        births += atomic_load(&shared.slots[i].births);
    assert_true(births >= 5);
    assert_true(recorder_quarantined(shared.recorder, route_of(&shared)));
    snprintf(stage->play, sizeof stage->play, "good");
    cue(SIGHUP);
    wait_for(READY, 2, 2);
    assert_false(recorder_quarantined(shared.recorder, route_of(&shared)));
}

static void a_silent_worker_is_one_death(void **state)
{
    (void)state;
    stage->timeout = 1;
    curtain_up("stuck", 1);
    wait_for(BORN, ANY, 3);
    assert_true(logged("is answering GET /api/x/7 (endpoint /api/x/{id}, "
                       "request id7, in phase sql, statement 2, for "));
    assert_true(times_logged("was answering GET /api/x/7 (") == 2);
    assert_false(logged("is quarantined"));
    wait_for_log("GET /api/x/{id} is quarantined: 3 workers died of it", 1);
    assert_int_equal(times_logged("WORKER TIMEOUT"), 3);
}

static void all_is_doubted_once_nobody_has_the_database(void **state)
{
    (void)state;
    curtain_up("good", 2);
    wait_for(READY, ANY, 2);
    wait_for_log("starting -> ready", 2);
    uint64_t epoch = tables_epoch(shared.tables);
    kill(nth(READY, ANY, 0)->pid, SIGKILL);
    wait_for_log("ready -> empty", 1);
    wait_for(READY, ANY, 3);
    wait_for_log("starting -> ready", 3);
    assert_true(tables_epoch(shared.tables) == epoch);
    cue(SIGWINCH);
    wait_for_log("retiring -> empty", 2);
    cue(SIGTTIN); /* is heard once it has looked at both */
    wait_for(READY, ANY, 4);
    assert_true(tables_epoch(shared.tables) != epoch);
}

/* ---- operators' sockets ---------------------------------------------------
 */

static void admin_addresses_change_at_a_reload(void **state)
{
    char bind[80];

    (void)state;
    snprintf(bind, sizeof bind, "unix:%s.a", stage->log);
    snprintf(stage->bind, sizeof stage->bind, "unix:%s.s", stage->log);
    curtain_up("nosy", 1);
    wait_for(READY, 1, 1);
    assert_int_equal(atomic_load(&stage->descriptors), 5 + BELLS);
    assert_false(logged("Admin at: "));
    snprintf(stage->admin, sizeof stage->admin, "%s", bind);
    cue(SIGHUP);
    wait_for_log("Admin at: unix:", 1);
    assert_int_equal(atomic_load(&stage->descriptors), 6 + BELLS);
    assert_int_equal(access(bind + strlen("unix:"), F_OK), 0);
    assert_false(logged("Listening at: "));
    cue(SIGTERM);
    curtain(EXIT_ASKED);
    assert_int_equal(access(bind + strlen("unix:"), F_OK), -1);
}

/* Another master has all slots but one. */
static void who_finds_no_slot_waits_for_one(void **state)
{
    (void)state;
    for (unsigned i = 1; i < SLOTS_MAX; i++)
        atomic_store(&shared.slots[i].master, getpid());
    curtain_up("good", 2);
    wait_for(READY, ANY, 1);
    wait_for_log("A worker cannot start: all 576 slots of the shared memory "
                 "are taken, of 1 by this master's; it waits for one",
                 1);
    atomic_store(&shared.slots[300].master, 0);
    wait_for(READY, ANY, 2);
    assert_int_equal(times_logged("A worker cannot start"), 1);
    cue(SIGTERM);
    curtain(EXIT_ASKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene(the_keeper_starts_after_the_proof_and_counts_as_nobody),
        scene(without_a_proof_there_is_no_keeper),
        scene(a_keeper_that_dies_is_tried_ever_later),
        scene(a_keeper_that_served_comes_back_too),
        scene(a_silent_keeper_is_killed),
        scene(each_generation_has_its_own_keeper),
        scene(a_bad_keeper_does_not_fail_a_reload),
        scene(a_quick_stop_takes_the_keeper_along),
        scene(the_keeper_gets_no_sockets),
        scene(slots_say_who_is_in_them),
        scene(an_endpoint_that_kills_is_quarantined_until_a_reload),
        scene(a_silent_worker_is_one_death),
        scene(all_is_doubted_once_nobody_has_the_database),
        scene(admin_addresses_change_at_a_reload),
        scene(who_finds_no_slot_waits_for_one),
    };

    return cmocka_run_group_tests_name("crew", tests, NULL, NULL);
}
