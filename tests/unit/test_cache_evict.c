#include "tests/unit/larder.h"

enum { HOT = 200, COLD = 100000 };

/* One round of the hot keys; those that are missing are put. Returns how many
 * were there. */
static unsigned ask_hot(const struct larder *l)
{
    unsigned hits = 0;

    for (uint64_t n = 0; n < HOT; n++) {
        if (larder_look(l, n) == LOOK_GOOD)
            hits++;
        else
            assert_true(larder_put(l, n, 1, 4 * KILO));
    }
    return hits;
}

/* Many keys pass through a cache that holds a fraction of them, each asked
 * for `again` times after it was put. Those in use stay. */
static void pass_by(unsigned again)
{
    struct larder l = larder_open(8 * MEGA);
    unsigned hits = 0;
    unsigned rounds = 0;

    ask_hot(&l);
    ask_hot(&l);
    for (uint64_t n = HOT; n < HOT + COLD; n++) {
        assert_true(larder_put(&l, n, 1, 1 * KILO));
        for (unsigned i = 0; i < again; i++)
            assert_int_equal(larder_look(&l, n), LOOK_GOOD);
        if (n % 500 == 0) { /* half a MB: the small ring has 0.8 */
            hits += ask_hot(&l);
            rounds++;
        }
    }
    assert_true(hits * 100 > rounds * HOT * 95);
    assert_true(larder_stats(&l).evictions > COLD / 2);
    larder_close(&l);
}

static void test_scan(void **state)
{
    (void)state;
    pass_by(0);
}

/* Now each of those that pass enters the main ring too. */
static void test_crowd(void **state)
{
    (void)state;
    pass_by(1);
}

/* What is replaced all the time does not displace what lasts. */
static void test_churn(void **state)
{
    struct larder l = larder_open(8 * MEGA);
    unsigned kept = 0;

    (void)state;
    for (uint64_t n = 0; n < 5 * KILO; n++)
        assert_true(larder_put(&l, n, 1, 1 * KILO));
    for (uint64_t version = 2; version < 2000; version++)
        for (uint64_t n = 0; n < 20; n++) {
            assert_true(larder_put(&l, n, version, 1 * KILO));
            assert_int_equal(larder_look(&l, n), LOOK_GOOD);
        }
    for (uint64_t n = 0; n < 5 * KILO; n++)
        kept += larder_look(&l, n) == LOOK_GOOD;
    assert_true(kept > 5 * KILO * 98 / 100);
    larder_close(&l);
}

/* Everything is in use, and still there is room for what is new. */
static void test_all_hot(void **state)
{
    struct larder l = larder_open(CACHE_MIN);

    (void)state;
    for (uint64_t n = 0; n < 10 * KILO; n++) {
        assert_true(larder_put(&l, n, 1, 500));
        for (uint64_t back = 0; back < 16 && back <= n; back++)
            assert_int_not_equal(larder_look(&l, n - back), LOOK_WRONG);
        assert_int_equal(larder_look(&l, n), LOOK_GOOD);
    }
    larder_close(&l);
}

/* Puts others until the value leaves its place; returns how many it took. */
static uint64_t stay_of(const struct larder *l, uint64_t number,
                        uint64_t *others)
{
    uint64_t before = *others;

    assert_true(larder_put(l, number, 1, 1 * KILO));
    struct label label;
    struct cache_view view;
    label_write(&label, l->cache, number);
    assert_true(cache_look(l->cache, &label.key, &view));
    while (cache_holds(l->cache, &view)) {
        assert_true(larder_put(l, ++*others, 1, 1 * KILO));
        larder_look(l, *others); /* in use: goes to the main ring */
    }
    return *others - before;
}

/* A key that comes back soon begins in the main ring, and stays longer. */
static void test_ghosts(void **state)
{
    struct larder l = larder_open(1 * MEGA);
    uint64_t others = 1000;

    (void)state;
    for (; others < 3000; others++) /* the main ring has to be full */
        assert_true(larder_put(&l, others, 1, 1 * KILO));
    assert_true(larder_put(&l, 1, 1, 1 * KILO));
    while (larder_stats(&l).puts < 2200) /* a tenth of it: 1 falls out */
        assert_true(larder_put(&l, others++, 1, 1 * KILO));
    assert_int_equal(larder_look(&l, 1), LOOK_NONE);
    uint64_t unknown = stay_of(&l, 2, &others);
    assert_true(larder_put(&l, 3, 1, 1 * KILO));
    for (uint64_t until = others + 200; others < until;)
        assert_true(larder_put(&l, ++others, 1, 1 * KILO));
    assert_int_equal(larder_look(&l, 3), LOOK_NONE);
    uint64_t known = stay_of(&l, 3, &others);
    assert_true(known > 3 * unknown);
    larder_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan),   cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_churn),  cmocka_unit_test(test_all_hot),
        cmocka_unit_test(test_ghosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
