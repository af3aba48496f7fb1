#include "crowd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/segment/bells.h"
#include "common/segment/cache.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/segment/shared.h"
#include "common/segment/tables.h"
#include "common/segment/turnstile.h"
#include "common/settings/settings.h"
#include "master/orphans.h"
#include "master/stranger.h"

enum { SLOT = 3, OTHER = 4, OURS = 5, TIMEOUT_S = 30, GRACE_S = 10 };
static const uint64_t timeout_ms = TIMEOUT_S * UINT64_C(1000);
static const uint64_t grace_ms = GRACE_S * UINT64_C(1000);

static struct shared shared;
static struct estate estate;
static struct orphans orphans;
static uint64_t begin_ms;
static char log_path[64];

static int sleep_on(void *self, unsigned number)
{
    (void)self;
    (void)number;
    pause();
    return 0;
}

static int leave(void *self, unsigned number)
{
    (void)self;
    return (int)number;
}

static pid_t dead(void)
{
    pid_t pid = crowd_start(leave, NULL, 0);

    crowd_wait(pid);
    return pid;
}

static struct slot *slot(unsigned number)
{
    return &shared.slots[number];
}

static void take(unsigned number, pid_t master, pid_t pid)
{
    atomic_store(&slot(number)->master, master);
    atomic_store(&slot(number)->pid, pid);
    atomic_store(&slot(number)->ready, 1);
    atomic_store(&slot(number)->beat_ms, loop_clock_ms());
}

/* So long after the beginning of the test. */
static size_t look_after(uint64_t ms)
{
    static const struct settings limits = {.timeout = TIMEOUT_S,
                                           .graceful_timeout = GRACE_S};

    return orphans_look(&orphans, &estate, &limits, begin_ms + ms);
}

static size_t look(void)
{
    return look_after(0);
}

static int times_logged(const char *text)
{
    static char content[65536];
    FILE *file = fopen(log_path, "r");
    int times = 0;

    assert_non_null(file);
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    for (char *at = content; (at = strstr(at, text)); at++)
        times++;
    return times;
}

/* SIGSTOP takes its moment. */
static void stop(pid_t pid)
{
    siginfo_t info;

    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
}

static void is_killed(pid_t pid)
{
    assert_int_equal(crowd_wait(pid), -SIGKILL);
}

static int set_up(void **state)
{
    struct fault fault;

    (void)state;
    memset(&orphans, 0, sizeof orphans);
    begin_ms = loop_clock_ms();
    snprintf(log_path, sizeof log_path, "/tmp/prong-orphans-XXXXXX");
    close(mkstemp(log_path));
    log_open(log_path, LOG_INFO, false);
    estate = (struct estate){.shared = &shared,
                             .blame = blame_new(),
                             .bells = bells_new(),
                             .bell_fd = -1};
    return shared_open(&shared, CACHE_MIN, 1, &fault) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    blame_free(estate.blame);
    bells_free((struct bells *)(uintptr_t)estate.bells);
    shared_close(&shared);
    log_open("/dev/null", LOG_INFO, false);
    unlink(log_path);
    return 0;
}

static void a_slot_has_one_master(void **state)
{
    (void)state;
    assert_true(orphans_claim(slot(SLOT)));
    assert_int_equal(slot(SLOT)->master, getpid());
    assert_true(orphans_claim(slot(SLOT)));
    atomic_store(&slot(OTHER)->master, 1);
    assert_false(orphans_claim(slot(OTHER)));
    orphans_release(slot(OTHER)); /* not ours to give */
    assert_int_equal(slot(OTHER)->master, 1);
    orphans_release(slot(SLOT));
    assert_int_equal(slot(SLOT)->master, 0);
}

/* Of masters that live, ours included, nothing is touched. */
static void those_of_the_living_are_left_alone(void **state)
{
    pid_t gone = dead();
    pid_t master = crowd_start(sleep_on, NULL, 0);

    (void)state;
    take(SLOT, master, gone);
    take(OURS, getpid(), gone);
    take(SLOT_KEEPER, master, gone);
    assert_int_equal(look(), 0);
    assert_int_equal(slot(SLOT)->pid, gone);
    assert_int_equal(slot(SLOT)->master, master);
    assert_int_equal(slot(OURS)->pid, gone);
    assert_int_equal(slot(OURS)->master, getpid());
    crowd_kill(master);
    assert_int_equal(look(), 0);
    assert_int_equal(slot(SLOT)->pid, 0);
    assert_int_equal(slot(SLOT)->master, 0);
    assert_int_equal(slot(SLOT_KEEPER)->master, 0);
    assert_int_equal(slot(OURS)->master, getpid());
}

