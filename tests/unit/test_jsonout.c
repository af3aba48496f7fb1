#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <math.h>
#include <cmocka.h>

#include "common/jsonout.h"

static struct buf b;
static struct jsonout j;

static int set_up(void **state)
{
    (void)state;
    j = (struct jsonout){.out = &b};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_free(&b);
    return 0;
}

static void commas_are_put(void **state)
{
    (void)state;
    jsonout_open(&j, NULL, '{');
    jsonout_int(&j, "requests", 7);
    jsonout_open(&j, "workers", '[');
    jsonout_int(&j, NULL, -1);
    jsonout_open(&j, NULL, '{');
    jsonout_bool(&j, "up", true);
    jsonout_bool(&j, "down", false);
    jsonout_close(&j, '}');
    jsonout_open(&j, NULL, '[');
    jsonout_close(&j, ']');
    jsonout_open(&j, NULL, '{');
    jsonout_close(&j, '}');
    jsonout_close(&j, ']');
    jsonout_null(&j, "nothing");
    jsonout_text(&j, "na\"me", SLICE("a\nb"));
    jsonout_text(&j, "empty", (struct slice){NULL, 0});
    jsonout_close(&j, '}');
    assert_string_equal(
        buf_text(&b),
        "{\"requests\":7,\"workers\":[-1,{\"up\":true,\"down\":false},[],{}],"
        "\"nothing\":null,\"na\\\"me\":\"a\\nb\",\"empty\":\"\"}");
}

/* It begins where the buffer ends. */
static void appends(void **state)
{
    (void)state;
    buf_string(&b, "-0");
    jsonout_real(&j, NULL, 0, 0);
    assert_string_equal(buf_text(&b), "-00");
}

static const struct {
    double value;
    int digits;
    const char *text;
} reals[] = {
    {0, 3, "0"},
    {0, 0, "0"},
    {-0.0, 3, "0"},
    {-0.0004, 3, "0"},
    {-0.0004, 0, "0"},
    {-0.0006, 3, "-0.001"},
    {1, 3, "1"},
    {100, 0, "100"},
    {100, 2, "100"},
    {12.5, 3, "12.5"},
    {12.3456, 3, "12.346"},
    {12.0004, 3, "12"},
    {99.9996, 3, "100"},
    {2.7, 0, "3"},
    {0.001, 3, "0.001"},
    {-7.25, 1, "-7.2"},
    {123456789.125, 3, "123456789.125"},
    {4503599627370495.5, 1, "4503599627370495.5"},
    {9007199254740991, 2, "9007199254740991"},
    {1e300, 2, "1e+300"},
    {-1e300, 2, "-1e+300"},
    {NAN, 2, "null"},
    {INFINITY, 2, "null"},
    {-INFINITY, 0, "null"},
};

static void reals_are_rounded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        j.follows = false;
        jsonout_real(&j, NULL, reals[i].value, reals[i].digits);
        assert_string_equal(buf_text(&b), reals[i].text);
        buf_clear(&b);
    }
}

static const struct {
    int64_t wall_ms;
    const char *text;
} times[] = {
    {0, "null"},
    {1, "\"1970-01-01T00:00:00.001Z\""},
    {-1, "\"1969-12-31T23:59:59.999Z\""},
    {-1000, "\"1969-12-31T23:59:59.000Z\""},
    {1769860800000, "\"2026-01-31T12:00:00.000Z\""},
    {1709251199987, "\"2024-02-29T23:59:59.987Z\""},
    {253402300800000, "\"10000-01-01T00:00:00.000Z\""},
    {INT64_MAX, "\"292278994-08-17T07:12:55.807Z\""},
};

static void times_are_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        j.follows = false;
        jsonout_time(&j, NULL, times[i].wall_ms);
        assert_string_equal(buf_text(&b), times[i].text);
        buf_clear(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commas_are_put, set_up, tear_down),
        cmocka_unit_test_setup_teardown(appends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reals_are_rounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(times_are_written, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
