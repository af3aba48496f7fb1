#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "master/keeper/jobclock.h"

static const int64_t SECOND = 1000;
static const int64_t MINUTE = 60000;
static const int64_t HOUR = 3600000;
static const int64_t DAY = 86400000;
static const int64_t MIDNIGHT = 20000 * INT64_C(86400000);

/* The clocks in hand. */
static struct instant now;

static void pass(int64_t ms)
{
    now.wall_ms += ms;
    now.mono_ms += (uint64_t)ms;
}

static void jump(int64_t ms)
{
    now.wall_ms += ms;
}

static int set_up(void **state)
{
    (void)state;
    now = (struct instant){MIDNIGHT + 12 * HOUR, 18000000};
    return 0;
}

/* DAILY 03:30 */
static struct jobclock daily(int64_t last_ms)
{
    struct jobclock c = {.schedule = {.daily_minute = 210}};

    jobclock_plan(&c, last_ms, now);
    return c;
}

static struct jobclock every(int64_t ms, int64_t last_ms)
{
    struct jobclock c = {.schedule = {.every_ms = ms}};

    jobclock_plan(&c, last_ms, now);
    return c;
}

static void expect_left(const struct jobclock *c, int64_t ms)
{
    assert_int_equal((int64_t)(c->due_ms - now.mono_ms), ms);
    assert_int_equal(c->due_wall_ms - now.wall_ms, ms);
}

static void test_every(void **state)
{
    (void)state;
    struct jobclock c = every(5 * MINUTE, 0);
    expect_left(&c, 5 * MINUTE);
    c = every(5 * MINUTE, now.wall_ms - 2 * MINUTE);
    expect_left(&c, 3 * MINUTE);
    pass(MINUTE);
    jobclock_follow(&c, now);
    expect_left(&c, 2 * MINUTE);
    c = every(5 * MINUTE, now.wall_ms - DAY); /* was down: once, and now */
    assert_int_equal(c.due_ms, now.mono_ms);
}

/* It waits as long as it was to, whatever the wall clock does. */
static void test_every_when_the_clock_jumps(void **state)
{
    const int64_t jumps[] = {HOUR, -HOUR, 1000000000000, -1000000000000};

    (void)state;
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        set_up(NULL);
        struct jobclock c = every(5 * MINUTE, now.wall_ms);
        pass(MINUTE);
        jump(jumps[i]);
        jobclock_follow(&c, now);
        expect_left(&c, 4 * MINUTE);
        pass(5 * MINUTE);
        jobclock_follow(&c, now);
        assert_true(c.due_ms < now.mono_ms);
    }
}

/* What ran in a future that is no more does not wait for it. */
static void test_every_from_the_future(void **state)
{
    (void)state;
    struct jobclock c = every(5 * MINUTE, now.wall_ms + DAY);
    expect_left(&c, 5 * MINUTE);
    pass(4 * MINUTE);
    jobclock_follow(&c, now);
    expect_left(&c, MINUTE);
}

static void test_daily(void **state)
{
    (void)state;
    struct jobclock c = daily(0);
    expect_left(&c, 15 * HOUR + 30 * MINUTE);
    pass(15 * HOUR);
    jobclock_follow(&c, now);
    expect_left(&c, 30 * MINUTE);
    pass(30 * MINUTE + 7);
    jobclock_follow(&c, now);
    assert_int_equal(c.due_ms, now.mono_ms);
    jobclock_plan(&c, now.wall_ms, now);
    expect_left(&c, DAY - 7);
    c = daily(now.wall_ms - 3 * DAY); /* was down: once, and now */
    assert_int_equal(c.due_ms, now.mono_ms);
}

static void test_daily_when_the_clock_is_put_forward(void **state)
{
    (void)state;
    struct jobclock c = daily(now.wall_ms);
    jump(15 * HOUR);
    jobclock_follow(&c, now);
    expect_left(&c, 30 * MINUTE);
    jump(HOUR);
    jobclock_follow(&c, now);
    assert_int_equal(c.due_ms, now.mono_ms);
}

/* By seconds or hours, while it runs or while it was down: for one moment it
 * runs once. */
static void test_daily_when_the_clock_is_put_back(void **state)
{
    const int64_t jumps[] = {-8, -10 * SECOND, -3 * HOUR, -23 * HOUR};

    (void)state;
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        now.wall_ms = MIDNIGHT + 210 * MINUTE + 7;
        struct jobclock c = daily(now.wall_ms);
        expect_left(&c, DAY - 7);
        jump(jumps[i]);
        jobclock_follow(&c, now);
        int64_t left = DAY - 7 - jumps[i];
        expect_left(&c, left);
        pass(MINUTE);
        jobclock_follow(&c, now);
        expect_left(&c, left - MINUTE);
        struct jobclock after = daily(c.last_ms);
        expect_left(&after, left - MINUTE);
    }
}

static void test_daily_at_its_very_moment(void **state)
{
    (void)state;
    now.wall_ms = MIDNIGHT + 210 * MINUTE;
    struct jobclock c = daily(now.wall_ms);
    expect_left(&c, DAY);
    jump(-1);
    jobclock_follow(&c, now);
    expect_left(&c, DAY + 1);
}

/* It ran while the clock was wrong by days: those are not waited for. */
static void test_daily_after_a_wrong_clock(void **state)
{
    (void)state;
    struct jobclock c = daily(now.wall_ms + 100 * DAY);
    expect_left(&c, 15 * HOUR + 30 * MINUTE);
    jump(100 * DAY);
    c = daily(now.wall_ms);
    jump(-100 * DAY);
    jobclock_follow(&c, now);
    expect_left(&c, 15 * HOUR + 30 * MINUTE);
    pass(HOUR);
    jobclock_follow(&c, now);
    expect_left(&c, 14 * HOUR + 30 * MINUTE);
}

static void test_hasten(void **state)
{
    (void)state;
    struct jobclock c = every(6 * HOUR, 0);
    jobclock_hasten(&c, now.wall_ms + 7 * HOUR, now);
    expect_left(&c, 6 * HOUR);
    jobclock_hasten(&c, now.wall_ms + 10 * MINUTE, now);
    expect_left(&c, 10 * MINUTE);
    jobclock_hasten(&c, now.wall_ms - DAY, now);
    assert_int_equal(c.due_ms, now.mono_ms);
    c = daily(0);
    jobclock_hasten(&c, now.wall_ms + MINUTE, now);
    jobclock_follow(&c, now);
    expect_left(&c, MINUTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every, set_up),
        cmocka_unit_test_setup(test_every_when_the_clock_jumps, set_up),
        cmocka_unit_test_setup(test_every_from_the_future, set_up),
        cmocka_unit_test_setup(test_daily, set_up),
        cmocka_unit_test_setup(test_daily_when_the_clock_is_put_forward,
                               set_up),
        cmocka_unit_test_setup(test_daily_when_the_clock_is_put_back, set_up),
        cmocka_unit_test_setup(test_daily_at_its_very_moment, set_up),
        cmocka_unit_test_setup(test_daily_after_a_wrong_clock, set_up),
        cmocka_unit_test_setup(test_hasten, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
