#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/requestid.h"

enum { MANY = 20000 };

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static void are_unique(void **state)
{
    static char ids[MANY][RESPONSE_ID];
    struct requestids maker[2];

    (void)state;
    requestids_init(&maker[0]);
    requestids_init(&maker[1]);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(requestid_next(&maker[i % 2], ids[i]), 16);
        assert_true(requestid_valid((struct slice){ids[i], 16}));
    }
    qsort(ids, MANY, sizeof *ids, by_bytes);
    for (size_t i = 1; i < MANY; i++)
        assert_true(memcmp(ids[i - 1], ids[i], 16) != 0);
}

static void neighbours_differ(void **state)
{
    struct requestids maker = {.next = 1};
    char one[RESPONSE_ID];
    char two[RESPONSE_ID];

    (void)state;
    requestid_next(&maker, one);
    requestid_next(&maker, two);
    assert_true(memcmp(one, two, 8) != 0);
    assert_true(memcmp(one + 8, two + 8, 8) != 0);
}

static const struct {
    const char *id;
    size_t len;
    bool good;
} cases[] = {
    {"a", 1, true},
    {"AZaz09-_.", 9, true},
    {"0123456789abcdef0123456789abcdef", 32, true},
    {"0123456789abcdef0123456789abcdefg", 33, false},
    {"", 0, false},
    {NULL, 0, false},
    {"a b", 3, false},
    {"a\n", 2, false},
    {"a\0b", 3, false},
    {"a\"", 2, false},
    {"a/b", 3, false},
    {"a\xc3\xa9", 3, false},
    {"[", 1, false},
    {"`", 1, false},
    {"@", 1, false},
    {"{", 1, false},
};

static void foreign_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            requestid_valid((struct slice){cases[i].id, cases[i].len}),
            cases[i].good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_unique),
        cmocka_unit_test(neighbours_differ),
        cmocka_unit_test(foreign_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
