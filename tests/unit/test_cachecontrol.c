#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/endpoint/cachecontrol.h"

static void words(void **state)
{
    (void)state;
    assert_true(cachecontrol_has("no-transform", "no-transform"));
    assert_true(cachecontrol_has("private ,\tNo-Transform ", "no-transform"));
    assert_true(cachecontrol_has(",,a,,b,", "b"));
    assert_false(cachecontrol_has("no-transformation", "no-transform"));
    assert_false(cachecontrol_has("x=no-transform", "no-transform"));
    assert_false(cachecontrol_has("no-transform=1", "no-transform"));
    assert_false(cachecontrol_has("", "no-transform"));
    assert_false(cachecontrol_has(NULL, "no-transform"));
}

static void seconds(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {
        {"stale-if-error=60", 60000},
        {"public, STALE-IF-ERROR = 1 ,max-age=2", 1000},
        {"stale-if-error=x, stale-if-error=3", 3000},
        {"stale-if-error=2147483647", UINT64_C(2147483647000)},
        {"stale-if-error=2147483648", 0},
        {"stale-if-error=0", 0},
        {"stale-if-error=-1", 0},
        {"stale-if-error=1.5", 0},
        {"stale-if-error", 0},
        {"max-age=stale-if-error=4", 0},
        {NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(cachecontrol_ms(cases[i].text, "stale-if-error"),
                         cases[i].ms);
}

static void sharing(void **state)
{
    static const struct {
        const char *text;
        bool shares, shares_authorized;
    } cases[] = {
        {NULL, false, false},
        {"", false, false},
        {"no-cache", false, false},
        {"max-age=60", true, false},
        {"Max-Age = 60, must-revalidate", true, true},
        {"public", true, true},
        {"PUBLIC, max-age=5", true, true},
        {"s-maxage=5", true, true},
        {"private, max-age=60", false, false},
        {"public, private=\"x\"", false, false},
        {"no-store, max-age=60", false, false},
        {"publicly, x-max-age=3", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(cachecontrol_shares(cases[i].text, false),
                         cases[i].shares);
        assert_int_equal(cachecontrol_shares(cases[i].text, true),
                         cases[i].shares_authorized);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(seconds),
        cmocka_unit_test(sharing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
