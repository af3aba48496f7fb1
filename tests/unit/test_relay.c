#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/loop.h"
#include "worker/threads/relay.h"

enum {
    THREADS = 4,
    PATIENCE_MS = 20000, /* for what has to happen sooner or later */
};

/* A worker without a loop: a turn is a count. What only the holder of the
 * baton may touch is not atomic, so that the thread sanitizer sees it. */
static struct {
    struct relay *relay;
    unsigned long turns[THREADS]; /* with the baton: by whom */
    unsigned holder;              /* with the baton: as on_take said */
    bool inside;                  /* with the baton: somebody is */
    bool jobs_last;               /* with the baton: a job takes long */
    unsigned jobs[THREADS];       /* with the baton: done, by whom */
    _Atomic unsigned long ran;    /* turns of all but the first thread */
    _Atomic unsigned jobs_done;
    _Atomic unsigned prepared;
    _Atomic bool unable;   /* prepare fails */
    _Atomic bool stuck;    /* a turn of thread 1 leaves the baton … */
    _Atomic bool released; /* … until then */
    _Atomic unsigned wakes;
    _Atomic uint64_t slice_ns; /* of a job's thread, without the baton … */
    _Atomic uint64_t after_ns; /* … and when it has it again */
    _Atomic uint64_t counts[LOG_LEVELS]; /* lines of the log */
} the;

static void nap(unsigned us)
{
    const struct timespec t = {.tv_nsec = (long)us * 1000};

    nanosleep(&t, NULL);
}

/* Of the calling thread; 0: the kernel does not tell (before Linux 6.12). */
static uint64_t slice_ns(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } a = {.size = sizeof a};

    assert_int_equal(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0U), 0);
    assert_int_equal(a.nice, getpriority(PRIO_PROCESS, 0));
    return a.runtime;
}

static bool prepare(void *self, unsigned thread)
{
    (void)self;
    (void)thread;
    atomic_fetch_add(&the.prepared, 1);
    return !atomic_load(&the.unable);
}

static void on_take(void *self, unsigned thread)
{
    (void)self;
    the.holder = thread;
}

static void enter(void)
{
    assert_false(the.inside);
    the.inside = true;
}

static void turn(void)
{
    enter();
    the.turns[the.holder]++;
    if (the.holder)
        atomic_fetch_add(&the.ran, 1);
    the.inside = false;
    if (the.holder != 1 || !atomic_load(&the.stuck))
        return;
    relay_leave(the.relay);
    while (!atomic_load(&the.released))
        nap(200);
    relay_return(the.relay);
    assert_int_equal(the.holder, 1);
}

static void run(void *self)
{
    (void)self;
    do {
        turn();
        nap(100);
    } while (relay_turn_over(the.relay));
}

static void work(void *self, void *job)
{
    (void)self;
    enter();
    assert_ptr_equal(job, &the);
    the.jobs[the.holder]++;
    the.inside = false;
    if (the.jobs_last) {
        relay_leave(the.relay);
        atomic_store(&the.slice_ns, slice_ns());
        while (!atomic_load(&the.released))
            nap(200);
        relay_return(the.relay);
        atomic_store(&the.after_ns, slice_ns());
    }
    atomic_fetch_add(&the.jobs_done, 1);
}

static void wake(void *self)
{
    (void)self;
    atomic_fetch_add(&the.wakes, 1);
}

static int set_up(void **state)
{
    const struct relay_config config = {.threads = THREADS,
                                        .prepare = prepare,
                                        .on_take = on_take,
                                        .run = run,
                                        .work = work,
                                        .wake = wake};

    (void)state;
    memset(&the, 0, sizeof the);
    log_count(the.counts);
    the.relay = relay_new(&config);
    relay_start(the.relay);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_true(relay_stop(the.relay, PATIENCE_MS));
    assert_int_equal(the.holder, 0);
    relay_free(the.relay);
    log_count(NULL);
    return 0;
}

/* Waits, without the baton, until the count is that high. */
#define AWAIT(count, least)                                                    \
    for (unsigned long i_ = 0; (count) < (least); i_++) {                      \
        assert_true(i_ < 5UL * PATIENCE_MS);                                   \
        nap(200);                                                              \
    }

/* ---- taking over ---------------------------------------------------------*/

static void quick_statements_keep_the_baton(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        relay_leave(the.relay);
        relay_return(the.relay);
    }
    /* But for when the system let others run in between. */
    assert_true(atomic_load(&the.wakes) < 100);
}

