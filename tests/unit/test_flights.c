#include "crowd.h"

#include <sched.h>

#include "common/segment/flights.h"
#include "common/segment/heritage.h"

enum what { CLAIM, LAND, UNDER_WAY, FORGET };

/* A and B meet in one place; A and C do not. */
static const uint64_t A = 0x123456789ABCDEF0;
static const uint64_t B = 0x923456789ABCDEF0;
static const uint64_t C = 0x123456789ABCDEF1;

struct step {
    enum what what;
    uint64_t key;
    unsigned slot;
    int result; /* enum flight, or bool */
};

static int take(struct flights *f, const struct step *s)
{
    switch (s->what) {
    case CLAIM: return (int)flights_claim(f, s->key, s->slot);
    case LAND: return flights_land(f, s->key, s->slot);
    case UNDER_WAY: return flights_under_way(f, s->key, s->slot);
    case FORGET: return flights_forget(f, s->slot);
    }
    return -1;
}

#define STORY(name) (name), sizeof(name) / sizeof *(name)

static void play(const struct step *steps, size_t count)
{
    void *memory;
    struct segment *s = crowd_memory(flights_size(), &memory);

    for (size_t i = 0; i < count; i++)
        if (take(memory, &steps[i]) != steps[i].result)
            fail_msg("step %zu: not %d", i, steps[i].result);
    segment_free(s);
}

static void one_computes(void **state)
{
    const struct step steps[] = {
        {UNDER_WAY, A, 1, false}, /* nobody yet */
        {CLAIM, A, 1, FLIGHT_OURS}, {CLAIM, A, 1, FLIGHT_OURS},
        {UNDER_WAY, A, 1, false},                        /* no other */
        {UNDER_WAY, A, 2, true},    {LAND, A, 1, false}, /* nobody waits */
        {UNDER_WAY, A, 2, false},   {LAND, A, 1, false},
        {CLAIM, A, 2, FLIGHT_OURS},
    };

    (void)state;
    play(STORY(steps));
}

static void others_wait(void **state)
{
    const struct step steps[] = {
        {CLAIM, A, 1, FLIGHT_OURS},
        {CLAIM, A, 2, FLIGHT_THEIRS},
        {CLAIM, A, 3, FLIGHT_THEIRS},
        {CLAIM, A, 1, FLIGHT_OURS}, /* waiting does not change whose it is */
        {LAND, A, 2, false},        /* nor is it theirs to give back */
        {UNDER_WAY, A, 3, true},
        {LAND, A, 1, true},
        {LAND, A, 1, false}, /* once */
        {CLAIM, A, 2, FLIGHT_OURS},
        {LAND, A, 2, false}, /* the waiting were for the one before */
    };

    (void)state;
    play(STORY(steps));
}

static void a_taken_place_is_no_hindrance(void **state)
{
    const struct step steps[] = {
        {CLAIM, A, 1, FLIGHT_OURS}, {CLAIM, B, 2, FLIGHT_FREE},
        {CLAIM, B, 1, FLIGHT_FREE}, {UNDER_WAY, B, 2, false},
        {LAND, B, 1, false}, /* not what slot 1 claimed */
        {UNDER_WAY, A, 2, true},    {CLAIM, C, 2, FLIGHT_OURS},
        {LAND, A, 1, false}, /* FREE was not noted as waiting */
        {CLAIM, B, 2, FLIGHT_OURS}, {UNDER_WAY, C, 1, true},
    };

    (void)state;
    play(STORY(steps));
}

static void keys_of_any_bits(void **state)
{
    static const uint64_t keys[] = {0, 1, 1023, 1024, 2047, 2048, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct step steps[] = {
            {CLAIM, keys[i], SLOT_KEEPER, FLIGHT_OURS},
            {CLAIM, keys[i], 0, FLIGHT_THEIRS},
            {UNDER_WAY, keys[i], SLOT_MASTER, true},
            {LAND, keys[i], SLOT_KEEPER, true},
            {CLAIM, keys[i], 0, FLIGHT_OURS},
        };
        play(STORY(steps));
    }
}

