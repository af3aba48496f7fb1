/*
 * recycle: when a worker has had its day and asks to be replaced (max-requests,
 * max-worker-memory, max-worker-lifetime). It goes on serving until the master
 * tells it to go, which is when its replacement is ready. Pure.
 */
#ifndef PRONG_RECYCLE_H
#define PRONG_RECYCLE_H

#include <stdint.h>

#include "common/segment/heritage.h"
#include "common/settings/settings.h"

/* The limits of one worker; 0: none. */
struct recycle {
    uint64_t requests;
    uint64_t pss_kb;
    uint64_t age_ms;
};

/* What it has come to. */
struct recycle_state {
    uint64_t requests; /* answered since its birth */
    uint64_t pss_kb;   /* 0: not known yet */
    uint64_t age_ms;
};

/*
 * The limits that the settings give a worker. `chance` is any random number:
 * those that began together are not to leave together, so max-requests is
 * raised by up to its jitter, and the lifetime moved by up to a tenth either
 * way.
 */
struct recycle recycle_limits(const struct settings *s, uint64_t chance);

/* LEAVE_NOT while it may stay. */
enum leave_reason recycle_due(const struct recycle *limits,
                              const struct recycle_state *now);

#endif
