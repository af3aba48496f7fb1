/*
 * alerts: when the operator is told. Rules, the figures of the last minute
 * and the time in; rises and clearings out. Pure: no clock, no segment.
 *
 * They do not flap: what is beyond a threshold must stay so for the rules'
 * hold time to rise, and within it as long to clear. To rise takes a minimum
 * of traffic as well; what has risen stays while the few that still come are
 * beyond, and clears when none come. Memory is judged without traffic.
 */
#ifndef PRONG_ALERTS_H
#define PRONG_ALERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/app/app.h"
#include "common/segment/board.h"

/* A mean or a share, and how many it is of: requests, statements, cacheable
 * requests. */
struct alert_figure {
    double value;
    uint64_t count;
};

/* Zeroed, or as the board holds them, when it begins. */
struct alerts {
    struct alert at[ALERTS];
    /* Since when it is another than at[].active (CLOCK_MONOTONIC). */
    struct {
        bool on;
        uint64_t since_ms;
    } turning[ALERTS];
};

/* What is judged, of what was counted in a minute (without the operators' own
 * pages) and all processes' PSS. */
void alerts_figures(const struct totals *minute, uint64_t pss_kb,
                    struct alert_figure out[ALERTS]);

/* Judges each; clock_ms is CLOCK_MONOTONIC, wall_ms Unix time. Returns a bit
 * (1 << kind) for each that has risen or cleared. */
unsigned alerts_judge(struct alerts *a, const struct alert_rules *rules,
                      const struct alert_figure figures[ALERTS],
                      uint64_t clock_ms, int64_t wall_ms);

/* "response_time 132.4 ms is above 100 ms", terminated, cut to the room; or
 * that it no longer is, or is switched off. */
void alerts_words(enum alert_kind kind, const struct alert *alert, char *room,
                  size_t size);

#endif
