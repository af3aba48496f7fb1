#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/vitals/perfline.h"

static void idle(void **state)
{
    struct alert none[ALERTS] = {{0}};
    const struct perfline line = {
        .wall_ms = 1769860800000, .took_ms = 60000, .alerts = none};
    struct buf out = {0};

    (void)state;
    perfline_write(&out, &line);
    assert_string_equal(
        buf_text(&out),
        "{\"time\":\"2026-01-31T12:00:00.000Z\",\"interval_s\":60,"
        "\"requests\":0,\"requests_per_second\":0,\"response_time\":{"
        "\"avg\":0,\"p50\":0,\"p95\":0,\"p99\":0,\"max\":0},"
        "\"db_query_time\":{\"avg\":0,\"p95\":0,\"p99\":0},"
        "\"queries_per_request\":0,\"error_rate\":0,\"cache_hit_rate\":0,"
        "\"memory_usage\":0,\"cpu_percent\":0,\"connections\":0,"
        "\"workers\":0,\"alerts\":[]}\n");
    buf_free(&out);
}

/* 90 requests of 1 ms and 10 of 64 ms; quantiles are the middle of a bucket. */
static void busy(void **state)
{
    static struct metrics_cell cell;
    struct alert alerts[ALERTS] = {[ALERT_MEMORY_USAGE] = {.active = true},
                                   [ALERT_ERROR_RATE] = {.active = true}};
    struct perfline line = {
        .wall_ms = 1769860800000,
        .took_ms = 10500,
        .spent.counters = {[COUNT_2XX] = 95,
                           [COUNT_5XX] = 5,
                           [COUNT_QUERIES] = 250,
                           [COUNT_CACHE_HIT] = 3,
                           [COUNT_CACHE_EXPIRED] = 1},
        .pss_kb = 1536,
        .cpu_percent = 150.06,
        .connections = 7,
        .workers = 4,
        .alerts = alerts,
    };
    struct buf out = {0};

    (void)state;
    for (int i = 0; i < 100; i++)
        histogram_add(&cell.request, i < 90 ? 1000000 : 64000000);
    histogram_add(&cell.sql, 500000);
    distribution_add(&line.spent.request, &cell.request);
    distribution_add(&line.spent.sql, &cell.sql);
    perfline_write(&out, &line);
    const char *text = buf_text(&out);
    static const char *const parts[] = {
        "\"interval_s\":10.5,\"requests\":100,\"requests_per_second\":9.52,",
        "\"response_time\":{\"avg\":7.3,\"p50\":0.999,\"p95\":63.963,",
        "\"max\":63.963},\"db_query_time\":{\"avg\":0.5,",
        "\"queries_per_request\":2.5,\"error_rate\":5,\"cache_hit_rate\":75,",
        "\"memory_usage\":1.5,\"cpu_percent\":150.1,\"connections\":7,",
        "\"workers\":4,\"alerts\":[\"memory_usage\",\"error_rate\"]}\n",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(text, parts[i]) == NULL)
            fail_msg("no %s in %s", parts[i], text);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle),
        cmocka_unit_test(busy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
