#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "master/scaling.h"

static const struct scaling_limits limits = {2, 8};

/* Seconds of one load; those that were wanted are there in the next. */
struct scene {
    unsigned seconds, busy, backlog;
};

static int64_t play(struct scaling *s, int64_t wanted,
                    const struct scene *scene)
{
    for (unsigned i = 0; i < scene->seconds; i++) {
        const struct scaling_sample now = {wanted, wanted, scene->busy,
                                           scene->backlog};
        wanted = scaling_follow(s, &limits, &now);
    }
    return wanted;
}

static void the_load_decides(void **state)
{
    static const struct {
        const char *what;
        int64_t from, to;
        struct scene scene;
    } cases[] = {
        {"one second is a hiccup", 2, 2, {1, 100, 0}},
        {"two are none, and twice as many are the most", 2, 4, {2, 100, 0}},
        {"it goes on", 2, 8, {4, 100, 0}},
        {"and ends", 2, 8, {60, 100, 50}},
        {"as many as it takes to be half busy", 4, 6, {2, 70, 0}},
        {"one at least", 2, 3, {2, 65, 0}},
        {"a good load is left alone", 4, 4, {1000, 64, 0}},
        {"and so is a small one", 4, 4, {1000, 25, 0}},
        {"a queue for a moment", 2, 2, {1, 10, 9}},
        {"a queue that stands", 2, 3, {2, 10, 9}},
        {"idle for a while", 8, 8, {29, 24, 0}},
        {"idle for long", 8, 7, {30, 24, 0}},
        {"one at a time", 8, 6, {60, 0, 0}},
        {"never below the least", 8, 2, {10000, 0, 0}},
        {"idle with a queue is not idle", 8, 8, {1000, 0, 1}},
        {"too few", 1, 2, {1, 0, 0}},
        {"too many", 9, 8, {1, 100, 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scaling s = {0};
        int64_t got = play(&s, cases[i].from, &cases[i].scene);
        if (got != cases[i].to)
            fail_msg("%s: %d, not %d", cases[i].what, (int)got,
                     (int)cases[i].to);
    }
}

static void alternating_load_does_nothing(void **state)
{
    struct scaling s = {0};
    int64_t wanted = 4;

    (void)state;
    for (int i = 0; i < 500; i++) {
        const struct scaling_sample now = {wanted, wanted, i % 2 ? 100 : 20, 0};
        wanted = scaling_follow(&s, &limits, &now);
    }
    assert_int_equal(wanted, 4);
}

static void those_that_come_are_awaited(void **state)
{
    struct scaling s = {0};
    struct scaling_sample now = {4, 2, 100, 10};

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(scaling_follow(&s, &limits, &now), 4);
    now.serving = 4;
    assert_int_equal(scaling_follow(&s, &limits, &now), 4);
    assert_int_equal(scaling_follow(&s, &limits, &now), 8);
}

/* How many idle seconds it takes to lose one of `from`. */
static unsigned patience(struct scaling *s, int64_t from)
{
    const struct scene idle = {1, 0, 0};
    unsigned seconds = 0;

    while (play(s, from, &idle) == from && seconds < 10000)
        seconds++;
    return seconds + 1;
}

static void flapping_makes_it_patient(void **state)
{
    static const unsigned expected[] = {30, 60, 120, 240, 480, 480};
    const struct scene rush = {2, 100, 0};
    struct scaling s = {0};

    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(patience(&s, 4), expected[i]);
        assert_true(play(&s, 3, &rush) > 3);
    }
}

static void patience_wears_off(void **state)
{
    const struct scene rush = {2, 100, 0};
    const struct scene quiet = {SCALING_FLAP, 40, 0};
    struct scaling s = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        patience(&s, 4);
        play(&s, 3, &rush);
    }
    assert_int_equal(patience(&s, 4), 240);
    play(&s, 3, &quiet); /* it was not missed */
    assert_int_equal(patience(&s, 4), 120);
    play(&s, 3, &quiet);
    assert_int_equal(patience(&s, 4), 60);
    play(&s, 3, &quiet);
    assert_int_equal(patience(&s, 4), 30);
    play(&s, 3, &quiet);
    assert_int_equal(patience(&s, 4), 30);
}

static void a_hand_on_it_begins_the_watch_anew(void **state)
{
    const struct scene almost = {29, 0, 0};
    struct scaling s = {0};

    (void)state;
    assert_int_equal(play(&s, 4, &almost), 4);
    scaling_disturbed(&s);
    assert_int_equal(play(&s, 5, &almost), 5);
    assert_int_equal(patience(&s, 5), 1);
}

static void limits_are_what_the_settings_say(void **state)
{
    static const struct {
        struct settings s;
        int64_t min, max;
    } cases[] = {
        {{.workers = 4}, 1, 256},
        {{.workers_min = 3}, 1, 256}, /* nothing follows the load */
        {{.workers_max = 8}, 1, 8},
        {{.workers_min = 2, .workers_max = 8}, 2, 8},
        {{.workers_min = 9, .workers_max = 8}, 8, 8},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scaling_limits l = scaling_limits(&cases[i].s);
        assert_int_equal(l.min, cases[i].min);
        assert_int_equal(l.max, cases[i].max);
    }
    assert_int_equal(scaling_clip(&limits, 1), 2);
    assert_int_equal(scaling_clip(&limits, 5), 5);
    assert_int_equal(scaling_clip(&limits, 9), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_load_decides),
        cmocka_unit_test(alternating_load_does_nothing),
        cmocka_unit_test(those_that_come_are_awaited),
        cmocka_unit_test(flapping_makes_it_patient),
        cmocka_unit_test(patience_wears_off),
        cmocka_unit_test(a_hand_on_it_begins_the_watch_anew),
        cmocka_unit_test(limits_are_what_the_settings_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
