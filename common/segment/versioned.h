/*
 * versioned: plain values in the segment that one process writes and any may
 * read without a lock. A version stands beside them: odd while they are
 * written, another even number afterwards, 0 before the first time. Readers
 * copy, and look at the version again.
 *
 * A writer that dies leaves it odd: then there is nothing to read until the
 * next writer is through. (The version wraps after 2^31 writes, so a copy
 * would have to last that long to be mistaken for whole.)
 */
#ifndef PRONG_VERSIONED_H
#define PRONG_VERSIONED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    VERSION_TRIES = 1000, /* to read what is being written: 1 µs at least */
};

/* By the one writer, before and behind its stores. */
static inline void version_write(_Atomic uint32_t *version)
{
    uint32_t now = atomic_load_explicit(version, memory_order_relaxed);

    atomic_store_explicit(version, now | 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static inline void version_written(_Atomic uint32_t *version)
{
    uint32_t now = atomic_load_explicit(version, memory_order_relaxed);

    atomic_store_explicit(version, (now | 1) + 1, memory_order_release);
}

/* Copies what the version guards. False, and *out is worthless, when it was
 * never written, or did not hold still. */
static inline bool version_copy(const _Atomic uint32_t *version, void *out,
                                const void *from, size_t size)
{
    for (int i = 0; i < VERSION_TRIES; i++) {
        uint32_t before = atomic_load_explicit(version, memory_order_acquire);
        if (before == 0)
            return false;
        if (before % 2 != 0)
            continue;
        memcpy(out, from, size);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(version, memory_order_relaxed) == before)
            return true;
    }
    return false;
}

#endif
