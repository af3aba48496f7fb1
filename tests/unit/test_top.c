#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "master/control/top_screen.h"

/* Ten requests of about 1 ms (bucket 175) and one of about 100 ms, then as
 * many again and an error. */
static const char before_text[] =
    "app My App\nstate serving\nclock_ns 5000000000\ngeneration 3\nwanted 4\n"
    "ready 3\ndraining 1\nrequests 11\nerrors 0\nhits 2\ncacheable 4\n"
    "bytes_out 1000000\naccepted 10\nuptime_ms 7384000\nconnections 5\n"
    "backlog 0\nwrites_waiting 2\nmemory_kb 2048\nmax_ns 200000000\n"
    "unheard_of 17\nbucket 175 10\nbucket 280 1\n"
    "\n"
    "WORKER  PID\n     0  101\n     1  102\n"
    "\n"
    "FOR  PATH\n1.0s /a\n";

static const char after_text[] =
    "app My App\nstate serving\nclock_ns 7000000000\ngeneration 3\nwanted 4\n"
    "ready 4\ndraining 0\nrequests 31\nerrors 1\nhits 5\ncacheable 8\n"
    "bytes_out 5000000\naccepted 14\nuptime_ms 7386000\nconnections 6\n"
    "backlog 1\nwrites_waiting 0\nmemory_kb 3072\nmax_ns 200000000\n"
    "bucket 175 29\nbucket 280 2\n\nW\n\nR\n";

static struct top_figures before, after;
static struct top_rates rates;
static struct buf page;

static struct top_figures *read_of(const char *text, struct top_figures *out)
{
    if (!top_figures_read(slice_of(text), out))
        fail_msg("not read: %s", text);
    return out;
}

static int set_up(void **state)
{
    (void)state;
    read_of(before_text, &before);
    read_of(after_text, &after);
    top_rates_between(&rates, &before, &after);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    buf_free(&page);
    return 0;
}

static void figures_are_read(void **state)
{
    (void)state;
    assert_string_equal(before.app, "My App");
    assert_string_equal(before.state, "serving");
    assert_int_equal(before.clock_ns, 5000000000);
    assert_int_equal(before.ready, 3);
    assert_int_equal(before.memory_kb, 2048);
    assert_int_equal(before.request.count, 11);
    assert_int_equal(before.request.bucket[175], 10);
    assert_int_equal(before.request.max_ns, 200000000);
    assert_true(
        slice_is(before.workers, "WORKER  PID\n     0  101\n     1  102"));
    assert_true(slice_is(before.requests_table, "FOR  PATH\n1.0s /a"));
}

static void other_text_is_not(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        "Reloaded\n",
        "clock_ns x\n",
        "clock_ns -1\n",
        "clock_ns 0\n",
        "clock_ns 1\nbucket 1\n",
        "clock_ns 1\nbucket 99999 1\n",
        "clock_ns 1\nbucket -1 1\n",
        "clock_ns 1\nbucket 1 x\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct top_figures f;
        if (top_figures_read(slice_of(texts[i]), &f))
            fail_msg("read: %s", texts[i]);
    }
}

static void near_to(double value, double wanted, double error)
{
    if (!(value >= wanted - error && value <= wanted + error))
        fail_msg("%g is not %g", value, wanted);
}

static void rates_are_of_what_came_between(void **state)
{
    (void)state;
    near_to(rates.seconds, 2, 0);
    near_to(rates.requests, 10, 0);
    near_to(rates.errors, 0.5, 0);
    near_to(rates.error_percent, 5, 0);
    near_to(rates.bytes_out, 2e6, 0);
    near_to(rates.accepted, 2, 0);
    near_to(rates.hit_percent, 75, 0);
    assert_true(rates.cacheable);
    near_to(rates.p50_ms, rates.p95_ms, 0); /* 19 of 20 were as fast */
    assert_true(rates.p99_ms > 50 * rates.p50_ms);
}

