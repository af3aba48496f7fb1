#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/app/appconf.h"

static bool parse(struct app *app, const char *text, struct fault *fault)
{
    *app = (struct app){.arena = arena_new()};
    fault->text[0] = '\0';
    return appconf_parse(app, "/srv/shop", "f", slice_of(text), fault);
}

static void defaults(void **state)
{
    struct fault fault;
    struct app app;

    (void)state;
    assert_true(parse(&app, "[alerts]\n", &fault));
    assert_string_equal(app.name, "shop");
    assert_string_equal(app.database, "/srv/shop/shop.db");
    assert_int_equal(app.timeout_ms, 5000);
    assert_int_equal(app.slow_query_ms, 100);
    assert_int_equal(app.slow_request_ms, 250);
    assert_int_equal(app.scan_rows, 1000);
    assert_int_equal(app.response_max, 64 << 20);
    assert_true(app.alerts.response_time == 100);
    assert_true(app.alerts.db_query_time == 10);
    assert_true(app.alerts.memory_usage == 500);
    assert_true(app.alerts.cache_hit_rate == 60);
    assert_true(app.alerts.error_rate == 1);
    assert_int_equal(app.alerts.min_requests, 20);
    assert_int_equal(app.alerts.hold_ms, 15000);
    assert_null(app.alerts.command);
    arena_free(app.arena);
}

static void all_said(void **state)
{
    static const char text[] = "name = a\n"
                               "slow_request = 1s\n"
                               "timeout = 7s\n"
                               "[alerts]\n"
                               "response_time = 1500ms\n"
                               "db_query_time = 2s\n"
                               "memory_usage = 1536K\n"
                               "cache_hit_rate = 99.5\n"
                               "error_rate = 0.25\n"
                               "min_requests = 1\n"
                               "hold = 0\n"
                               "command = echo \"$PRONG_ALERT\" >> /x y\n";
    struct fault fault;
    struct app app;

    (void)state;
    assert_true(parse(&app, text, &fault));
    assert_int_equal(app.slow_request_ms, 1000);
    assert_int_equal(app.timeout_ms, 7000);
    assert_true(app.alerts.response_time == 1500);
    assert_true(app.alerts.db_query_time == 2000);
    assert_true(app.alerts.memory_usage == 1.5);
    assert_true(app.alerts.cache_hit_rate == 99.5);
    assert_true(app.alerts.error_rate == 0.25);
    assert_int_equal(app.alerts.min_requests, 1);
    assert_int_equal(app.alerts.hold_ms, 0);
    assert_string_equal(app.alerts.command, "echo \"$PRONG_ALERT\" >> /x y");
    arena_free(app.arena);
}

static void memory_in_megabytes(void **state)
{
    static const struct {
        const char *text;
        double mb;
    } cases[] = {
        {"[alerts]\nmemory_usage = 250\n", 250},
        {"[alerts]\nmemory_usage = 2G\n", 2048},
        {"[alerts]\nmemory_usage = off\n", 0},
    };
    struct fault fault;
    struct app app;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(parse(&app, cases[i].text, &fault));
        assert_true(app.alerts.memory_usage == cases[i].mb);
        arena_free(app.arena);
    }
}

static void switched_off(void **state)
{
    struct fault fault;
    struct app app;

    (void)state;
    assert_true(parse(&app,
                      "[alerts]\nresponse_time = off\ndb_query_time = off\n"
                      "cache_hit_rate = off\nerror_rate = off\n",
                      &fault));
    assert_true(app.alerts.response_time == 0);
    assert_true(app.alerts.db_query_time == 0);
    assert_true(app.alerts.cache_hit_rate == 0);
    assert_true(app.alerts.error_rate == 0);
    assert_true(app.alerts.memory_usage == 500);
    arena_free(app.arena);
}

static void faults(void **state)
{
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"slow_request = x\n",
         "f:1: slow_request must be a duration, as 250ms, not \"x\""},
        {"slow_reqest = 1s\n",
         "f:1: unknown key \"slow_reqest\": did you mean \"slow_request\"?"},
        {"response_time = 1s\n", "f:1: unknown key \"response_time\": did you "
                                 "mean \"response_max\"?"},
        {"[alerts]\nname = x\n", "f:2: unknown key \"name\""},
        {"[alerts]\nhodl = 1s\n",
         "f:2: unknown key \"hodl\": did you mean \"hold\"?"},
        {"[alert]\nhold = 1s\n",
         "f:2: unknown section [alert]: did you mean [alerts]?"},
        {"[cache]\nhold = 1s\n", "f:2: unknown section [cache]"},
        {"[alerts]\nhold = 1s\n[alerts]\nhold = 2s\n",
         "f:4: hold is said twice"},
        {"[alerts]\nhold = 2h\n",
         "f:2: hold must be a duration up to 1h, as 15s, not \"2h\""},
        {"[alerts]\nresponse_time = 0\n",
         "f:2: response_time must be a duration, as 100ms, or off, not \"0\""},
        {"[alerts]\nresponse_time = -1s\n",
         "f:2: response_time must be a duration, as 100ms, or off, not "
         "\"-1s\""},
        {"[alerts]\ndb_query_time = fast\n",
         "f:2: db_query_time must be a duration, as 10ms, or off, not "
         "\"fast\""},
        {"[alerts]\nmemory_usage = 0\n",
         "f:2: memory_usage must be a size, as 500M, or off, not \"0\""},
        {"[alerts]\nmemory_usage = -5\n",
         "f:2: memory_usage must be a size, as 500M, or off, not \"-5\""},
        {"[alerts]\nmemory_usage = 5X\n",
         "f:2: memory_usage must be a size, as 500M, or off, not \"5X\""},
        {"[alerts]\ncache_hit_rate = 101\n",
         "f:2: cache_hit_rate must be a percentage up to 100, as 60, or off, "
         "not \"101\""},
        {"[alerts]\nerror_rate = 1%\n",
         "f:2: error_rate must be a percentage up to 100, as 1, or off, not "
         "\"1%\""},
        {"[alerts]\nerror_rate = 0\n",
         "f:2: error_rate must be a percentage up to 100, as 1, or off, not "
         "\"0\""},
        {"[alerts]\nmin_requests = 0\n",
         "f:2: min_requests must be a number from 1 up, not \"0\""},
        {"[alerts]\nmin_requests = off\n",
         "f:2: min_requests must be a number from 1 up, not \"off\""},
        {"[alerts]\ncommand =\n",
         "f:2: command must be a command for /bin/sh, not \"\""},
    };
    struct fault fault;
    struct app app;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(parse(&app, cases[i].text, &fault));
        assert_string_equal(fault.text, cases[i].fault);
        arena_free(app.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(all_said),
        cmocka_unit_test(memory_in_megabytes),
        cmocka_unit_test(switched_off),
        cmocka_unit_test(faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
