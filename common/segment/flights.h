/*
 * flights: who is computing which answer, so that one worker does it while
 * the others wait or show what they have. In the segment; a place is claimed
 * by one compare-and-swap that names the claimant's slot, so the master can
 * clear what a dead worker held.
 */
#ifndef PRONG_FLIGHTS_H
#define PRONG_FLIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flights;

enum flight {
    FLIGHT_OURS,   /* claimed: compute, then flights_land */
    FLIGHT_THEIRS, /* another worker computes it; we are noted as waiting */
    FLIGHT_FREE,   /* the place is taken by something else: compute, and no
                      landing */
};

/* Bytes of its region, which is valid when zeroed. */
size_t flights_size(void);
/* `key` is the hash of what is computed. */
enum flight flights_claim(struct flights *f, uint64_t key, unsigned slot);
/* Whether another slot than `slot` computes it now. */
bool flights_under_way(const struct flights *f, uint64_t key, unsigned slot);
/* Gives the claim back. True when somebody waits, and the bell is to be rung
 * (heritage.bell_fd). */
bool flights_land(struct flights *f, uint64_t key, unsigned slot);
/* The master's: all claims of a slot whose process is gone. True when
 * somebody waits for one. */
bool flights_forget(struct flights *f, unsigned slot);

#endif
