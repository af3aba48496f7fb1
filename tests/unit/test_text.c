#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <float.h>
#include <cmocka.h>

#include "common/text.h"

static const struct {
    const char *text;
    bool good;
    int64_t value;
} integers[] = {
    {"0", true, 0},
    {"-0", true, 0},
    {"007", true, 7},
    {"9223372036854775807", true, INT64_MAX},
    {"-9223372036854775808", true, INT64_MIN},
    {"9223372036854775808", false, 0},
    {"-9223372036854775809", false, 0},
    {"99999999999999999999999999", false, 0},
    {"", false, 0},
    {"-", false, 0},
    {"--1", false, 0},
    {"+1", false, 0},
    {" 1", false, 0},
    {"1 ", false, 0},
    {"1.0", false, 0},
    {"1e3", false, 0},
    {"0x1", false, 0},
    {"\xd9\xa1", false, 0}, /* an Arabic digit one */
};

static void reads_integers(void **state)
{
    int64_t n;

    (void)state;
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        n = 77;
        bool good = text_int64(slice_of(integers[i].text), &n);
        if (good != integers[i].good || (good && n != integers[i].value))
            fail_msg("%s: %lld", integers[i].text, (long long)n);
    }
    assert_false(text_int64((struct slice){NULL, 0}, &n));
    assert_false(text_int64((struct slice){"1\0", 2}, &n));
}

static const struct {
    const char *text;
    bool good;
    double value;
} reals[] = {
    {"0", true, 0},
    {"-1.5", true, -1.5},
    {"1e3", true, 1000},
    {"1E+3", true, 1000},
    {"12.5e-1", true, 1.25},
    {"1.7976931348623157e308", true, DBL_MAX},
    {"4.9e-324", true, 4.9e-324},
    {"1e-400", true, 0},
    {"1e309", false, 0},
    {"-1e999", false, 0},
    {"", false, 0},
    {"-", false, 0},
    {".5", false, 0},
    {"5.", false, 0},
    {"1e", false, 0},
    {"1e+", false, 0},
    {"+1", false, 0},
    {"inf", false, 0},
    {"nan", false, 0},
    {"0x1p3", false, 0},
    {"1,5", false, 0},
    {"1 ", false, 0},
    {"0000000000000000000000000000000000000000000000000000000000000001", false,
     0}, /* longer than any double needs */
};

static void reads_reals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        double value = 77;
        bool good = text_real(slice_of(reals[i].text), &value);
        if (good != reals[i].good || (good && value != reals[i].value))
            fail_msg("%s: %g", reals[i].text, value);
    }
}

static const struct {
    const char *text;
    int64_t ms;    /* -1: refused */
    int64_t bytes; /* likewise */
} amounts[] = {
    {"0", 0, 0},
    {"5", 5000, 5},
    {"500ms", 500, -1},
    {"5s", 5000, -1},
    {"2h", 7200000, -1},
    {"1d", 86400000, -1},
    {"30M", 1800000, 30 << 20},
    {"64K", -1, 64 << 10},
    {"2gb", -1, INT64_C(2) << 30},
    {"", -1, -1},
    {"s", -1, -1},
    {"-1s", -1, -1},
    {"1.5s", -1, -1},
    {"5 s", -1, -1},
    {"5x", -1, -1},
    {"106751991168d", -1, -1}, /* one day more than 64 bits hold */
    {"8589934592G", -1, -1},
    {"9223372036854775808", -1, -1},
};

static void reads_amounts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++) {
        int64_t ms = -1;
        int64_t bytes = -1;
        struct slice s = slice_of(amounts[i].text);
        assert_int_equal(text_duration_ms(s, &ms), amounts[i].ms >= 0);
        assert_int_equal(text_size(s, &bytes), amounts[i].bytes >= 0);
        if (amounts[i].ms >= 0)
            assert_int_equal(ms, amounts[i].ms);
        if (amounts[i].bytes >= 0)
            assert_int_equal(bytes, amounts[i].bytes);
    }
}

static const struct {
    const char *text;
    bool date, datetime;
} moments[] = {
    {"2024-02-29", true, false},
    {"2000-02-29", true, false},
    {"2023-02-29", false, false},
    {"1900-02-29", false, false},
    {"2024-04-31", false, false},
    {"2024-00-10", false, false},
    {"2024-13-10", false, false},
    {"2024-01-00", false, false},
    {"2024-1-01", false, false},
    {"2024/01/01", false, false},
    {"2024-01-01x", false, false},
    {"20240101", false, false},
    {"", false, false},
    {"2024-01-01T00:00", false, true},
    {"2024-01-01 23:59:60", false, true},
    {"2024-01-01T23:59:59.123456Z", false, true},
    {"2024-01-01T23:59+09:30", false, true},
    {"2024-01-01T23:59:00-00:00", false, true},
    {"2024-01-01T24:00", false, false},
    {"2024-01-01T00:60", false, false},
    {"2024-01-01T00:00:61", false, false},
    {"2024-01-01T00:00:", false, false},
    {"2024-01-01T00:00:0", false, false},
    {"2024-01-01T00:00:00.", false, false},
    {"2024-01-01T00:00+9:00", false, false},
    {"2024-01-01T00:00+24:00", false, false},
    {"2024-01-01T00:00z", false, false},
    {"2024-01-01t00:00", false, false},
    {"2024-02-30T00:00", false, false},
};

