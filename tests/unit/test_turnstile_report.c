#include "hall.h"

#include "common/segment/names.h"

static const uint64_t SECOND = 1000000000; /* in ns */

static void work(unsigned slot, unsigned route, const char *id,
                 uint64_t waited_ns)
{
    const struct turn_work w = {route, slice_of(id), waited_ns};

    turnstile_work(hall.t, slot, &w);
}

/* As if the turn, and what is done with it, had begun that much earlier: so
 * what is slow is slow by seconds, on the busiest of machines. */
static void hold(unsigned slot, uint64_t ns)
{
    hall.t->place[place_of(slot)].given_ns -= ns;
    hall.t->report[place_of(slot)].note.began_ns -= ns;
}

/* ---- what they are at ----------------------------------------------------*/

static void the_holder_is_known(void **state)
{
    struct turn_holder h;

    (void)state;
    ask(1);
    hold(1, 2 * SECOND);
    assert_true(turnstile_holder(hall.t, &h));
    assert_int_equal(h.slot, 1);
    assert_int_equal(h.pid, getpid());
    assert_int_equal(h.route, NAMES_REST);
    assert_string_equal(h.id, "");
    assert_true(h.held_ns >= 2 * SECOND);
    assert_int_equal(h.waited_ns, 0);
    int64_t began_ms = h.wall_ms;
    work(1, 7, "first", 5 * SECOND);
    assert_true(turnstile_holder(hall.t, &h));
    assert_int_equal(h.route, 7);
    assert_string_equal(h.id, "first");
    assert_int_equal(h.waited_ns, 5 * SECOND);
    assert_true(h.wall_ms >= began_ms + 2000);
    hold(1, 3 * SECOND);
    assert_true(turnstile_holder(hall.t, &h));
    assert_true(h.held_ns >= 3 * SECOND);
    work(1, 8, "an id that is longer than there is room for", 0);
    assert_true(turnstile_holder(hall.t, &h));
    assert_int_equal(h.route, 8);
    assert_string_equal(h.id, "an id that is longer than there ");
    pass(1);
    expect_nobody();
    ask(1); /* what it was at before is not what it is at */
    assert_true(turnstile_holder(hall.t, &h));
    assert_int_equal(h.route, NAMES_REST);
    forget(1);
    expect_nobody();
}

/* How long it waited before it said what for. */
static void waiting_is_told_from_holding(void **state)
{
    struct turn_holder h;

    (void)state;
    ask(0);
    ask(1);
    hall.t->place[place_of(1)].asked_ns -= 5 * SECOND;
    pass(0);
    assert_true(turnstile_holder(hall.t, &h));
    assert_int_equal(h.slot, 1);
    assert_true(h.waited_ns >= 5 * SECOND);
    assert_true(h.held_ns < 5 * SECOND);
}

static int hold_and_die(void *self, unsigned slot)
{
    (void)self;
    ask(slot);
    work(slot, 9, "deadly", 3);
    return 0;
}

/* What somebody died of is among the slow ones. */
static void the_dead_are_kept(void **state)
{
    struct turn_holder h;

    (void)state;
    crowd_run(hold_and_die, NULL, 2);
    assert_true(turnstile_holder(hall.t, &h));
    pid_t pid = h.pid;
    assert_int_not_equal(pid, getpid());
    hold(2, 2 * SECOND);
    forget(2);
    assert_true(turnstile_slow(hall.t, 2, 0, &h));
    assert_int_equal(h.pid, pid);
    assert_string_equal(h.id, "deadly");
    assert_true(h.held_ns >= 2 * SECOND);
    assert_false(turnstile_slow(hall.t, 2, 1, &h));
    ask(2);
    assert_true(turnstile_holder(hall.t, &h));
    assert_int_equal(h.pid, getpid()); /* the next one in that slot */
}

/* Sums over all, in ns. */
static struct distribution sum_of(const struct histogram *h)
{
    struct distribution d = {.count = 0};

    distribution_add(&d, h);
    return d;
}

/* It died over its note: nothing is known of what it was at. */
static void a_torn_note_is_none(void **state)
{
    struct turn_holder h;

    (void)state;
    ask(0);
    work(0, 7, "torn", 0);
    hall.t->report[place_of(0)].note.version |= 1;
    assert_true(turnstile_holder(hall.t, &h));
    assert_int_equal(h.route, NAMES_REST);
    forget(0);
    assert_false(turnstile_slow(hall.t, 0, 0, &h));
    ask(0);
    work(0, 8, "next", 0);
    assert_true(turnstile_holder(hall.t, &h));
    assert_string_equal(h.id, "next");
}

