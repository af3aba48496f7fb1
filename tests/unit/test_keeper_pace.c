#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "master/keeper/keeper_pace.h"

enum { START_MS = 1000000 };

/* One after the other, on one WAL: so long later there are so many frames, and
 * so many more are there when? */
static const struct {
    uint64_t after_ms;
    int frames, more;
    uint64_t expect_ms;
} looks[] = {
    {0, 0, 4000, 1000},       {100, 500, 1000, 200}, /* 5000 a second */
    {20, 600, 1000, 200},     {10, 620, 1000, 200},  /* too soon to tell */
    {40, 1000, 1000, 125},                           /* 400 in 50 ms */
    {100, 1000, 1000, 250},                          /* it only halves */
    {100, 1000, 1000, 500},   {100, 400, 1000, 250}, /* began anew: 400 in 100
                                                        ms */
    {100, 400, 10, 20},                              /* not more often */
    {100, 400, 0, 20},        {100, 400, -7, 20},    {100, 400, 1000, 1000},
    {100, 4000000, 4000, 20},
};

static void foresees(void **state)
{
    struct pace p = {0};
    uint64_t now_ms = START_MS;

    (void)state;
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        now_ms += looks[i].after_ms;
        pace_note(&p, looks[i].frames, now_ms);
        if (pace_wait(&p, looks[i].more) != looks[i].expect_ms)
            fail_msg("look %zu: %d ms", i, (int)pace_wait(&p, looks[i].more));
    }
}

/* Whatever it was, a WAL that rests is soon looked at once a second. */
static void comes_to_rest(void **state)
{
    struct pace p = {0};
    uint64_t now_ms = START_MS;
    unsigned looks_made = 0;

    (void)state;
    pace_note(&p, 0, now_ms);
    pace_note(&p, 2000000000, now_ms += 20);
    for (; pace_wait(&p, 1) < PACE_MOST_MS; looks_made++)
        pace_note(&p, 2000000000, now_ms += pace_wait(&p, 1));
    assert_in_range(looks_made, 5, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(foresees),
        cmocka_unit_test(comes_to_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
