#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/app/urlpath.h"

static void shapes(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"/", "/", true},
        {"/", "/a", false},
        {"/a", "/a", true},
        {"/a", "/A", false},
        {"/a", "/a/b", false},
        {"/{x}", "/{y}", true},
        {"/{x}", "/x", false},
        {"/a/{x}/b", "/a/{y}/b", true},
        {"/a/{x}", "/b/{x}", false},
        {"/{x}/{y}", "/{x}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice a = slice_of(cases[i].a);
        struct slice b = slice_of(cases[i].b);
        assert_int_equal(urlpath_same(a, b), cases[i].same);
        assert_int_equal(urlpath_same(b, a), cases[i].same);
    }
}

static void params(void **state)
{
    struct slice path = SLICE("/{a}/b/{c_1}");

    (void)state;
    assert_true(slice_is(urlpath_param(path, 0), "a"));
    assert_true(slice_is(urlpath_param(path, 1), "c_1"));
    assert_null(urlpath_param(path, 2).ptr);
    assert_null(urlpath_param(SLICE("/"), 0).ptr);
}

static void checks(void **state)
{
    static const char *const good[] = {"/", "/a", "/~a-b_c.d/{x}/9"};
    static const char *const bad[] = {
        "",     "a",    "//",        "/a/",      "/a//b", "/.",
        "/..",  "/{}",  "/{a}b",     "/a{b}",    "/{",    "/{a-b}",
        "/a?b", "/%41", "/\xc3\xa4", "/{a}/{a}",
    };
    struct fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(urlpath_check(slice_of(good[i]), &fault));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(urlpath_check(slice_of(bad[i]), &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(params),
        cmocka_unit_test(checks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