static void an_orphan_keeps_its_slot_until_it_leaves(void **state)
{
    pid_t master = dead();
    pid_t worker = crowd_start(sleep_on, NULL, 0);

    (void)state;
    take(SLOT, master, worker);
    take(SLOT_MASTER, master, master);
    assert_int_equal(look(), 1);
    assert_int_equal(slot(SLOT)->pid, worker);
    assert_false(orphans_claim(slot(SLOT)));
    assert_int_equal(slot(SLOT_MASTER)->master, 0);
    assert_int_equal(slot(SLOT_MASTER)->pid, 0);
    crowd_kill(worker);
    assert_int_equal(look(), 0);
    assert_int_equal(slot(SLOT)->pid, 0);
    assert_true(orphans_claim(slot(SLOT)));
}

/* Nobody may ever reap it: process 1 of a container that does not. */
static void one_that_nobody_reaps_is_gone(void **state)
{
    siginfo_t info;
    pid_t master = dead();
    pid_t worker = crowd_start(leave, NULL, 0);

    (void)state;
    assert_int_equal(waitid(P_PID, (id_t)worker, &info, WEXITED | WNOWAIT), 0);
    take(SLOT, master, worker);
    assert_int_equal(look(), 0);
    assert_int_equal(slot(SLOT)->master, 0);
    crowd_wait(worker);
}

/* Taken, and its master was killed before the fork. */
static void a_slot_without_a_process_is_free_again(void **state)
{
    (void)state;
    take(SLOT, dead(), 0);
    assert_int_equal(look(), 0);
    assert_int_equal(slot(SLOT)->master, 0);
}

static void what_it_held_is_settled_first(void **state)
{
    pid_t worker = crowd_start(sleep_on, NULL, 0);

    (void)state;
    take(OURS, getpid(), getpid());
    take(SLOT, dead(), worker);
    assert_true(turnstile_ask(shared.turnstile, SLOT, estate.bells));
    assert_false(turnstile_ask(shared.turnstile, OURS, estate.bells));
    const unsigned table = 7;
    tables_begin(shared.tables, SLOT, &table, 1);
    uint64_t epoch = tables_epoch(shared.tables);
    assert_int_equal(look(), 1);
    assert_false(turnstile_ours(shared.turnstile, OURS));
    assert_true(tables_epoch(shared.tables) == epoch);
    crowd_kill(worker);
    assert_int_equal(look(), 0);
    assert_true(turnstile_ours(shared.turnstile, OURS));
    assert_true(tables_epoch(shared.tables) != epoch);
}

/* One that is left has the database open: nothing is to be doubted. */
static void the_last_one_takes_the_index_along(void **state)
{
    pid_t master = dead();
    uint64_t epoch = tables_epoch(shared.tables);

    (void)state;
    take(OURS, getpid(), getpid());
    take(SLOT, master, dead());
    assert_int_equal(look(), 0);
    assert_true(tables_epoch(shared.tables) == epoch);
    atomic_store(&slot(OURS)->ready, 0);
    atomic_store(&slot(SLOT_KEEPER)->holding, 1);
    take(SLOT, master, dead());
    assert_int_equal(look(), 0);
    assert_true(tables_epoch(shared.tables) == epoch);
    atomic_store(&slot(SLOT_KEEPER)->holding, 0);
    take(SLOT, master, dead());
    assert_int_equal(look(), 0);
    assert_true(tables_epoch(shared.tables) != epoch);
}

/* ---- those that do not leave ---------------------------------------------*/

/* Whatever it is at, its time is that of a worker that is told to go. */
static void it_has_the_graceful_timeout(void **state)
{
    pid_t worker = crowd_start(sleep_on, NULL, 0);

    (void)state;
    take(SLOT, dead(), worker);
    assert_int_equal(look(), 1);
    assert_int_equal(look_after(grace_ms), 1);
    assert_false(spawn_gone(worker));
    assert_int_equal(look_after(grace_ms + 500), 1);
    is_killed(worker);
    assert_int_equal(slot(SLOT)->pid, worker); /* settled by the next look */
    assert_int_equal(look_after(grace_ms + 550), 0);
    assert_int_equal(slot(SLOT)->pid, 0);
    assert_true(orphans_claim(slot(SLOT)));
    assert_int_equal(times_logged("of a former master does not leave: it was "
                                  "killed"),
                     1);
}

/* Another one in the same slot has its own time. */
static void the_time_is_its_own(void **state)
{
    pid_t first = crowd_start(sleep_on, NULL, 0);
    pid_t second = crowd_start(sleep_on, NULL, 0);

    (void)state;
    take(SLOT, dead(), first);
    assert_int_equal(look(), 1);
    crowd_kill(first);
    assert_int_equal(look(), 0);
    take(SLOT, dead(), second);
    assert_int_equal(look_after(grace_ms), 1);
    assert_int_equal(look_after(grace_ms + 500), 1);
    assert_false(spawn_gone(second));
    crowd_kill(second);
}