static void the_dead_are_forgotten(void **state)
{
    const struct step steps[] = {
        {CLAIM, A, 1, FLIGHT_OURS},   {CLAIM, C, 1, FLIGHT_OURS},
        {CLAIM, 5, 2, FLIGHT_OURS},   {CLAIM, 5, 3, FLIGHT_THEIRS},
        {FORGET, 0, 3, false}, /* it only waited */
        {FORGET, 0, 1, false},        {UNDER_WAY, A, 2, false},
        {UNDER_WAY, C, 2, false},     {UNDER_WAY, 5, 1, true},
        {CLAIM, C, 1, FLIGHT_OURS},   {CLAIM, A, 1, FLIGHT_OURS},
        {CLAIM, C, 2, FLIGHT_THEIRS}, {FORGET, 0, 1, true},
        {FORGET, 0, 1, false},        {CLAIM, A, 3, FLIGHT_OURS},
    };

    (void)state;
    play(STORY(steps));
}

/* ---- processes ----*/

enum { ROUNDS = 20000, FLYERS = 3 };

struct air {
    _Atomic unsigned aloft; /* who believe that the flight is theirs */
    _Atomic unsigned flown; /* rounds */
    _Atomic unsigned bells;
    _Alignas(64) char flights[];
};

/* The first may have flown all rounds before the others are born. */
static bool is_over(const struct air *air)
{
    return air->flown >= ROUNDS &&
           (air->bells > 0 || air->flown > 1000 * ROUNDS);
}

/* Claims and lands one key over and over; 1 if two ever held it at once. */
static int fly(void *self, unsigned slot)
{
    struct air *air = self;
    struct flights *f = (void *)air->flights;

    while (!is_over(air)) {
        enum flight flight = flights_claim(f, A, slot);
        if (flight == FLIGHT_FREE)
            return 2;
        if (flight == FLIGHT_THEIRS) {
            sched_yield();
            continue;
        }
        if (++air->aloft != 1)
            return 1;
        if (air->flown++ % 64 == 0)
            sched_yield();
        air->aloft--;
        air->bells += flights_land(f, A, slot);
    }
    return 0;
}

static void one_at_a_time(void **state)
{
    void *memory;
    struct segment *s =
        crowd_memory(sizeof(struct air) + flights_size(), &memory);
    struct air *air = memory;
    pid_t pids[FLYERS];

    (void)state;
    for (unsigned i = 0; i < FLYERS; i++)
        pids[i] = crowd_start(fly, air, i);
    for (unsigned i = 0; i < FLYERS; i++)
        assert_int_equal(crowd_wait(pids[i]), 0);
    assert_true(air->bells > 0); /* they did meet */
    assert_int_equal(flights_claim((void *)air->flights, A, 9), FLIGHT_OURS);
    segment_free(s);
}

/* Claims and is killed. */
static int crash(void *self, unsigned slot)
{
    if (flights_claim(self, A, slot) == FLIGHT_OURS)
        raise(SIGKILL);
    return 1;
}

static void a_killed_one_hinders_until_forgotten(void **state)
{
    void *memory;
    struct segment *s = crowd_memory(flights_size(), &memory);

    (void)state;
    assert_int_equal(crowd_run(crash, memory, 1), -SIGKILL);
    assert_true(flights_under_way(memory, A, 2));
    assert_int_equal(flights_claim(memory, A, 2), FLIGHT_THEIRS);
    assert_true(flights_forget(memory, 1));
    assert_int_equal(flights_claim(memory, A, 2), FLIGHT_OURS);
    segment_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_computes),
        cmocka_unit_test(others_wait),
        cmocka_unit_test(a_taken_place_is_no_hindrance),
        cmocka_unit_test(keys_of_any_bits),
        cmocka_unit_test(the_dead_are_forgotten),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(a_killed_one_hinders_until_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
