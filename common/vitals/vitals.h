/*
 * vitals: what a process costs, as it sees itself (proc(5)). Each process
 * looks at itself, because a process that has changed its user may not be
 * looked at by others.
 */
#ifndef PRONG_VITALS_H
#define PRONG_VITALS_H

#include <stdint.h>

struct vitals {
    uint64_t pss_kb;      /* proportional set size, /proc/self/smaps_rollup; the
                             resident size where that cannot be read */
    uint64_t peak_kb;     /* largest resident size */
    uint64_t cpu_us;      /* user and system */
    uint32_t descriptors; /* open; when none is left, as many as may be */
};

/* Of the calling process. 0.2 to 1 ms: not for each request. */
void vitals_take(struct vitals *out);

struct slot;

/* Takes them, and writes them into the slot of the calling process. */
void vitals_tell(struct slot *slot);

#endif
