#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/app/pattern.h"

static const struct {
    const char *pattern;
    const char *match, *other; /* a text it matches, and one it does not */
    const char *fault;
} cases[] = {
    {.pattern = "[a-z]+", .match = "abc", .other = "abc1"},
    {.pattern = "a|b", .match = "b", .other = "ab"},
    {.pattern = "[]a]{2}", .match = "]a", .other = "a"},
    {.pattern = "[^]]", .match = "a", .other = "]"},
    {.pattern = "[[:digit:])(]{1,3}", .match = "1)", .other = "x"},
    {.pattern = "\\(\\[", .match = "([", .other = "("},
    {.pattern = "[a-z]{1,63}(\\.[a-z]{1,63}){1,10}",
     .match = "example.org",
     .other = "example"},
    {.pattern = "", .fault = "the pattern is empty"},
    {.pattern = "a\\", .fault = "the pattern ends with '\\'"},
    {.pattern = "(a)\\1",
     .fault = "back-references are not allowed in patterns"},
    {.pattern = "a{2001}", .fault = "the pattern repeats too much"},
    {.pattern = "a{99999999999999999999}",
     .fault = "the pattern repeats too much"},
    {.pattern = "(a{50}){50}", .fault = "the pattern repeats too much"},
    {.pattern = "(a{1,}b{,50}){50}", .fault = "the pattern repeats too much"},
    {.pattern = "a++++++++++++", .fault = "the pattern repeats too much"},
    {.pattern = "((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)",
     .fault = "the pattern repeats too much"},
    {.pattern = "((((((((((((((((a))))))))))))))))", .match = "a", .other = ""},
    {.pattern = "(((((((((((((((((a)))))))))))))))))",
     .fault = "the pattern nests more than 16 groups"},
    {.pattern = "a)|(b", .fault = "the pattern has a ')' without '('"},
    {.pattern = "(a", .fault = "the pattern has an open '('"},
    {.pattern = "[[:alpha:]", .fault = "the pattern has a '[' without ']'"},
    {.pattern = "[[:alpha", .fault = "the pattern has a '[' without ']'"},
    {.pattern = "[", .fault = "the pattern has a '[' without ']'"},
    {.pattern = "[[:nonsense:]]",
     .fault = "the pattern does not compile: Invalid character class name"},
};

static void patterns(void **state)
{
    struct fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pattern *p = pattern_new(slice_of(cases[i].pattern), &fault);
        if ((p != NULL) != (cases[i].fault == NULL))
            fail_msg("%s: %s", cases[i].pattern, p ? "good" : fault.text);
        if (p == NULL) {
            assert_string_equal(fault.text, cases[i].fault);
            continue;
        }
        assert_true(pattern_matches(p, slice_of(cases[i].match)));
        assert_false(pattern_matches(p, slice_of(cases[i].other)));
        pattern_free(p);
    }
    pattern_free(NULL);
}

/* What a value taught the matcher is forgotten: else each of these made it
 * larger by megabytes, for good. */
static void values_leave_nothing(void **state)
{
    struct fault fault;
    struct pattern *p = pattern_new(SLICE("(a|b)*a(a|b){18}"), &fault);
    char value[PATTERN_VALUE_MAX + 1];
    uint32_t seed = 1;
    size_t before = 0;

    (void)state;
    assert_non_null(p);
    for (int round = 0; round < 40; round++) {
        for (size_t i = 0; i < sizeof value; i++) {
            seed = seed * 1664525 + 1013904223;
            value[i] = seed >> 31 ? 'a' : 'b';
        }
        pattern_matches(p, (struct slice){value, PATTERN_VALUE_MAX});
        if (round == 7)
            before = mallinfo2().uordblks + mallinfo2().hblkhd;
    }
    assert_true(mallinfo2().uordblks + mallinfo2().hblkhd < before + (8 << 20));
    memset(value, 'a', sizeof value);
    assert_true(pattern_matches(p, (struct slice){value, PATTERN_VALUE_MAX}));
    assert_false(pattern_matches(p, (struct slice){value, sizeof value}));
    assert_false(pattern_matches(p, SLICE("aaaaaaaaaaaaaaaaaaaaa\0")));
    pattern_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(patterns),
                                       cmocka_unit_test(values_leave_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
