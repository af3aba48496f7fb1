/*
 * trace: what is noted about one request while it is answered, for metrics,
 * the recorder and the access log. Plain data that lives with the exchange;
 * each field is written by the one who knows it.
 */
#ifndef PRONG_TRACE_H
#define PRONG_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/metrics.h"
#include "common/recorder.h"

struct trace {
    struct record *record; /* in the segment; null: nobody records */
    uint64_t came_ns;      /* the request was complete (its turn's wake-up) */
    uint64_t phase_ns;     /* when the present phase began */
    unsigned route;        /* number of its name; NAMES_REST: none */
    enum cache_outcome cache;
    enum counter error; /* COUNT_ERROR_… when it failed, else 0 */
    uint32_t queries;
    uint32_t rows;
    bool stored;     /* the answer was put into the cache */
    bool compressed; /* it was compressed for this request */
};

/* The request enters another phase: reads the clock, and tells the flight
 * recorder. Nothing when nobody records. */
void trace_phase(struct trace *t, enum phase phase);
/* One SQL statement ran; `line` is its place in the endpoint's file. */
void trace_statement(struct trace *t, int line, uint64_t ns, uint64_t rows);

#endif