static void a_server_that_began_anew_has_none(void **state)
{
    struct top_rates r;

    (void)state;
    top_rates_between(&r, &after, &before);
    near_to(r.requests + r.seconds + r.p99_ms, 0, 0);
    after.requests = 10; /* the same clock, but it counts from 0 again */
    top_rates_between(&r, &before, &after);
    near_to(r.requests + r.seconds, 0, 0);
    after.requests = 100;
    after.uptime_ms = 10;
    top_rates_between(&r, &before, &after);
    near_to(r.requests + r.seconds, 0, 0);
}

static void the_first_look_is_since_the_beginning(void **state)
{
    const struct top_figures nothing = {.clock_ns = 0};
    struct top_rates r;

    (void)state;
    top_rates_between(&r, &nothing, &before);
    near_to(r.seconds, 7384, 0);
    near_to(r.requests, 11.0 / 7384, 1e-9);
}

static const char *drawn(const struct top_figures *f, const char *note,
                         struct top_size size)
{
    buf_clear(&page);
    top_draw(&page, f, &rates, note, size);
    return buf_text(&page);
}

static void a_page_is_plain_without_a_terminal(void **state)
{
    (void)state;
    rates.p50_ms = 1;
    rates.p95_ms = 2.345;
    rates.p99_ms = 99;
    assert_string_equal(
        drawn(&before, "", (struct top_size){0, 0, false}),
        "prong My App: serving, up 2h 03m, generation 3, workers 3 of 4 (1 "
        "draining)\n"
        "requests 10.0/s, errors 0.5/s (5.0 %), p50 1.00 ms, p95 2.35 ms, p99 "
        "99.00 ms\n"
        "cache hits 75.0 %, connections 5 (2.0/s new), backlog 0, writes "
        "waiting 2, out 2.00 MB/s, memory 2.0 MB\n"
        "\n"
        "WORKER  PID\n     0  101\n     1  102\n"
        "\n"
        "FOR  PATH\n1.0s /a\n");
}

/* A line too many, or a line's end behind the last one, and the first would
 * be gone from the screen. */
static void a_page_fits_the_terminal(void **state)
{
    const char *text = drawn(&before, "", (struct top_size){6, 12, true});

    (void)state;
    assert_string_equal(text, "\033[H"
                              "\033[1mprong My App\033[K\033[m\r\n"
                              "\033[mrequests 10.\033[K\033[m\r\n"
                              "\033[mcache hits 7\033[K\033[m\r\n"
                              "\033[m\033[K\033[m\r\n"
                              "\033[7mWORKER  PID\033[K\033[m\r\n"
                              "\033[m     0  101\033[K\033[m"
                              "\033[J");
}

static void characters_are_not_cut_in_half(void **state)
{
    const char *text;

    (void)state;
    snprintf(before.app, sizeof before.app, "\xc3\xa4\xc3\xb6\xc3\xbc");
    text = drawn(&before, "", (struct top_size){1, 8, false});
    assert_string_equal(text, "prong \xc3\xa4\xc3\xb6\n");
}

static void what_is_wrong_is_said(void **state)
{
    const char *text =
        drawn(&before, "No server", (struct top_size){4, 99, true});

    (void)state;
    assert_non_null(strstr(text, "\r\n\033[7mNo server\033[K\033[m\033[J"));
    rates.cacheable = false;
    text = drawn(&before, "", (struct top_size){0, 0, false});
    assert_non_null(strstr(text, "cache hits -,"));
}

#define with_figures(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_figures(figures_are_read),
        with_figures(other_text_is_not),
        with_figures(rates_are_of_what_came_between),
        with_figures(a_server_that_began_anew_has_none),
        with_figures(the_first_look_is_since_the_beginning),
        with_figures(a_page_is_plain_without_a_terminal),
        with_figures(a_page_fits_the_terminal),
        with_figures(characters_are_not_cut_in_half),
        with_figures(what_is_wrong_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, clean);
}
