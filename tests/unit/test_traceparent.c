#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/traceparent.h"

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
#define IDS    TRACE "-" PARENT

static void reads(void **state)
{
    static const struct {
        const char *field;
        unsigned flags;
    } cases[] = {
        {"00-" IDS "-01", 1},
        {"00-" IDS "-00", 0},
        {"00-" IDS "-ff", 0xff},
        {" 00-" IDS "-01\t", 1},
        {"01-" IDS "-01", 1},
        {"cc-" IDS "-07", 1}, /* what 06 will mean is not known */
        {"fe-" IDS "-00-and-more", 0},
        {"01-" IDS "-01-", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct traceparent t;
        if (!traceparent_read(slice_of(cases[i].field), &t))
            fail_msg("%s: refused", cases[i].field);
        assert_string_equal(t.trace, TRACE);
        assert_string_equal(t.parent, PARENT);
        assert_int_equal(t.flags, cases[i].flags);
    }
}

static void refuses(void **state)
{
    static const char *const cases[] = {
        "",
        "00",
        "00-" IDS,
        "00-" IDS "-",
        "00-" IDS "-1",
        "00-" IDS "-01-",
        "00-" IDS "-01-more",
        "00-" IDS "-010",
        "01-" IDS "-01more",
        "ff-" IDS "-01",
        "0-" IDS "-01",
        "000-" IDS "-01",
        "0g-" IDS "-01",
        "00-" IDS "-0g",
        "00-" IDS "-0A",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
        "00-" TRACE "-00F067AA0BA902B7-01",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-" PARENT "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47360-" PARENT "-01",
        "00_" IDS "-01",
        "00-" TRACE "_" PARENT "-01",
        "00-" IDS "_01",
        "00-" IDS "-01, 00-" IDS "-01",
    };
    struct traceparent none;
    static const struct traceparent before = {.trace = "before", .flags = 9};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct traceparent t = before;
        if (traceparent_read(slice_of(cases[i]), &t))
            fail_msg("%s: taken", cases[i]);
        assert_memory_equal(&t, &before, sizeof t);
    }
    assert_false(traceparent_read(slice_of(NULL), &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