static void another_thread_takes_over(void **state)
{
    (void)state;
    relay_leave(the.relay);
    AWAIT(atomic_load(&the.ran), 10);
    relay_return(the.relay);
    assert_int_equal(the.holder, 0);
    assert_true(atomic_load(&the.wakes) > 0);
    assert_true(the.turns[1] >= 10);
    assert_int_equal(the.turns[0] + the.turns[2] + the.turns[3], 0);

    /* It is let in once more to see that it has to go. */
    for (int i = 0; relay_spare(the.relay) < THREADS - 1; i++) {
        assert_true(i < PATIENCE_MS);
        nap(1000);
        assert_true(relay_turn_over(the.relay));
        assert_int_equal(the.holder, 0);
    }
    unsigned long before = atomic_load(&the.ran);
    nap(20000);
    assert_int_equal(atomic_load(&the.ran), before);
}

static void who_took_over_is_taken_over(void **state)
{
    (void)state;
    atomic_store(&the.stuck, true);
    relay_leave(the.relay);
    AWAIT(atomic_load(&the.ran), 30);
    relay_return(the.relay);
    assert_int_equal(the.turns[1], 1);
    assert_true(the.turns[2] >= 29);
    assert_true(relay_is_away(the.relay, 1));
    assert_false(relay_is_away(the.relay, 0));
    assert_int_equal(relay_away(the.relay), 1);

    atomic_store(&the.stuck, false);
    atomic_store(&the.released, true);
    for (int i = 0; relay_away(the.relay) > 0; i++) {
        assert_true(i < PATIENCE_MS);
        nap(1000);
        assert_true(relay_turn_over(the.relay));
    }
}

static void who_cannot_serve_does_not(void **state)
{
    (void)state;
    atomic_store(&the.unable, true);
    relay_leave(the.relay);
    AWAIT(atomic_load(&the.prepared), 1);
    nap(50000);
    assert_int_equal(atomic_load(&the.ran), 0);
    assert_int_equal(atomic_load(&the.prepared), 1); /* not at once again */
    atomic_store(&the.unable, false);
    AWAIT(atomic_load(&the.ran), 1);
    relay_return(the.relay);
}

/* With so much stack a thread cannot be made. */
static void want_stack(size_t bytes)
{
    pthread_attr_t how;

    pthread_attr_init(&how);
    assert_int_equal(pthread_attr_setstacksize(&how, bytes), 0);
    assert_int_equal(pthread_setattr_default_np(&how), 0);
    pthread_attr_destroy(&how);
}

/* It goes on alone, and tries again; not with each statement. */
static void no_thread_is_to_be_had(void **state)
{
    pthread_attr_t usual;
    size_t stack;
    uint64_t began_ms = loop_clock_ms();

    (void)state;
    assert_int_equal(pthread_getattr_default_np(&usual), 0);
    pthread_attr_getstacksize(&usual, &stack);
    pthread_attr_destroy(&usual);
    want_stack((size_t)1 << 48);
    for (int i = 0; i < 1000; i++) {
        relay_leave(the.relay);
        relay_return(the.relay);
        assert_false(relay_give(the.relay, &the));
    }
    nap(20000);
    assert_int_equal(atomic_load(&the.prepared), 0);
    uint64_t told = atomic_load(&the.counts[LOG_ERROR]);
    assert_in_range(told, 1, 1 + (loop_clock_ms() - began_ms) / 1000);

    want_stack(stack);
    for (int i = 0; atomic_load(&the.ran) == 0; i++) {
        assert_true(i < PATIENCE_MS / 20);
        relay_leave(the.relay);
        nap(20000);
        relay_return(the.relay);
    }
}

/* ---- jobs ----------------------------------------------------------------*/

static void turns_until_done(unsigned jobs)
{
    for (int i = 0; atomic_load(&the.jobs_done) < jobs; i++) {
        assert_true(i < PATIENCE_MS);
        nap(1000);
        assert_true(relay_turn_over(the.relay));
    }
}

/* None is at work. */
static void turns_until_idle(void)
{
    for (int i = 0; relay_spare(the.relay) < THREADS - 1; i++) {
        assert_true(i < PATIENCE_MS);
        nap(1000);
        assert_true(relay_turn_over(the.relay));
    }
}

static void jobs_are_done_by_others(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 20; i++) {
        assert_true(relay_give(the.relay, &the));
        turns_until_done(i);
    }
    assert_int_equal(the.jobs[0], 0);
    assert_int_equal(the.jobs[1] + the.jobs[2] + the.jobs[3], 20);
}

