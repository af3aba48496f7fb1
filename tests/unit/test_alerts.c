#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/app/alerts.h"

static const struct alert_rules RULES = {
    .response_time = 100,
    .db_query_time = 10,
    .memory_usage = 500,
    .cache_hit_rate = 60,
    .error_rate = 1,
    .min_requests = 20,
    .hold_ms = 15000,
};

/* Nothing is wrong with these. */
static const struct alert_figure FINE[ALERTS] = {
    [ALERT_RESPONSE_TIME] = {20, 1000}, [ALERT_DB_QUERY_TIME] = {1, 1000},
    [ALERT_MEMORY_USAGE] = {100, 0},    [ALERT_CACHE_HIT_RATE] = {90, 1000},
    [ALERT_ERROR_RATE] = {0, 1000},
};

/* Judges one figure at a time in seconds, the others being fine. */
static unsigned judge(struct alerts *a, enum alert_kind kind,
                      struct alert_figure figure, uint64_t second)
{
    struct alert_figure figures[ALERTS];

    memcpy(figures, FINE, sizeof figures);
    figures[kind] = figure;
    return alerts_judge(a, &RULES, figures, second * 1000,
                        (int64_t)second * 1000 + 1);
}

static void every_kind_rises_and_clears(void **state)
{
    static const struct {
        enum alert_kind kind;
        struct alert_figure bad;
        double threshold;
    } cases[] = {
        {ALERT_RESPONSE_TIME, {100.1, 20}, 100},
        {ALERT_DB_QUERY_TIME, {10.1, 20}, 10},
        {ALERT_MEMORY_USAGE, {500.1, 0}, 500},
        {ALERT_CACHE_HIT_RATE, {59.9, 20}, 60},
        {ALERT_ERROR_RATE, {1.1, 20}, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct alerts a = {0};
        enum alert_kind kind = cases[i].kind;
        const struct alert *alert = &a.at[kind];

        assert_int_equal(judge(&a, kind, cases[i].bad, 100), 0);
        assert_false(alert->active);
        assert_int_equal(judge(&a, kind, cases[i].bad, 115), 1U << kind);
        assert_true(alert->active);
        assert_int_equal(alert->rises, 1);
        assert_int_equal(alert->since_ms, 115001);
        assert_true(alert->threshold == cases[i].threshold);
        assert_true(alert->value == cases[i].bad.value);
        assert_int_equal(judge(&a, kind, cases[i].bad, 120), 0);

        assert_int_equal(judge(&a, kind, FINE[kind], 125), 0);
        assert_true(alert->active);
        assert_int_equal(judge(&a, kind, FINE[kind], 140), 1U << kind);
        assert_false(alert->active);
        assert_int_equal(alert->rises, 1);
        assert_int_equal(alert->since_ms, 140001);
        assert_true(alert->value == FINE[kind].value);
    }
}

/* What is exactly at its threshold is not beyond it. */
static void the_threshold_itself_is_fine(void **state)
{
    static const struct alert_figure at[ALERTS] = {
        {100, 50}, {10, 50}, {500, 0}, {60, 50}, {1, 50},
    };
    struct alerts a = {0};

    (void)state;
    assert_int_equal(alerts_judge(&a, &RULES, at, 0, 1), 0);
    assert_int_equal(alerts_judge(&a, &RULES, at, 60000, 1), 0);
}

/* Neither a short peak raises an alert nor a short rest clears it. */
static void hold(void **state)
{
    static const struct {
        uint64_t second;
        double ms;
        unsigned turned;
    } steps[] = {
        {0, 200, 0},  {10, 200, 0}, {14, 50, 0},  {15, 200, 0}, {29, 200, 0},
        {30, 200, 1}, {35, 50, 0},  {49, 50, 0},  {50, 200, 0}, {51, 50, 0},
        {65, 50, 0},  {66, 50, 1},  {67, 200, 0}, {82, 200, 1},
    };
    struct alerts a = {0};

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        assert_int_equal(judge(&a, ALERT_RESPONSE_TIME,
                               (struct alert_figure){steps[i].ms, 100},
                               steps[i].second),
                         steps[i].turned);
    assert_int_equal(a.at[ALERT_RESPONSE_TIME].rises, 2);
}

static void no_hold(void **state)
{
    struct alert_rules rules = RULES;
    struct alert_figure figures[ALERTS];
    struct alerts a = {0};

    (void)state;
    rules.hold_ms = 0;
    memcpy(figures, FINE, sizeof figures);
    figures[ALERT_MEMORY_USAGE].value = 501;
    assert_int_equal(alerts_judge(&a, &rules, figures, 5, 5),
                     1U << ALERT_MEMORY_USAGE);
    assert_int_equal(alerts_judge(&a, &rules, FINE, 5, 5),
                     1U << ALERT_MEMORY_USAGE);
    assert_false(a.at[ALERT_MEMORY_USAGE].active);
}

/* Too few cannot raise one; what has risen waits for better or for none. */
static void traffic(void **state)
{
    const enum alert_kind kind = ALERT_RESPONSE_TIME;
    struct alerts a = {0};

    (void)state;
    judge(&a, kind, (struct alert_figure){900, 19}, 0);
    assert_int_equal(judge(&a, kind, (struct alert_figure){900, 19}, 60), 0);
    judge(&a, kind, (struct alert_figure){900, 20}, 61);
    assert_int_equal(judge(&a, kind, (struct alert_figure){900, 20}, 76), 1);
    judge(&a, kind, (struct alert_figure){900, 1}, 80);
    assert_int_equal(judge(&a, kind, (struct alert_figure){900, 1}, 200), 0);
    assert_true(a.at[kind].active);
    judge(&a, kind, (struct alert_figure){0, 0}, 201);
    assert_int_equal(judge(&a, kind, (struct alert_figure){0, 0}, 216), 1);
    assert_false(a.at[kind].active);
    judge(&a, ALERT_CACHE_HIT_RATE, (struct alert_figure){0, 0}, 300);
    assert_int_equal(
        judge(&a, ALERT_CACHE_HIT_RATE, (struct alert_figure){0, 0}, 400), 0);
}

static void switched_off(void **state)
{
    static const struct alert_rules off = {.min_requests = 1, .hold_ms = 15000};
    static const struct alert_figure bad[ALERTS] = {
        {1e6, 99}, {1e6, 99}, {1e6, 99}, {0, 99}, {100, 99},
    };
    struct alerts a = {0};
    char words[128];

    (void)state;
    assert_int_equal(alerts_judge(&a, &off, bad, 0, 1), 0);
    assert_int_equal(alerts_judge(&a, &off, bad, 60000, 1), 0);
    a.at[ALERT_ERROR_RATE].active = true; /* as a reload finds it */
    assert_int_equal(alerts_judge(&a, &off, bad, 60001, 7),
                     1U << ALERT_ERROR_RATE);
    alerts_words(ALERT_ERROR_RATE, &a.at[ALERT_ERROR_RATE], words,
                 sizeof words);
    assert_string_equal(words, "error_rate is switched off");
}

static void words(void **state)
{
    static const struct {
        enum alert_kind kind;
        struct alert alert;
        const char *said;
    } cases[] = {
        {ALERT_RESPONSE_TIME,
         {.active = true, .value = 132.44, .threshold = 100},
         "response_time 132.4 ms is above 100 ms"},
        {ALERT_RESPONSE_TIME,
         {.value = 9.999, .threshold = 100},
         "response_time 10.00 ms is no longer above 100 ms"},
        {ALERT_DB_QUERY_TIME,
         {.value = 0.25, .threshold = 10},
         "db_query_time 0.25 ms is no longer above 10 ms"},
        {ALERT_MEMORY_USAGE,
         {.active = true, .value = 612, .threshold = 500},
         "memory_usage 612.0 MB is above 500 MB"},
        {ALERT_CACHE_HIT_RATE,
         {.active = true, .value = 12.5, .threshold = 60},
         "cache_hit_rate 12.5 % is below 60 %"},
        {ALERT_ERROR_RATE,
         {.active = true, .value = 1.04, .threshold = 0.5},
         "error_rate 1.04 % is above 0.5 %"},
    };
    char said[128];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        alerts_words(cases[i].kind, &cases[i].alert, said, sizeof said);
        assert_string_equal(said, cases[i].said);
    }
}

