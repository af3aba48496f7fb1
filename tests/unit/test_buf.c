#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <float.h>
#include <math.h>
#include <cmocka.h>

#include "common/buf.h"

static struct buf b;

static int tear_down(void **state)
{
    (void)state;
    buf_free(&b);
    return 0;
}

static void is(const char *wanted)
{
    assert_string_equal(buf_text(&b), wanted);
    buf_clear(&b);
}

static void empty_is_valid(void **state)
{
    (void)state;
    assert_int_equal(buf_view(&b).len, 0);
    buf_add(&b, NULL, 0);
    buf_slice(&b, (struct slice){NULL, 0});
    buf_shrink(&b, 0);
    buf_free(&b);
    is("");
}

static void integers(void **state)
{
    (void)state;
    buf_int(&b, 0);
    is("0");
    buf_int(&b, -7);
    is("-7");
    buf_int(&b, INT64_MAX);
    is("9223372036854775807");
    buf_int(&b, INT64_MIN);
    is("-9223372036854775808");
}

static const struct {
    double value;
    const char *text;
} reals[] = {
    {0, "0.0"},
    {-0.0, "-0.0"},
    {1, "1.0"},
    {-1.5, "-1.5"},
    {0.1, "0.1"},
    {0.05, "0.05"},
    {0.005, "0.005"},
    {4.35, "4.35"},
    {19.99, "19.99"},
    {0.000001, "0.000001"},
    {0.0000001, "1e-07"},
    {0.1 + 0.2, "0.30000000000000004"},
    {1.0 / 3, "0.3333333333333333"},
    {999999999.999999, "999999999.999999"},
    {1e9, "1000000000.0"},
    {123456789012345, "123456789012345.0"},
    {1e15, "1e+15"},
    {9007199254740994.0, "9007199254740994.0"},
    {1e22, "1e+22"},
    {DBL_MAX, "1.7976931348623157e+308"},
    {DBL_MIN, "2.2250738585072014e-308"},
    {5e-324, "4.94065645841247e-324"},
    {INFINITY, "null"},
    {-INFINITY, "null"},
    {NAN, "null"},
};

static void reals_read_back(void **state)
{
    uint64_t random = 88172645463325252;

    (void)state;
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        buf_real(&b, reals[i].value);
        is(reals[i].text);
    }
    /* Any bits at all, and numbers of few decimals as databases hold them. */
    for (int i = 0; i < 200000; i++) {
        double value;
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        if (i % 2)
            memcpy(&value, &random, sizeof value);
        else
            value = (double)(random % 100000000) / pow(10, i % 9);
        if (!isfinite(value))
            continue;
        buf_real(&b, value);
        assert_true(strtod(buf_text(&b), NULL) == value);
        assert_true(b.len <= 25);
        buf_clear(&b);
    }
}

static const struct {
    struct slice text;
    const char *json;
} strings[] = {
    {{NULL, 0}, "\"\""},
    {{"a\"b\\/", 5}, "\"a\\\"b\\\\/\""},
    {{"\b\t\n\v\f\r", 6}, "\"\\b\\t\\n\\u000b\\f\\r\""},
    {{"\0\x01\x1f\x7f", 4}, "\"\\u0000\\u0001\\u001f\x7f\""},
    {{"\xc3\xa9\xf0\x9f\x98\x80", 6}, "\"\xc3\xa9\xf0\x9f\x98\x80\""},
    {{"\xff", 1}, "\"\xef\xbf\xbd\""},
    {{"a\xc3", 2}, "\"a\xef\xbf\xbd\""},
    {{"\xed\xa0\x80", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {{"\xe2\x82\"", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\\\"\""},
};

static void json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        buf_json(&b, strings[i].text);
        assert_true(text_is_utf8(buf_view(&b)));
        is(strings[i].json);
    }
}

static void percent(void **state)
{
    (void)state;
    buf_percent(&b, (struct slice){"aZ09-._~ /?&=+%<>\"\xc3\0@[`{", 24});
    is("aZ09-._~%20%2F%3F%26%3D%2B%25%3C%3E%22%C3%00%40%5B%60%7B");
}

static void grows(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100000; i++)
        buf_byte(&b, (char)('a' + i % 26));
    assert_int_equal(b.len, 100000);
    for (size_t i = 0; i < 100000; i++)
        assert_int_equal(b.data[i], 'a' + (int)(i % 26));
    char *at = buf_reserve(&b, 1000000);
    assert_ptr_equal(at, b.data + b.len);
    assert_true(b.cap >= b.len + 1000000);
    buf_shrink(&b, b.cap);
    assert_int_equal(b.len, 0);
    assert_non_null(b.data);
    buf_shrink(&b, b.cap - 1);
    assert_null(b.data);
}

static void formats(void **state)
{
    char wide[1000];

    (void)state;
    memset(wide, 'w', sizeof wide);
    wide[sizeof wide - 1] = '\0';
    buf_string(&b, "<");
    buf_format(&b, "%s|%d", wide, 5);
    assert_int_equal(b.len, 1 + 999 + 2);
    assert_memory_equal(b.data + 1000, "|5", 2);
    buf_clear(&b);
    buf_format(&b, "%s", "");
    is("");
    /* As long as the room, one shorter, one longer. */
    for (int len = 120; len < 400; len++) {
        buf_free(&b);
        buf_format(&b, "%.*s", len, wide);
        assert_int_equal(b.len, len);
        assert_int_equal(b.data[len - 1], 'w');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(empty_is_valid, tear_down),
        cmocka_unit_test_teardown(integers, tear_down),
        cmocka_unit_test_teardown(reals_read_back, tear_down),
        cmocka_unit_test_teardown(json, tear_down),
        cmocka_unit_test_teardown(percent, tear_down),
        cmocka_unit_test_teardown(grows, tear_down),
        cmocka_unit_test_teardown(formats, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
