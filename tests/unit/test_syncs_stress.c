#include "crowd.h"

#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <time.h>

#include "common/segment/heritage.h"
#include "common/segment/syncs.h"

/*
 * A disk that knows what was written and what was synced, and processes that
 * commit, sync and wait as workers and keeper do. They are killed all the
 * time, wherever they are. Nobody may be told that a commit is safe which the
 * disk has not synced, and nobody may wait for ever.
 */
enum { WORKERS = 4, PLACES = WORKERS + 1, STRESS_MS = 1000 };

/* Exit codes of a child. */
enum { DONE = 0, TOLD_TOO_EARLY = 1, WAITED_FOR_EVER = 2, BROKEN = 3 };

/* No answer in so long is for ever. */
enum { FOR_EVER_MS = 20000 };

struct world {
    _Atomic bool over;        /* no more commits */
    _Atomic bool closed;      /* all workers have ended */
    _Atomic pid_t turn;       /* who may commit */
    _Atomic uint64_t written; /* the last commit in the file */
    _Atomic uint64_t synced;  /* the last that survives a power cut */
    _Atomic uint64_t told;    /* how often somebody was told that it is safe */
    _Atomic uint64_t syncs;
    _Atomic uint64_t rings;
    uint64_t says_ns;   /* what each sync says that it took */
    uint64_t last_sync; /* from this one on all fail; 0: none */
    _Alignas(64) char syncs_region[];
};

static struct world *world;
static struct segment *segment;
static int bell[PLACES]; /* the last one is the keeper's */

static struct syncs *the_syncs(void)
{
    return (void *)world->syncs_region;
}

static unsigned place_of(unsigned slot)
{
    return slot == SLOT_KEEPER ? WORKERS : slot;
}

/* In place of the real ones, so that rings are counted. */
void bells_ring(const struct bells *b, unsigned slot)
{
    (void)b;
    world->rings++;
    eventfd_write(bell[place_of(slot)], 1);
}

/* Sometimes lets others run, just here. */
static void dawdle(uint64_t *seed)
{
    uint64_t r = crowd_random(seed) >> 32;

    if (r % 4 == 0)
        sched_yield();
    if (r % 32 == 1)
        usleep(100);
}

/* Sleeps until it is rung. */
static void listen_for_bell(unsigned slot)
{
    struct pollfd p = {.fd = bell[place_of(slot)], .events = POLLIN};
    eventfd_t count;

    if (poll(&p, 1, FOR_EVER_MS) != 1) {
        world->over = true;
        _exit(WAITED_FOR_EVER);
    }
    eventfd_read(p.fd, &count);
}

/* ---- what workers and keeper do ----*/

/* What the file holds when it begins is safe when it ends. */
static void sync_disk(uint64_t *seed)
{
    uint64_t written = world->written;
    uint64_t was = world->synced;

    dawdle(seed);
    while (was < written &&
           !atomic_compare_exchange_weak(&world->synced, &was, written))
        ;
}

/* False when it may not. */
static bool lead(unsigned slot, uint64_t *seed)
{
    uint64_t upto;

    if (!syncs_lead(the_syncs(), slot, &upto))
        return false;
    dawdle(seed);
    uint64_t number = ++world->syncs;
    bool ok = world->last_sync == 0 || number < world->last_sync;
    if (ok)
        sync_disk(seed);
    dawdle(seed);
    syncs_led(the_syncs(), slot, world->says_ns, ok, NULL);
    return true;
}

/* The number of a commit; written and number are one thing, as whoever died
 * between the two is followed by one who writes the same. */
static uint64_t commit(uint64_t *seed)
{
    struct syncs_figures f;
    pid_t nobody = 0;

    while (!atomic_compare_exchange_strong(&world->turn, &nobody, getpid())) {
        nobody = 0;
        sched_yield();
    }
    syncs_figures(the_syncs(), &f);
    world->written = f.commits + 1;
    dawdle(seed);
    uint64_t number = syncs_commit(the_syncs());
    world->turn = 0;
    return number;
}

static void wait_until_safe(unsigned slot, uint64_t number, uint64_t *seed)
{
    struct syncs *s = the_syncs();

    syncs_wait(s, slot, number);
    while (!syncs_covered(s, number)) {
        dawdle(seed);
        if (syncs_delegate(s))
            bells_ring(NULL, SLOT_KEEPER);
        else if (lead(slot, seed))
            continue;
        if (syncs_broken(s))
            _exit(BROKEN);
        listen_for_bell(slot);
    }
    if (world->synced < number) {
        world->over = true;
        _exit(TOLD_TOO_EARLY);
    }
    world->told++;
    syncs_wait(s, slot, 0);
}

