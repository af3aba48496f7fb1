#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/endpoint/shed.h"

/* One request: when its turn comes, and how long it has waited, in ms. */
struct turn {
    uint64_t at, waited;
    bool refused;
};

static void play(int64_t target_ms, const struct turn *turns, size_t count)
{
    struct shed s = shed_of(target_ms);
    const uint64_t ms = UINT64_C(1000) * 1000;

    for (size_t i = 0; i < count; i++)
        if (shed_refuses(&s, turns[i].waited * ms, turns[i].at * ms) !=
            turns[i].refused)
            fail_msg("%zu, at %llu: %srefused", i,
                     (unsigned long long)turns[i].at,
                     turns[i].refused ? "not " : "");
}

#define PLAY(target, ...)                                                      \
    play((target), (const struct turn[]){__VA_ARGS__},                         \
         sizeof((const struct turn[]){__VA_ARGS__}) / sizeof(struct turn))

static void waits_within_the_target(void **state)
{
    (void)state;
    PLAY(1000, {5000, 0, false}, {6000, 1000, false}, {7000, 999, false},
         {8000, 1000, false}, {9000, 1000, false});
}

/* Most have waited too long for half a second; and it is over when none has,
 * for as long. */
static void a_standing_queue(void **state)
{
    (void)state;
    PLAY(1000, {5000, 1001, false}, {5100, 900, false}, {5499, 1500, false},
         {5500, 1500, true}, {5501, 1500, true}, {5502, 900, false},
         {5503, 900, false}, {5504, 900, false}, {5999, 900, false},
         {6002, 900, false}, {6003, 1500, true}, {6502, 10, false},
         {6504, 10, false}, {7001, 10, false}, {7010, 1500, false});
}

/* As many in time as late: there is no queue in which all have to wait. */
static void half_of_them(void **state)
{
    (void)state;
    PLAY(1000, {5000, 1500, false}, {5100, 1, false}, {5300, 1500, false},
         {5499, 1, false}, {5500, 1500, false});
}

/* A long statement made all wait who came meanwhile. */
static void a_single_spike(void **state)
{
    (void)state;
    PLAY(1000, {5000, 2000, false}, {5001, 1900, false}, {5002, 1200, false},
         {5600, 1, false}, {6100, 1, false}, {6150, 1200, false});
}

/* Spikes apart: nobody was waiting in between. */
static void spikes_apart(void **state)
{
    (void)state;
    PLAY(1000, {5000, 2000, false}, {8000, 2400, false}, {11000, 2400, false},
         {14000, 2400, false});
}

/* Statements of two seconds, one behind the other, with others waiting. */
static void slow_turns_with_a_queue(void **state)
{
    (void)state;
    PLAY(1000, {5000, 2000, false}, {7000, 4000, true}, {7001, 4000, true},
         {7002, 100, false});
}

static void windows_follow_the_target(void **state)
{
    (void)state;
    PLAY(400, {5000, 401, false}, {5199, 401, false}, {5200, 401, true});
    PLAY(20, {5000, 30, false}, {5025, 30, false}, {5050, 30, false},
         {5075, 30, false}, {5099, 30, false}, {5100, 30, true});
}

static void switched_off(void **state)
{
    (void)state;
    PLAY(0, {5000, 60000, false}, {7000, 60000, false}, {9000, 60000, false});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_within_the_target),
        cmocka_unit_test(a_standing_queue),
        cmocka_unit_test(half_of_them),
        cmocka_unit_test(a_single_spike),
        cmocka_unit_test(spikes_apart),
        cmocka_unit_test(slow_turns_with_a_queue),
        cmocka_unit_test(windows_follow_the_target),
        cmocka_unit_test(switched_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