static void one_that_hangs_has_the_timeout(void **state)
{
    pid_t keeper = crowd_start(sleep_on, NULL, 0);

    (void)state;
    take(SLOT_KEEPER, dead(), keeper);
    atomic_store(&slot(SLOT_KEEPER)->beat_ms, begin_ms);
    assert_int_equal(look_after(timeout_ms + 500), 1);
    assert_false(spawn_gone(keeper));
    assert_int_equal(look_after(timeout_ms + 501), 1);
    is_killed(keeper);
    assert_int_equal(look_after(timeout_ms + 600), 0);
    assert_int_equal(times_logged("Keeper (pid:"), 1);
    assert_int_equal(times_logged("gives no sign of life: it was killed"), 1);
}

static void a_stopped_one_that_holds_the_turn_goes_soon(void **state)
{
    pid_t keeper = crowd_start(sleep_on, NULL, 0);

    (void)state;
    take(OURS, getpid(), getpid());
    take(SLOT_KEEPER, dead(), keeper);
    assert_true(turnstile_ask(shared.turnstile, SLOT_KEEPER, estate.bells));
    assert_false(turnstile_ask(shared.turnstile, OURS, estate.bells));
    assert_int_equal(look(), 1);
    assert_int_equal(look_after(5000), 1); /* it runs: that is its right */
    stop(keeper);
    assert_int_equal(look_after(5050), 1);
    assert_int_equal(look_after(5549), 1);
    assert_false(spawn_gone(keeper));
    assert_int_equal(look_after(5550), 1);
    is_killed(keeper);
    assert_false(turnstile_ours(shared.turnstile, OURS));
    assert_int_equal(look_after(5600), 0);
    assert_true(turnstile_ours(shared.turnstile, OURS));
    assert_int_equal(times_logged("is stopped, and others wait for it"), 1);
}

/* Nobody waits for it: it may go on, and leave, within the grace. */
static void a_stopped_one_that_holds_nothing_is_left(void **state)
{
    pid_t worker = crowd_start(sleep_on, NULL, 0);

    (void)state;
    take(SLOT, dead(), worker);
    stop(worker);
    assert_int_equal(look(), 1);
    assert_int_equal(look_after(5000), 1);
    assert_false(spawn_gone(worker));
    assert_int_equal(kill(worker, SIGCONT), 0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)worker, &info, WCONTINUED | WNOWAIT),
                     0);
    assert_true(turnstile_ask(shared.turnstile, SLOT, estate.bells));
    assert_int_equal(look_after(6000), 1); /* it goes on: begins anew */
    assert_int_equal(look_after(9000), 1);
    assert_false(spawn_gone(worker));
    crowd_kill(worker);
}

/* Who has the id by now was born after the last sign of life. */
static void who_has_its_id_by_now_is_not_hit(void **state)
{
    pid_t another = crowd_start(sleep_on, NULL, 0);

    (void)state;
    take(SLOT, dead(), another);
    atomic_store(&slot(SLOT)->beat_ms, begin_ms - 5000);
    assert_int_equal(look(), 1);
    assert_int_equal(look_after(grace_ms + 500), 1);
    assert_false(spawn_gone(another));
    assert_int_equal(times_logged("and cannot be killed: No such process"), 1);
    assert_int_equal(look_after(grace_ms + 900), 1);
    assert_int_equal(times_logged("cannot be killed"), 1); /* said once */
    atomic_store(&slot(SLOT)->beat_ms, begin_ms - 70000);
    assert_int_equal(look(), 0); /* for certain: the other one is gone */
    assert_int_equal(slot(SLOT)->pid, 0);
    assert_false(spawn_gone(another));
    crowd_kill(another);
}

static void strangers_are_seen(void **state)
{
    uint64_t before_ms = loop_clock_ms();
    pid_t pid = crowd_start(sleep_on, NULL, 0);
    struct stranger s;

    (void)state;
    assert_true(stranger_look(pid, &s));
    assert_false(s.stopped);
    assert_true(s.born_ms + 20 >= before_ms);
    assert_true(s.born_ms <= loop_clock_ms());
    stop(pid);
    assert_true(stranger_look(pid, &s));
    assert_true(s.stopped);
    assert_false(stranger_kill(pid, s.born_ms - 11));
    assert_int_equal(errno, ESRCH);
    assert_true(stranger_kill(pid, s.born_ms));
    is_killed(pid);
    assert_false(stranger_look(pid, &s));
    assert_false(stranger_kill(pid, UINT64_MAX / 2));
    assert_int_equal(errno, ESRCH);
    assert_false(stranger_look(0, &s));
}

#define scene(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene(a_slot_has_one_master),
        scene(those_of_the_living_are_left_alone),
        scene(an_orphan_keeps_its_slot_until_it_leaves),
        scene(one_that_nobody_reaps_is_gone),
        scene(a_slot_without_a_process_is_free_again),
        scene(what_it_held_is_settled_first),
        scene(the_last_one_takes_the_index_along),
        scene(it_has_the_graceful_timeout),
        scene(the_time_is_its_own),
        scene(one_that_hangs_has_the_timeout),
        scene(a_stopped_one_that_holds_the_turn_goes_soon),
        scene(a_stopped_one_that_holds_nothing_is_left),
        scene(who_has_its_id_by_now_is_not_hit),
        scene(strangers_are_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
