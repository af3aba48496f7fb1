#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/pattern.h"

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
    struct arena *arena = arena_new();
    struct fault fault;
    regex_t regex;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool good =
            pattern_compile(arena, slice_of(cases[i].pattern), &regex, &fault);
        if (good != (cases[i].fault == NULL))
            fail_msg("%s: %s", cases[i].pattern, good ? "good" : fault.text);
        if (!good) {
            assert_string_equal(fault.text, cases[i].fault);
            continue;
        }
        assert_int_equal(regexec(&regex, cases[i].match, 0, NULL, 0), 0);
        assert_int_not_equal(regexec(&regex, cases[i].other, 0, NULL, 0), 0);
        regfree(&regex);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(patterns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