static void figures(void **state)
{
    struct totals t = {
        .counters = {[COUNT_2XX] = 195,
                     [COUNT_5XX] = 5,
                     [COUNT_CACHE_HIT] = 30,
                     [COUNT_CACHE_MISS] = 10},
        .request = {.count = 200, .sum_ns = 300000000},
        .sql = {.count = 40, .sum_ns = 10000000},
    };
    struct alert_figure f[ALERTS];

    (void)state;
    alerts_figures(&t, 524288, f);
    assert_true(f[ALERT_RESPONSE_TIME].value == 1.5);
    assert_int_equal(f[ALERT_RESPONSE_TIME].count, 200);
    assert_true(f[ALERT_DB_QUERY_TIME].value == 0.25);
    assert_int_equal(f[ALERT_DB_QUERY_TIME].count, 40);
    assert_true(f[ALERT_MEMORY_USAGE].value == 512);
    assert_true(f[ALERT_CACHE_HIT_RATE].value == 75);
    assert_int_equal(f[ALERT_CACHE_HIT_RATE].count, 40);
    assert_true(f[ALERT_ERROR_RATE].value == 2.5);
    assert_int_equal(f[ALERT_ERROR_RATE].count, 200);
    t = (struct totals){0};
    alerts_figures(&t, 0, f);
    for (size_t i = 0; i < ALERTS; i++)
        assert_true(f[i].value == 0 && f[i].count == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_rises_and_clears),
        cmocka_unit_test(the_threshold_itself_is_fine),
        cmocka_unit_test(hold),
        cmocka_unit_test(no_hold),
        cmocka_unit_test(traffic),
        cmocka_unit_test(switched_off),
        cmocka_unit_test(words),
        cmocka_unit_test(figures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
