#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/router.h"

enum { GET = 1 << METHOD_GET, POST = 1 << METHOD_POST, PUT = 1 << METHOD_PUT };

static const struct {
    enum method method;
    const char *path;
} routes[] = {
    {METHOD_GET, "/"},          {METHOD_GET, "/a"},
    {METHOD_POST, "/a"},        {METHOD_GET, "/a/{id}"},
    {METHOD_GET, "/a/new"},     {METHOD_PUT, "/a/{id}"},
    {METHOD_GET, "/a/{id}/b"},  {METHOD_GET, "/a/new/c"},
    {METHOD_GET, "/{x}/{y}/z"}, {METHOD_GET, "/s/"},
};

static const struct {
    enum method method;
    const char *path;
    int id; /* index above */
    unsigned allowed;
} cases[] = {
    {METHOD_GET, "/", 0, GET},
    {METHOD_POST, "/", ROUTE_NONE, GET},
    {METHOD_POST, "/a", 2, GET | POST},
    {METHOD_PUT, "/a", ROUTE_NONE, GET | POST},
    {METHOD_GET, "/a/7", 3, GET | PUT},
    {METHOD_GET, "/a/new", 4, GET | PUT}, /* a literal wins, */
    {METHOD_PUT, "/a/new", 5, GET | PUT}, /* where it has the method */
    {METHOD_GET, "/a/new/b", 6, GET},     /* a literal way can be wrong */
    {METHOD_GET, "/a/new/c", 7, GET},
    {METHOD_GET, "/a/7/z", 8, GET},
    {METHOD_GET, "/a/new/z", 8, GET},
    {METHOD_GET, "/q/7/z", 8, GET},
    {METHOD_GET, "/s/", 9, GET},
    {METHOD_GET, "/s", ROUTE_NONE, 0},
    {METHOD_GET, "/a/", ROUTE_NONE, 0}, /* a parameter is never empty */
    {METHOD_GET, "//7/z", ROUTE_NONE, 0},
    {METHOD_GET, "/A", ROUTE_NONE, 0},
    {METHOD_GET, "/a/7/b/c", ROUTE_NONE, 0},
    {METHOD_GET, "/{x}", ROUTE_NONE, 0},
};

static struct router *make(void)
{
    struct router *r = router_new();

    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        assert_true(router_add(r, routes[i].method, routes[i].path, (int)i));
    return r;
}

static void finds(void **state)
{
    struct router *r = make();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice segments[8];
        size_t count = 0;
        unsigned allowed = 77;
        struct slice rest = slice_of(cases[i].path + 1);
        while (rest.ptr)
            segments[count++] = slice_cut(&rest, '/');
        int id = router_find(r, cases[i].method, segments, count, &allowed);
        if (id != cases[i].id || allowed != cases[i].allowed)
            fail_msg("%s: %d, %x", cases[i].path, id, allowed);
    }
    router_free(r);
    router_free(NULL);
}

static void refuses_twins(void **state)
{
    struct router *r = make();

    (void)state;
    assert_false(router_add(r, METHOD_GET, "/a", 20));
    assert_false(router_add(r, METHOD_GET, "/a/{other}", 20));
    assert_true(router_add(r, METHOD_DELETE, "/a/{other}", 20));
    router_free(r);
}

static void names_methods(void **state)
{
    char out[64];

    (void)state;
    router_allow(0, out);
    assert_string_equal(out, "OPTIONS");
    router_allow(POST, out);
    assert_string_equal(out, "POST, OPTIONS");
    router_allow((1U << METHOD_COUNT) - 1, out);
    assert_string_equal(out, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds),
        cmocka_unit_test(refuses_twins),
        cmocka_unit_test(names_methods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
