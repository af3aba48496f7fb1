#include "crowd.h"

#include <stdatomic.h>

#include "common/segment/buckets.h"

enum { FLOOD = 200 * 1000, WORKERS = 4 };

static const uint64_t S = UINT64_C(1000) * 1000 * 1000; /* in ns */
static const uint64_t START = 1000 * (uint64_t)1000 * 1000 * 1000;

/* Ten a second, twenty at once. */
static const struct buckets_rule rule = {
    .every_ns = UINT64_C(100) * 1000 * 1000, .burst = 20};

static struct it {
    struct segment *segment;
    struct buckets *b;
    uint64_t kind;
} it;

static int set_up(void **state)
{
    void *memory;

    (void)state;
    it.segment = crowd_memory(buckets_size(), &memory);
    it.b = memory;
    buckets_init(it.b, 0x5EED);
    it.kind = buckets_kind(it.b, SLICE("GET /a"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    segment_free(it.segment);
    return 0;
}

static uint64_t key_of(uint64_t who)
{
    return buckets_key(it.kind, (struct slice){(const char *)&who, sizeof who});
}

static struct buckets_level take(uint64_t who, uint64_t now_ns)
{
    struct buckets_level level;

    buckets_take(it.b, key_of(who), &rule, now_ns, &level);
    return level;
}

/* How many it is given at that moment. */
static unsigned drain(uint64_t who, const struct buckets_rule *r,
                      uint64_t now_ns)
{
    struct buckets_level level;
    unsigned n = 0;

    for (;; n++) {
        buckets_take(it.b, key_of(who), r, now_ns, &level);
        if (!level.admitted)
            return n;
        assert_true(n < 1000);
    }
}

static void a_burst_then_as_fast_as_it_fills(void **state)
{
    static const struct {
        uint64_t at_ns; /* since the start */
        bool admitted;
        uint64_t left, wait_ns, full_ns;
    } then[] = {
        {0, false, 0, S / 10, 2 * S},
        {S / 10 - 1, false, 0, 1, 2 * S - (S / 10 - 1)},
        {S / 10, true, 0, S / 10, 2 * S},
        {S / 10, false, 0, S / 10, 2 * S},
        {S, true, 8, 0, S + S / 10 + S / 10},
        {10 * S, true, 19, 0, S / 10},
    };

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        struct buckets_level level = take(1, START);
        assert_true(level.admitted);
        assert_int_equal(level.left, 19 - i);
        assert_int_equal(level.wait_ns, i == 19 ? S / 10 : 0);
        assert_int_equal(level.full_ns, (i + 1) * (S / 10));
    }
    for (size_t i = 0; i < sizeof then / sizeof *then; i++) {
        struct buckets_level level = take(1, START + then[i].at_ns);
        if (level.admitted != then[i].admitted || level.left != then[i].left ||
            level.wait_ns != then[i].wait_ns ||
            level.full_ns != then[i].full_ns)
            fail_msg("%zu: %d, %llu left, wait %llu, full %llu", i,
                     level.admitted, (unsigned long long)level.left,
                     (unsigned long long)level.wait_ns,
                     (unsigned long long)level.full_ns);
    }
}

static void each_has_his_own(void **state)
{
    (void)state;
    assert_int_equal(drain(1, &rule, START), 20);
    assert_int_equal(drain(2, &rule, START), 20);
    it.kind = buckets_kind(it.b, SLICE("GET /b"));
    assert_int_equal(drain(1, &rule, START), 20);
}

static void looking_takes_nothing(void **state)
{
    struct buckets_level level;

    (void)state;
    buckets_look(it.b, key_of(1), &rule, START, &level);
    assert_true(level.admitted);
    assert_int_equal(level.left, 20);
    assert_int_equal(level.full_ns, 0);
    assert_int_equal(drain(1, &rule, START), 20);
    for (int i = 0; i < 2; i++) {
        buckets_look(it.b, key_of(1), &rule, START + S / 20, &level);
        assert_false(level.admitted);
        assert_int_equal(level.left, 0);
        assert_int_equal(level.wait_ns, S / 20);
    }
}

/* After a reload the same bucket has another rule: nothing is forgiven, and
 * nobody waits longer than the new one can make him. */
static void a_rule_that_changes(void **state)
{
    const struct buckets_rule slow = {.every_ns = 3600 * S, .burst = 10};

    (void)state;
    assert_int_equal(drain(1, &slow, START), 10);
    assert_int_equal(drain(1, &rule, START), 1);
    assert_int_equal(drain(1, &rule, START + 3 * S), 20);
    assert_int_equal(drain(2, &rule, START), 20);
    assert_int_equal(drain(2, &slow, START), 9); /* two seconds are missing */
}

/* Others' clocks are read a little earlier or later. */
static void clocks_that_differ_forgive_nothing(void **state)
{
    (void)state;
    assert_int_equal(drain(1, &rule, START), 20);
    assert_int_equal(drain(1, &rule, START - S / 2), 0);
}

static void a_flood_resets_nobody(void **state)
{
    unsigned given = 0;

    (void)state;
    assert_int_equal(drain(1, &rule, START), 20);
    for (uint64_t who = 2; who < FLOOD; who++) {
        take(who, START);
        if (who % 1000 == 0)
            given += take(1, START).admitted;
    }
    assert_int_equal(given, 0);
    assert_int_equal(drain(1, &rule, START), 0);
}

/* All buckets are as empty as they can be: a newcomer has one request, and so
 * has each of those whose bucket he took; nobody has two. */
static void a_flood_of_empty_buckets(void **state)
{
    const struct buckets_rule small = {.every_ns = S, .burst = 2};
    uint64_t newcomer = FLOOD + 1;
    unsigned again = 0;

    (void)state;
    for (uint64_t who = 1; who < FLOOD; who++)
        assert_in_range(drain(who, &small, START), 1, 2);
    assert_int_equal(drain(newcomer, &small, START), 1);
    for (uint64_t who = 1; who < 100; who++)
        again += drain(who, &small, START);
    assert_in_range(again, 0, 100);
    assert_int_equal(drain(newcomer, &small, START + 2 * S), 2);
}

/* What a flood of requests that are soon forgotten leaves behind. */
static void full_buckets_are_taken(void **state)
{
    (void)state;
    for (uint64_t who = 1; who < FLOOD; who++)
        take(who, START);
    for (uint64_t who = FLOOD; who < FLOOD + 1000; who++)
        assert_int_equal(take(who, START + S).left, 19);
}

/* ---- processes -----------------------------------------------------------*/

enum { MANY = 200 * 1000 };

/* Each takes what it can get of the same bucket. */
static int grab(void *self, unsigned number)
{
    const struct buckets_rule many = {.every_ns = 1000, .burst = MANY};
    _Atomic uint32_t *taken = self;
    struct buckets_level level;

    (void)number;
    for (;; atomic_fetch_add(taken, 1)) {
        buckets_take(it.b, key_of(1), &many, START, &level);
        if (!level.admitted)
            return 0;
    }
}

static void workers_share_one_burst(void **state)
{
    pid_t pids[WORKERS];
    void *taken;
    struct segment *s = crowd_memory(sizeof(uint32_t), &taken);

    (void)state;
    for (unsigned i = 0; i < WORKERS; i++)
        pids[i] = crowd_start(grab, taken, i);
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(crowd_wait(pids[i]), 0);
    assert_int_equal(*(uint32_t *)taken, MANY);
    segment_free(s);
}

/* Fills sets with keys for ever, so that it dies in the middle of one. */
static int trample(void *self, unsigned number)
{
    uint64_t seed = number + 1;

    (void)self;
    while (seed)
        take(1 + crowd_random(&seed) % FLOOD, START);
    return 0;
}

static void death_leaves_what_can_be_used(void **state)
{
    uint64_t seed = 77;

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        pid_t pids[2];
        for (unsigned i = 0; i < 2; i++)
            pids[i] = crowd_start(trample, NULL, round * 2 + i);
        for (unsigned i = 0; i < 3000; i++)
            take(1 + crowd_random(&seed) % FLOOD, START);
        for (unsigned i = 0; i < 2; i++)
            crowd_kill(pids[i]);
    }
    for (uint64_t who = 1; who < FLOOD; who += 37)
        assert_in_range(drain(who, &rule, START), 0, 20);
    for (uint64_t who = 1; who < 1000; who++)
        assert_int_equal(drain(who, &rule, START + 1000 * S), 20);
}

#define BUCKETS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BUCKETS(a_burst_then_as_fast_as_it_fills),
        BUCKETS(each_has_his_own),
        BUCKETS(looking_takes_nothing),
        BUCKETS(a_rule_that_changes),
        BUCKETS(clocks_that_differ_forgive_nothing),
        BUCKETS(a_flood_resets_nobody),
        BUCKETS(a_flood_of_empty_buckets),
        BUCKETS(full_buckets_are_taken),
        BUCKETS(workers_share_one_burst),
        BUCKETS(death_leaves_what_can_be_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
