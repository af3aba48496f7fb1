/*
 * busy: how much of the last moments each worker was not waiting. The master
 * notes their counters now and then; a look compares with the note that is at
 * least a second old, or the oldest of this process.
 */
#ifndef PRONG_BUSY_H
#define PRONG_BUSY_H

#include <stdint.h>

#include "common/segment/heritage.h"

enum { BUSY_MS = 1000 }; /* a note lasts at least so long */

struct busy_note {
    uint64_t at_ns; /* CLOCK_MONOTONIC; 0: none yet */
    uint64_t busy_ns[SLOTS_MAX];
    int32_t pid[SLOTS_MAX];
};

struct busy {
    struct busy_note notes[2];
    unsigned newest;
};

/* To be called each second or so; sooner it does nothing. */
void busy_note(struct busy *b, const struct slot *slots, uint64_t now_ns);
/* In percent of that time, 0 to 100; 0 when nobody knows yet. */
double busy_share(const struct busy *b, const struct slot *slots,
                  unsigned number, uint64_t now_ns);

#endif
