/*
 * figures: the server as a whole in numbers, added up from the segment for an
 * operator: all that was counted since the beginning, and of that the last
 * minute (by the keeper's samples). Sums over all cells, a millisecond or
 * less: for a question now and then.
 */
#ifndef PRONG_FIGURES_H
#define PRONG_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/segment/metrics.h"
#include "common/segment/shared.h"

struct figures {
    struct totals all;
    struct totals minute;
    double seconds;    /* that `minute` covers; 0: nothing is known */
    uint64_t age_ms;   /* of the server */
    uint64_t pss_kb;   /* of all processes, as they saw themselves last */
    uint64_t accepted; /* connections, since the beginning */
    uint64_t connections;
    uint32_t backlog; /* the longest that a worker saw */
    uint64_t waiting; /* writes, for their turn */
};

void figures_take(struct figures *f, const struct shared *shared);

#endif
