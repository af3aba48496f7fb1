/*
 * top_figures: what the server tells prong top (order_show.h), read back into
 * numbers, and what happened between two of those looks. Pure.
 */
#ifndef PRONG_TOP_FIGURES_H
#define PRONG_TOP_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/segment/histogram.h"
#include "common/text.h"

/* One look. Counters are since the server's beginning. */
struct top_figures {
    char app[72];
    char state[16];
    uint64_t clock_ns;
    uint64_t requests, errors, hits, cacheable, bytes_out, accepted;
    uint64_t uptime_ms, generation, wanted, ready, draining;
    uint64_t connections, backlog, writes_waiting, memory_kb, max_ns;
    struct distribution request;
    struct slice workers; /* tables, as they are printed; in the text */
    struct slice requests_table;
};

/* False when this is no such text. Names it does not know are passed over. */
bool top_figures_read(struct slice text, struct top_figures *out);

/* What came between two looks. */
struct top_rates {
    double seconds;
    double requests, errors, bytes_out, accepted; /* a second */
    double error_percent, hit_percent;
    double p50_ms, p95_ms, p99_ms;
    bool cacheable; /* anything was, so that hit_percent means something */
};

/* All 0 when the later one is not later, or the server began anew. `before`
 * may be all 0: then it is what came since the server's beginning. */
void top_rates_between(struct top_rates *r, const struct top_figures *before,
                       const struct top_figures *now);

#endif
