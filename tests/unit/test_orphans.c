#include "crowd.h"

#include "common/segment/bells.h"
#include "common/segment/cache.h"
#include "common/segment/shared.h"
#include "common/segment/tables.h"
#include "common/segment/turnstile.h"
#include "master/orphans.h"

enum { SLOT = 3, OTHER = 4, OURS = 5 };

static struct shared shared;
static struct estate estate;

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
}

static size_t look(void)
{
    return orphans_look(&estate);
}

static int set_up(void **state)
{
    struct fault fault;

    (void)state;
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
