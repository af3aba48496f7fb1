#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/vitals/statsd.h"

/* All datagrams one below the other, as they would be received. */
static struct {
    struct buf all;
    unsigned datagrams;
    size_t before; /* bytes of the last one */
} got;

static void on_datagram(void *self, struct slice datagram)
{
    assert_ptr_equal(self, &got);
    assert_true(datagram.len > 0 && datagram.len <= STATSD_DATAGRAM);
    const char *end = memchr(datagram.ptr, '\n', datagram.len);
    size_t first = end ? (size_t)(end - datagram.ptr) : datagram.len;
    if (got.datagrams > 0) /* it would not have fitted the one before */
        assert_true(got.before + 1 + first > STATSD_DATAGRAM);
    got.before = datagram.len;
    assert_int_not_equal(datagram.ptr[0], '\n');
    assert_int_not_equal(datagram.ptr[datagram.len - 1], '\n');
    buf_slice(&got.all, datagram);
    buf_byte(&got.all, '\n');
    got.datagrams++;
}

static struct statsd *begin(const char *prefix, const char *tags)
{
    static struct statsd s;

    s = (struct statsd){.send = on_datagram, .self = &got};
    statsd_init(&s, prefix, tags);
    buf_clear(&got.all);
    got.datagrams = 0;
    return &s;
}

static void expect(struct statsd *s, const char *wanted)
{
    statsd_flush(s);
    assert_string_equal(buf_text(&got.all), wanted);
    statsd_free(s);
}

static void counts_and_gauges(void **state)
{
    struct statsd *s = begin(NULL, NULL);

    (void)state;
    statsd_count(s, "a.b", 7);
    statsd_count(s, "none", 0);
    statsd_gauge(s, "g", 0);
    statsd_gauge(s, "h", UINT64_MAX);
    expect(s, "a.b:7|c\ng:0|g\nh:18446744073709551615|g\n");
    assert_int_equal(got.datagrams, 1);
}

static void nothing_is_nothing(void **state)
{
    struct statsd *s = begin("p", "t:1");
    struct distribution none = {.count = 0};

    (void)state;
    statsd_count(s, "a", 0);
    statsd_times(s, "t", &none);
    expect(s, "");
    assert_int_equal(got.datagrams, 0);
}

static void prefix_and_tags(void **state)
{
    static const struct {
        const char *prefix, *tags, *wanted;
    } cases[] = {
        {"shop", NULL, "shop.a:1|c\n"},
        {"shop..", NULL, "shop.a:1|c\n"},
        {"eu.shop", "x:1,y", "eu.shop.a:1|c|#x:1,y\n"},
        {"...", "", "a:1|c\n"},
        {"", NULL, "a:1|c\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct statsd *s = begin(cases[i].prefix, cases[i].tags);
        statsd_count(s, "a", 1);
        expect(s, cases[i].wanted);
    }
}

static void datagrams_are_full_and_whole(void **state)
{
    struct statsd *s = begin("prefix", "tag:value");
    struct buf wanted = {0};

    (void)state;
    for (unsigned i = 1; i <= 200; i++) {
        statsd_count(s, "name", i);
        buf_format(&wanted, "prefix.name:%u|c|#tag:value\n", i);
    }
    expect(s, buf_text(&wanted));
    assert_true(got.datagrams > 2);
    buf_free(&wanted);
}

/* ---- times ---------------------------------------------------------------*/

static struct distribution times_of(uint64_t count, uint64_t step_ns)
{
    struct distribution d = {.count = count};

    for (uint64_t i = 1; i <= count; i++) {
        d.bucket[histogram_index(i * step_ns)]++;
        d.sum_ns += i * step_ns;
        d.max_ns = i * step_ns;
    }
    return d;
}

static void few_times_are_all_sent(void **state)
{
    struct statsd *s = begin(NULL, "t");
    struct distribution d = times_of(3, 1000000);

    (void)state;
    statsd_times(s, "d", &d);
    statsd_flush(s);
    const char *at = buf_text(&got.all);
    for (int ms = 1; ms <= 3; ms++) {
        char *rest;
        assert_memory_equal(at, "d:", 2);
        assert_true(abs((int)(strtod(at + 2, &rest) * 1000) - ms * 1000) <=
                    ms * 32);
        assert_memory_equal(rest, "|ms|#t\n", 7);
        at = rest + 7;
    }
    assert_string_equal(at, "");
    statsd_free(s);
}

/* Counts come out exactly, each way of reading a rate; quantiles do without
 * looking at it. */
static void many_times_are_sampled(void **state)
{
    static const uint64_t counts[] = {1,    31,   32,     33,      63,
                                      64,   65,   1000,   1003,    9999,
                                      4097, 7777, 123457, 1000000, 3000001};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint64_t n = counts[i];
        struct statsd *s = begin(NULL, NULL);
        struct distribution d = times_of(n, 10000);
        double last = 0, real = 0;
        uint64_t whole = 0;
        unsigned samples = 0, below = 0;
        statsd_times(s, "d", &d);
        statsd_flush(s);
        for (char *at = got.all.data; at < got.all.data + got.all.len;) {
            double rate = 1;
            assert_memory_equal(at, "d:", 2);
            double ms = strtod(at + 2, &at);
            assert_memory_equal(at, "|ms", 3);
            at += 3;
            if (*at == '|') {
                assert_memory_equal(at, "|@", 2);
                rate = strtod(at + 2, &at);
            }
            assert_int_equal(*at++, '\n');
            assert_true(rate > 0 && rate <= 1 && ms >= last);
            last = ms;
            real += 1 / rate;
            whole += (uint64_t)(1 / rate);
            below += ms <= (double)n / 200; /* the median */
            samples++;
        }
        assert_true(samples <= STATSD_SAMPLES);
        assert_int_equal(whole, n);
        assert_true(real >= (double)n && real < (double)n * 1.001);
        assert_true(abs((int)(2 * below) - (int)samples) <= 2);
        statsd_free(s);
    }
}

static int clean_up(void **state)
{
    (void)state;
    buf_free(&got.all);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_gauges),
        cmocka_unit_test(nothing_is_nothing),
        cmocka_unit_test(prefix_and_tags),
        cmocka_unit_test(datagrams_are_full_and_whole),
        cmocka_unit_test(few_times_are_all_sent),
        cmocka_unit_test(many_times_are_sampled),
    };

    return cmocka_run_group_tests(tests, NULL, clean_up);
}