static void times_are_counted(void **state)
{
    (void)state;
    ask(3);
    work(3, 1, "a", 1 * SECOND);
    work(3, 1, "b", 3 * SECOND);
    hold(3, 4 * SECOND);
    pass(3);
    ask(3);
    ask(0);
    pass(0); /* gave up: no turn */
    forget(3);
    struct distribution waits = sum_of(turnstile_waits(hall.t, 3));
    struct distribution holds = sum_of(turnstile_holds(hall.t, 3));
    assert_int_equal(waits.count, 2);
    assert_int_equal(waits.sum_ns, 4 * SECOND);
    assert_int_equal(holds.count, 2); /* turns, of which one ended in death */
    assert_true(holds.max_ns >= 4 * SECOND);
    assert_int_equal(sum_of(turnstile_holds(hall.t, 0)).count, 0);
}

/* A turn is counted from when it was given, not from when it was asked for. */
static void waiting_is_not_held(void **state)
{
    (void)state;
    ask(0);
    ask(1);
    hold(0, 50 * SECOND);
    hall.t->place[place_of(1)].asked_ns -= 50 * SECOND;
    pass(0);
    pass(1);
    uint64_t first = sum_of(turnstile_holds(hall.t, 0)).max_ns;
    uint64_t second = sum_of(turnstile_holds(hall.t, 1)).max_ns;
    assert_true(first >= 50 * SECOND);
    assert_true(second < 50 * SECOND);
}

/* ---- the slow ones -------------------------------------------------------*/

/* Of slot 0, how many there are with that route. */
static unsigned slow_ones(unsigned route)
{
    struct turn_holder h;
    unsigned n = 0;

    for (unsigned i = 0; i < TURN_SLOW; i++)
        n += turnstile_slow(hall.t, 0, i, &h) && h.route == route;
    return n;
}

static void turns_of(unsigned route, unsigned count, unsigned seconds)
{
    for (unsigned i = 0; i < count; i++) {
        ask(0);
        work(0, route, "x", 0);
        hold(0, seconds * SECOND);
        pass(0);
    }
}

enum { QUICK = 1, SLOW = 2, SLOWER = 3, SLOWEST = 4 };

static void the_slow_ones_stay(void **state)
{
    struct turn_holder h;

    (void)state;
    assert_false(turnstile_slow(hall.t, 0, 0, &h));
    turns_of(QUICK, 3, 0);
    assert_int_equal(slow_ones(QUICK), 3); /* also quick ones */
    turns_of(SLOW, 10, 3);
    turns_of(QUICK, 100, 0);
    assert_int_equal(slow_ones(SLOW), 10);
    assert_int_equal(slow_ones(QUICK), TURN_SLOW - 10);
    turns_of(SLOWER, TURN_SLOW - 6, 20);
    assert_int_equal(slow_ones(QUICK), 0);
    assert_int_equal(slow_ones(SLOWER), TURN_SLOW - 6);
    assert_int_equal(slow_ones(SLOW), 6);
    assert_false(turnstile_slow(hall.t, 0, TURN_SLOW, &h));
    assert_false(turnstile_slow(hall.t, 1, 0, &h));
}

static const uint64_t RECENT = TURN_RECENT_MS * 1000000ULL; /* in ns */

/* As if it had ended that much earlier. */
static void age(unsigned i, uint64_t ns)
{
    struct report *r = &hall.t->report[place_of(0)];
    uint64_t until = (r->slow[i].ended_ns -= ns) + RECENT;

    if (until < r->bar_until_ns)
        r->bar_until_ns = until;
}

/* However slow they were, and the oldest one first. */
static void the_old_give_way(void **state)
{
    (void)state;
    if (turn_clock_ns() < 2 * RECENT)
        skip(); /* the machine is younger than that */
    turns_of(SLOWER, 1, 8);
    turns_of(SLOWEST, 1, 9);
    turns_of(SLOW, TURN_SLOW - 2, 3);
    age(1, RECENT);
    age(0, RECENT + 1);
    age(2, RECENT - 100 * SECOND); /* not yet */
    turns_of(QUICK, 1, 0);
    assert_int_equal(slow_ones(QUICK), 1);
    assert_int_equal(slow_ones(SLOWER), 0);
    assert_int_equal(slow_ones(SLOWEST), 1);
    turns_of(QUICK, 3, 0);
    assert_int_equal(slow_ones(QUICK), 2);
    assert_int_equal(slow_ones(SLOWEST), 0);
    assert_int_equal(slow_ones(SLOW), TURN_SLOW - 2);
}

