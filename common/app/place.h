/*
 * place: the order in which regions of the segment keep what each slot has.
 * Keeper and master come first, then the workers: so whoever looks at all
 * places that were ever used scans a few, not SLOTS_ALL.
 */
#ifndef PRONG_PLACE_H
#define PRONG_PLACE_H

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#include "common/segment/heritage.h"

static inline unsigned place_of(unsigned slot)
{
    assert(slot < SLOTS_ALL);
    return (slot + SLOTS_ALL - SLOT_KEEPER) % SLOTS_ALL;
}

static inline unsigned slot_at(unsigned place)
{
    return (place + SLOT_KEEPER) % SLOTS_ALL;
}

/* `*used`: the places below it were ever used. It only rises, and is raised
 * before anything stands in that place. */
static inline void place_use(_Atomic uint32_t *used, unsigned place)
{
    uint32_t was = atomic_load(used);

    while (was <= place && !atomic_compare_exchange_weak(used, &was, place + 1))
        ;
}

#endif