static int work(void *self, unsigned slot)
{
    uint64_t seed = (uint64_t)getpid();

    (void)self;
    while (!world->over) {
        uint64_t number = commit(&seed);
        dawdle(&seed);
        wait_until_safe(slot, number, &seed);
    }
    return DONE;
}

static int keep(void *self, unsigned slot)
{
    uint64_t seed = (uint64_t)getpid();

    (void)self;
    for (;;) {
        syncs_offer(the_syncs(), true);
        while (lead(slot, &seed))
            ;
        if (world->closed)
            return DONE;
        listen_for_bell(slot);
        syncs_offer(the_syncs(), false);
        dawdle(&seed);
    }
}

/* ---- the world ----*/

static int begin(void **state)
{
    void *memory;

    (void)state;
    segment = crowd_memory(sizeof(struct world) + syncs_size(), &memory);
    world = memory;
    for (unsigned i = 0; i < PLACES; i++)
        bell[i] = eventfd(0, EFD_CLOEXEC);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PLACES; i++)
        close(bell[i]);
    segment_free(segment);
    return 0;
}

static unsigned slot_at(unsigned place)
{
    return place == WORKERS ? (unsigned)SLOT_KEEPER : place;
}

static pid_t start(unsigned place)
{
    return crowd_start(place == WORKERS ? keep : work, NULL, slot_at(place));
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What kernel and master do, one after the other. */
static void bury(pid_t pid, unsigned place)
{
    crowd_kill(pid);
    if (world->turn == pid)
        world->turn = 0;
    syncs_forget(the_syncs(), slot_at(place), NULL);
}

static unsigned kill_for_a_while(pid_t *pids)
{
    uint64_t seed = 42;
    unsigned killed = 0;

    for (int64_t until = now_ms() + STRESS_MS; now_ms() < until; killed++) {
        unsigned place = (unsigned)(crowd_random(&seed) >> 32) % PLACES;
        usleep((useconds_t)(crowd_random(&seed) >> 32) % 4096);
        if (world->over)
            break;
        bury(pids[place], place);
        pids[place] = start(place);
    }
    world->over = true;
    return killed;
}

static void live_and_die(uint64_t says_ns)
{
    pid_t pids[PLACES];

    world->says_ns = says_ns;
    for (unsigned i = 0; i < PLACES; i++)
        pids[i] = start(i);
    unsigned killed = kill_for_a_while(pids);
    /* The last of them end without help. */
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(crowd_wait(pids[i]), DONE);
    world->closed = true;
    bells_ring(NULL, SLOT_KEEPER);
    assert_int_equal(crowd_wait(pids[WORKERS]), DONE);
    print_message("%u killed, %llu told, %llu syncs, %llu rings\n", killed,
                  (unsigned long long)world->told,
                  (unsigned long long)world->syncs,
                  (unsigned long long)world->rings);
    assert_true(killed > 20 && world->told > 100);
    assert_true(world->syncs > 10 && world->rings > 10);
}

static void workers_lead(void **state)
{
    (void)state;
    live_and_die(1000);
}

static void the_keeper_leads(void **state)
{
    (void)state;
    live_and_die((uint64_t)SYNC_SLOW_US * 2000);
}

/* From some sync on all fail: everybody learns of it. */
static void all_learn_of_failure(void **state)
{
    pid_t pids[PLACES];

    for (unsigned round = 0; round < 30; round++) {
        world->says_ns = round % 3 == 0 ? (uint64_t)SYNC_SLOW_US * 2000 : 1000;
        world->last_sync = 1 + round;
        for (unsigned i = 0; i < PLACES; i++)
            pids[i] = start(i);
        for (unsigned i = 0; i < WORKERS; i++)
            assert_int_equal(crowd_wait(pids[i]), BROKEN);
        world->closed = true;
        bells_ring(NULL, SLOT_KEEPER);
        assert_int_equal(crowd_wait(pids[WORKERS]), DONE);
        assert_true(world->syncs == world->last_sync);
        end(state);
        begin(state);
    }
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(workers_lead),
        UNIT(the_keeper_leads),
        UNIT(all_learn_of_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