/* Quick work is not looked at until the oldest of the slow ones is old. */
static void the_oldest_sets_the_time(void **state)
{
    (void)state;
    if (turn_clock_ns() < 2 * RECENT)
        skip();
    turns_of(SLOWER, 5, 8);
    age(2, RECENT - 100 * SECOND);
    turns_of(SLOW, TURN_SLOW - 5, 3);
    assert_true(hall.t->report[place_of(0)].bar_until_ns <=
                turn_clock_ns() + 100 * SECOND);
    assert_true(hall.t->report[place_of(0)].bar_until_ns > 0);
}

/* A turn in which nothing was said is none of what was said before. */
static void a_silent_turn(void **state)
{
    (void)state;
    turns_of(SLOW, 1, 3);
    ask(0);
    hold(0, 5 * SECOND);
    pass(0);
    assert_int_equal(slow_ones(SLOW), 1);
}

/* One that its writer died over is none, and the first to be written. */
static void a_torn_one_gives_way(void **state)
{
    (void)state;
    turns_of(SLOW, TURN_SLOW, 3);
    hall.t->report[place_of(0)].slow[4].version |= 1;
    hall.t->report[place_of(0)].bar_until_ns = 0; /* as its writer had set it */
    assert_int_equal(slow_ones(SLOW), TURN_SLOW - 1);
    turns_of(QUICK, 1, 0);
    assert_int_equal(slow_ones(SLOW), TURN_SLOW - 1);
    assert_int_equal(slow_ones(QUICK), 1);
    turns_of(SLOW, 1, 3);
    hall.t->report[place_of(0)].bar_until_ns = 0;
    turns_of(QUICK, 1, 0); /* for want of a bar it is looked at, no more */
    assert_int_equal(slow_ones(SLOW), TURN_SLOW);
}

/* Each piece of work in a turn is one. */
static void a_turn_of_several(void **state)
{
    struct turn_holder h;

    (void)state;
    ask(0);
    work(0, QUICK, "1", 0);
    work(0, SLOW, "2", 11);
    hold(0, 3 * SECOND);
    work(0, QUICK, "3", 0);
    pass(0);
    assert_int_equal(slow_ones(QUICK), 2);
    assert_int_equal(slow_ones(SLOW), 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(turnstile_slow(hall.t, 0, i, &h));
        assert_int_equal(h.held_ns >= 3 * SECOND, h.route == SLOW);
        assert_int_equal(h.waited_ns, h.route == SLOW ? 11 : 0);
        assert_string_equal(h.id, h.route == SLOW ? "2" : i ? "3" : "1");
    }
}

static void turn_of(unsigned slot, unsigned route, unsigned seconds)
{
    ask(slot);
    work(slot, route, "", 0);
    hold(slot, seconds * SECOND);
    pass(slot);
}

/* Of all slots, the longest first, and no old ones. */
static void the_slowest(void **state)
{
    struct turn_holder h[3];

    (void)state;
    assert_int_equal(turnstile_slowest(hall.t, h, 3), 0);
    turn_of(0, 10, 2);
    turn_of(1, 11, 4);
    turn_of(0, 12, 3);
    assert_int_equal(turnstile_slowest(hall.t, h, 3), 3);
    assert_int_equal(h[0].route, 11);
    assert_int_equal(h[1].route, 12);
    assert_int_equal(h[2].route, 10);
    assert_int_equal(turnstile_slowest(hall.t, h, 2), 2);
    assert_int_equal(h[0].route, 11);
    assert_int_equal(h[1].route, 12);
    turn_of(2, 13, 5);
    assert_int_equal(turnstile_slowest(hall.t, h, 1), 1);
    assert_int_equal(h[0].route, 13);
    hall.t->report[place_of(2)].slow[0].who.wall_ms -= TURN_RECENT_MS + 5000;
    assert_int_equal(turnstile_slowest(hall.t, h, 1), 1);
    assert_int_equal(h[0].route, 11);
}

#define T(name) cmocka_unit_test_setup_teardown(name, hall_open, hall_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_holder_is_known),
        T(waiting_is_told_from_holding),
        T(the_dead_are_kept),
        T(a_torn_note_is_none),
        T(times_are_counted),
        T(waiting_is_not_held),
        T(the_slow_ones_stay),
        T(the_old_give_way),
        T(the_oldest_sets_the_time),
        T(a_silent_turn),
        T(a_torn_one_gives_way),
        T(a_turn_of_several),
        T(the_slowest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