static void reads_moments(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        struct slice s = slice_of(moments[i].text);
        if (text_is_date(s) != moments[i].date ||
            text_is_datetime(s) != moments[i].datetime)
            fail_msg("%s", moments[i].text);
    }
}

static const struct {
    const char *text;
    bool good;
} encodings[] = {
    {"", true},
    {"plain \x7f", true},
    {"\xc2\x80\xdf\xbf", true},
    {"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", true},
    {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
    {"\x80", false},
    {"\xbf", false},
    {"\xc0\x80", false},         /* overlong NUL */
    {"\xc1\xbf", false},         /* overlong */
    {"\xe0\x9f\xbf", false},     /* overlong */
    {"\xf0\x8f\xbf\xbf", false}, /* overlong */
    {"\xed\xa0\x80", false},     /* a surrogate */
    {"\xf4\x90\x80\x80", false}, /* beyond U+10FFFF */
    {"\xf5\x80\x80\x80", false},
    {"\xff", false},
    {"a\xc3", false},
    {"a\xe2\x82", false},
    {"a\xf0\x9f\x98", false},
    {"\xe2\x28\xa1", false},
    {"\xf0\x9f\x28\x80", false},
};

static void knows_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
        struct slice s = slice_of(encodings[i].text);
        char *exact = malloc(s.len + 1); /* so that a byte too far is seen */
        assert_non_null(exact);
        memcpy(exact, s.ptr, s.len);
        exact = realloc(exact, s.len ? s.len : 1);
        assert_non_null(exact);
        assert_int_equal(text_is_utf8((struct slice){exact, s.len}),
                         encodings[i].good);
        free(exact);
    }
    assert_int_equal(text_utf8_at(SLICE("a\xe2\x82\xac"), 1), 3);
    assert_int_equal(text_utf8_at(SLICE("a\xe2\x82\xac"), 2), 0);
}

static void cuts(void **state)
{
    struct slice rest = SLICE("a,,b,");

    (void)state;
    assert_true(slice_is(slice_cut(&rest, ','), "a"));
    assert_true(slice_is(slice_cut(&rest, ','), ""));
    assert_true(slice_is(slice_cut(&rest, ','), "b"));
    assert_non_null(rest.ptr);
    assert_true(slice_is(slice_cut(&rest, ','), ""));
    assert_null(rest.ptr);
    assert_int_equal(slice_cut(&rest, ',').len, 0);

    rest = SLICE(" \t one  two\t");
    assert_true(slice_is(slice_word(&rest), "one"));
    assert_true(slice_is(slice_word(&rest), "two"));
    assert_int_equal(slice_word(&rest).len, 0);
    assert_int_equal(rest.len, 0);
    assert_true(slice_is(slice_trim(SLICE("\t \t")), ""));
    assert_true(slice_is(slice_trim(SLICE(" a b ")), "a b"));
    assert_int_equal(slice_of(NULL).len, 0);
}

static void compares(void **state)
{
    (void)state;
    assert_true(slice_equal((struct slice){NULL, 0}, SLICE("")));
    assert_false(slice_equal(SLICE("ab"), SLICE("a")));
    assert_false(slice_is(SLICE("a\0b"), "a"));
    assert_true(slice_is_nocase(SLICE("hOsT"), "Host"));
    assert_false(slice_is_nocase(SLICE("hos\0"), "host"));
    assert_false(slice_is_nocase(SLICE("hosts"), "host"));
    assert_false(slice_is_nocase(SLICE("@"), "`")); /* only letters fold */
}

static void faults_are_cut(void **state)
{
    struct fault fault;
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_false(fault_set(&fault, "f:%d: %s", 3, text));
    assert_int_equal(strlen(fault.text), sizeof fault.text - 1);
    assert_memory_equal(fault.text, "f:3: xxx", 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_integers), cmocka_unit_test(reads_reals),
        cmocka_unit_test(reads_amounts),  cmocka_unit_test(reads_moments),
        cmocka_unit_test(knows_utf8),     cmocka_unit_test(cuts),
        cmocka_unit_test(compares),       cmocka_unit_test(faults_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