/* Who is slow lets others have the CPU first; but not with the baton. */
static void jobs_have_long_slices(void **state)
{
    enum { SHORT_NS = 500000, LONG_NS = 10000000 };

    (void)state;
    if (slice_ns() == 0)
        skip();
    assert_int_equal(slice_ns(), SHORT_NS);
    the.jobs_last = true;
    assert_true(relay_give(the.relay, &the));
    for (int i = 0; atomic_load(&the.slice_ns) == 0; i++) {
        assert_true(i < PATIENCE_MS);
        relay_leave(the.relay);
        nap(1000);
        assert_int_equal(slice_ns(), SHORT_NS);
        relay_return(the.relay);
        assert_true(relay_turn_over(the.relay));
    }
    assert_int_equal(atomic_load(&the.slice_ns), LONG_NS);
    atomic_store(&the.released, true);
    turns_until_done(1);
    turns_until_idle();
    assert_int_equal(atomic_load(&the.after_ns), SHORT_NS);
}

/* It is found out by trying, once each. */
static void who_is_not_able_gets_none(void **state)
{
    unsigned given = 0;

    (void)state;
    atomic_store(&the.unable, true);
    while (relay_give(the.relay, &the)) {
        assert_true(++given < THREADS);
        turns_until_done(given);
    }
    assert_true(given > 0);
    turns_until_idle();
    atomic_store(&the.unable, false);
    relay_leave(the.relay);
    AWAIT(atomic_load(&the.ran), 1);
    relay_return(the.relay);
    turns_until_idle();
    assert_true(relay_give(the.relay, &the));
    turns_until_done(given + 1);
}

/* Two may be away for long: the third is for taking over. */
static void one_is_kept_back(void **state)
{
    (void)state;
    the.jobs_last = true;
    assert_true(relay_give(the.relay, &the));
    assert_true(relay_give(the.relay, &the));
    assert_false(relay_give(the.relay, &the));
    assert_int_equal(relay_spare(the.relay), 1);
    relay_leave(the.relay);
    AWAIT(atomic_load(&the.ran), 5);
    relay_return(the.relay);
    atomic_store(&the.released, true);
    turns_until_done(2);
}

static void the_last_one_knows(void **state)
{
    (void)state;
    the.jobs_last = true;
    assert_true(relay_give(the.relay, &the));
    assert_true(relay_give(the.relay, &the));
    relay_leave(the.relay);
    AWAIT(atomic_load(&the.ran), 1);
    relay_return(the.relay); /* in the middle of the other one's loop */
    assert_int_equal(relay_spare(the.relay), 0);
    assert_false(relay_give(the.relay, &the));
    atomic_store(&the.released, true);
    turns_until_done(2);
}

/* ---- the end -------------------------------------------------------------*/

static void a_stuck_one_is_told(void **state)
{
    (void)state;
    atomic_store(&the.stuck, true);
    relay_leave(the.relay);
    AWAIT(atomic_load(&the.ran), 2);
    relay_return(the.relay);
    assert_false(relay_stop(the.relay, 20));
    atomic_store(&the.released, true);
}

static int tear_down_stuck(void **state)
{
    (void)state;
    /* The baton was put down by the first attempt. */
    relay_return(the.relay);
    return tear_down(state);
}

/* ---- all at once ---------------------------------------------------------*/

static void it_is_held_by_one(void **state)
{
    unsigned given = 0;

    (void)state;
    for (int i = 0; i < 400; i++) {
        relay_leave(the.relay);
        if (i % 20 == 0)
            nap(12000);
        relay_return(the.relay);
        enter();
        the.turns[0]++;
        assert_int_equal(the.holder, 0);
        the.inside = false;
        given += relay_give(the.relay, &the);
        assert_true(relay_turn_over(the.relay));
    }
    turns_until_done(given);
    assert_int_equal(the.turns[0], 400);
    assert_true(given > 0);
}

static void nobody_else(void **state)
{
    (void)state;
    relay_leave(NULL);
    relay_return(NULL);
    assert_true(relay_turn_over(NULL));
    assert_false(relay_give(NULL, &the));
    assert_false(relay_is_away(NULL, 0));
    assert_int_equal(relay_away(NULL), 0);
    assert_true(relay_stop(NULL, 0));
    relay_free(NULL);
}

#define WITH_RELAY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RELAY(quick_statements_keep_the_baton),
        WITH_RELAY(another_thread_takes_over),
        WITH_RELAY(who_took_over_is_taken_over),
        WITH_RELAY(who_cannot_serve_does_not),
        WITH_RELAY(no_thread_is_to_be_had),
        WITH_RELAY(jobs_are_done_by_others),
        WITH_RELAY(jobs_have_long_slices),
        WITH_RELAY(who_is_not_able_gets_none),
        WITH_RELAY(one_is_kept_back),
        WITH_RELAY(the_last_one_knows),
        cmocka_unit_test_setup_teardown(a_stuck_one_is_told, set_up,
                                        tear_down_stuck),
        WITH_RELAY(it_is_held_by_one),
        cmocka_unit_test(nobody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
