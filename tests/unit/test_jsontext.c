#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/jsontext.h"

static void good_values(void **state)
{
    static const char *const texts[] = {
        "null",
        " true ",
        "0",
        "-0.5e+3",
        "\"\"",
        "\"\\u00e9\\n\xc3\xa4\"",
        "[]",
        "{}",
        "[1, [2], {\"a\": \"b\"}]",
        "\t{\"a\":1,\"b\":[null]}\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!jsontext_valid(slice_of(texts[i])))
            fail_msg("refused: %s", texts[i]);
}

static void bad_values(void **state)
{
    static const char *const texts[] = {
        "",      " ",        "nul",        "01",      "1.",          "+1",
        "NaN",   "\"",       "\"\\\"",     "\"\\x\"", "\"\\u12g4\"", "\"\t\"",
        "'a'",   "[",        "[1,]",       "[1 2]",   "]",           "{\"a\"}",
        "{a:1}", "{\"a\":}", "{\"a\":1,}", "1 2",     "\"\xc3\"",    "[1}",
        "{]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (jsontext_valid(slice_of(texts[i])))
            fail_msg("accepted: %s", texts[i]);
}

static void depth_is_bounded(void **state)
{
    char text[2 * (JSONTEXT_DEPTH_MAX + 1)];
    size_t n = JSONTEXT_DEPTH_MAX;

    (void)state;
    memset(text, '[', n);
    memset(text + n, ']', n);
    assert_true(jsontext_valid((struct slice){text, 2 * n}));
    n += 1;
    memset(text, '[', n);
    memset(text + n, ']', n);
    assert_false(jsontext_valid((struct slice){text, 2 * n}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_values),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
