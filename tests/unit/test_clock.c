#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/clock.h"

/* What it says, read by the library, is the time it was set at. */
static void says_now(void **state)
{
    struct clock c = {.second = 0};
    struct tm tm = {.tm_isdst = 0};
    char text[40];

    (void)state;
    time_t before = time(NULL);
    clock_set(&c);
    time_t after = time(NULL);
    assert_int_equal(clock_date(&c).len, 29);
    memcpy(text, clock_date(&c).ptr, 29);
    text[29] = '\0';
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    assert_non_null(end);
    assert_string_equal(end, "");
    time_t said = timegm(&tm);
    assert_true(said >= before && said <= after);
    assert_int_equal(said, c.second);
    char again[40];
    strftime(again, sizeof again, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    assert_string_equal(text, again); /* the day's name fits too */
}

/* Made anew only when the second changes. */
static void keeps_its_text(void **state)
{
    struct clock c = {.second = 0};

    (void)state;
    time_t second;
    do { /* again if the second ended meanwhile */
        clock_set(&c);
        second = c.second;
        c.date[0] = '*';
        clock_set(&c);
    } while (c.second != second);
    assert_int_equal(clock_date(&c).ptr[0], '*');
    c.second--;
    clock_set(&c);
    assert_int_not_equal(clock_date(&c).ptr[0], '*');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_now),
        cmocka_unit_test(keeps_its_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
