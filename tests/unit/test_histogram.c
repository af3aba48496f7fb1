#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/segment/histogram.h"

static const uint64_t second = 1000000000;

static struct histogram h;
static struct distribution d;

static int set_up(void **state)
{
    (void)state;
    memset(&h, 0, sizeof h);
    memset(&d, 0, sizeof d);
    return 0;
}

/* xorshift64: the same numbers on every run. */
static uint64_t draw(void)
{
    static uint64_t x = 88172645463325252;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* From 0 (included) to 1 (not). */
static double draw_unit(void)
{
    return (double)(draw() >> 11) / 9007199254740992.0;
}

static void index_grows_with_time(void **state)
{
    unsigned last = 0;

    (void)state;
    for (uint64_t ns = 0; ns < 100 * second; ns += 1 + ns / 1000) {
        unsigned index = histogram_index(ns);
        assert_in_range(index, last, last + 1);
        last = index;
    }
    assert_int_equal(last, HISTOGRAM_BUCKETS - 1);
    assert_int_equal(histogram_index(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

/* The first and last time of some buckets. */
static const struct {
    unsigned index;
    uint64_t low, high;
} bounds[] = {
    {0, 0, 63},
    {1, 64, 127},
    {15, 960, 1023},
    {16, 1024, 1087},
    {31, 1984, 2047},
    {32, 2048, 2175},
    {175, 1015808, 1048575},
    {176, 1048576, 1114111},
    {430, 64424509440, 66571993087},
    {431, 66571993088, UINT64_MAX},
};

static void buckets_have_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        assert_int_equal(histogram_index(bounds[i].low), bounds[i].index);
        assert_int_equal(histogram_index(bounds[i].high), bounds[i].index);
        if (bounds[i].low > 0)
            assert_int_equal(histogram_index(bounds[i].low - 1),
                             bounds[i].index - 1);
    }
}

enum { SAMPLES = 20000 };

static uint64_t samples[SAMPLES];

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;

    return (*x > *y) - (*x < *y);
}

/* Every quantile against the sample that is really at its place. */
static void quantiles_are_near(void)
{
    qsort(samples, SAMPLES, sizeof *samples, by_size);
    distribution_add(&d, &h);
    assert_int_equal(d.count, SAMPLES);
    for (int percent = 0; percent <= 1000; percent++) {
        double q = percent / 1000.0;
        size_t rank = (size_t)ceil(q * SAMPLES);
        double exact = (double)samples[rank > 0 ? rank - 1 : 0];
        double told = (double)distribution_quantile(&d, q);
        if (fabs(told - exact) > 0.032 * exact)
            fail_msg("quantile %.3f: %.0f instead of %.0f", q, told, exact);
    }
}

static void uniform_quantiles(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        samples[i] = 1000 + draw() % (60 * second - 1000);
        histogram_add(&h, samples[i]);
    }
    quantiles_are_near();
}

static void log_uniform_quantiles(void **state)
{
    const double span = log(60e9 / 1e3);

    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        samples[i] = (uint64_t)(1e3 * exp(span * draw_unit()));
        histogram_add(&h, samples[i]);
    }
    quantiles_are_near();
}

static void nothing_was_added(void **state)
{
    (void)state;
    distribution_add(&d, &h);
    assert_int_equal(distribution_quantile(&d, 0.5), 0);
    assert_int_equal(distribution_mean(&d), 0);
    assert_int_equal(distribution_below(&d, UINT64_MAX), 0);
}

static void one_sample_is_every_quantile(void **state)
{
    static const double asked[] = {0, 0.5, 0.999, 1, -1, 2, NAN};

    (void)state;
    histogram_add(&h, 1024); /* the middle of its bucket would be 1056 */
    distribution_add(&d, &h);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        assert_int_equal(distribution_quantile(&d, asked[i]), 1024);
    assert_int_equal(d.max_ns, 1024);
}

static void mean_is_exact(void **state)
{
    (void)state;
    histogram_add(&h, 1);
    histogram_add(&h, 1000);
    histogram_add(&h, 90 * second);
    distribution_add(&d, &h);
    assert_int_equal(distribution_mean(&d), (90 * second + 1001) / 3);
    assert_int_equal(d.max_ns, 90 * second);
}

static void sums_add_up(void **state)
{
    static struct histogram other;

    (void)state;
    histogram_add(&h, 5000);
    histogram_add(&other, 7000);
    histogram_add(&other, 100);
    distribution_add(&d, &h);
    distribution_add(&d, &other);
    assert_int_equal(d.count, 3);
    assert_int_equal(d.sum_ns, 12100);
    assert_int_equal(d.max_ns, 7000);
}

/* A thousand slow ones, then a hundred fast: since then all were fast. */
static void subtract_leaves_what_came_since(void **state)
{
    struct distribution before = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        histogram_add(&h, second);
    distribution_add(&before, &h);
    for (int i = 0; i < 100; i++)
        histogram_add(&h, 20000);
    distribution_add(&d, &h);
    distribution_subtract(&d, &before);
    assert_int_equal(d.count, 100);
    assert_int_equal(distribution_mean(&d), 20000);
    assert_in_range(distribution_quantile(&d, 1), 19400, 20600);
    assert_int_equal(d.max_ns, second);
}

static void below_counts_up_to_a_time(void **state)
{
    (void)state;
    for (uint64_t ms = 1; ms <= 100; ms++)
        histogram_add(&h, ms * 1000000);
    histogram_add(&h, 300 * second);
    distribution_add(&d, &h);
    assert_int_equal(distribution_below(&d, 0), 0);
    assert_int_equal(distribution_below(&d, 900000), 0);
    assert_in_range(distribution_below(&d, 10000000), 10, 10);
    assert_in_range(distribution_below(&d, 50000000), 50, 53);
    assert_int_equal(distribution_below(&d, 110000000), 100);
    assert_int_equal(distribution_below(&d, UINT64_MAX), 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_grows_with_time),
        cmocka_unit_test(buckets_have_bounds),
        cmocka_unit_test_setup(uniform_quantiles, set_up),
        cmocka_unit_test_setup(log_uniform_quantiles, set_up),
        cmocka_unit_test_setup(nothing_was_added, set_up),
        cmocka_unit_test_setup(one_sample_is_every_quantile, set_up),
        cmocka_unit_test_setup(mean_is_exact, set_up),
        cmocka_unit_test_setup(sums_add_up, set_up),
        cmocka_unit_test_setup(subtract_leaves_what_came_since, set_up),
        cmocka_unit_test_setup(below_counts_up_to_a_time, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
