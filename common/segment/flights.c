#include <stdatomic.h>

#include "common/segment/heritage.h"

#include "common/segment/flights.h"

/*
 * One word a place, so that a claim, its owner, its key and whether somebody
 * waits change together or not at all:
 *
 *     key without its low bits | somebody waits | slot + 1
 *          63 … 11                    10            9 … 0
 *
 * The low bits of a key say which place is its own: no search, and two
 * computations that meet in one place do not hinder each other (FLIGHT_FREE).
 * 2048 places of 8 bytes for at most 576 workers with one computation each.
 */
enum {
    PLACES = 2048,
    WAITING = 1024,
    OWNER = WAITING - 1,
};
_Static_assert((int)SLOTS_ALL < (int)OWNER, "a slot fits");
_Static_assert(PLACES == 2 * WAITING, "place and tag make the whole key");

struct flights {
    _Atomic uint64_t place[PLACES]; /* 0: nobody computes */
};

size_t flights_size(void)
{
    return sizeof(struct flights);
}

static uint64_t tag_of(uint64_t key)
{
    return key - key % PLACES;
}

static uint64_t owner_of(unsigned slot)
{
    return slot + 1;
}

/* Says that somebody waits, unless `held` is no longer what stands there. */
static bool wait_for(_Atomic uint64_t *place, uint64_t held)
{
    return (held & WAITING) != 0 ||
           atomic_compare_exchange_strong(place, &held, held | WAITING);
}

/* Each turn of the loop means that another one changed the place, which it
 * does at most twice (waiting, landed) for each answer that it computes. */
enum flight flights_claim(struct flights *f, uint64_t key, unsigned slot)
{
    _Atomic uint64_t *place = &f->place[key % PLACES];
    uint64_t ours = tag_of(key) | owner_of(slot);

    for (;;) {
        uint64_t held = 0;
        if (atomic_compare_exchange_strong(place, &held, ours) ||
            (held & ~(uint64_t)WAITING) == ours)
            return FLIGHT_OURS;
        if (tag_of(held) != tag_of(key))
            return FLIGHT_FREE;
        if (wait_for(place, held))
            return FLIGHT_THEIRS;
    }
}

bool flights_under_way(const struct flights *f, uint64_t key, unsigned slot)
{
    uint64_t held = atomic_load(&f->place[key % PLACES]);

    return held != 0 && tag_of(held) == tag_of(key) &&
           (held & OWNER) != owner_of(slot);
}

/* Clears the place if it is the slot's; between two looks others can only say
 * that they wait. True when one did. */
static bool give_back(_Atomic uint64_t *place, uint64_t held, unsigned slot)
{
    while ((held & OWNER) == owner_of(slot))
        if (atomic_compare_exchange_weak(place, &held, 0))
            return (held & WAITING) != 0;
    return false;
}

bool flights_land(struct flights *f, uint64_t key, unsigned slot)
{
    _Atomic uint64_t *place = &f->place[key % PLACES];
    uint64_t held = atomic_load(place);

    return tag_of(held) == tag_of(key) && give_back(place, held, slot);
}

bool flights_forget(struct flights *f, unsigned slot)
{
    bool waiting = false;

    for (unsigned i = 0; i < PLACES; i++)
        waiting |= give_back(&f->place[i], atomic_load(&f->place[i]), slot);
    return waiting;
}
