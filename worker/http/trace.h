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

#include "common/segment/metrics.h"
#include "common/segment/recorder.h"

struct trace {
    struct record *record;     /* in the segment; null: nobody records */
    struct metrics_cell *cell; /* of the route, in the segment; null likewise */
    uint64_t came_ns;  /* the request was complete (its turn's wake-up) */
    uint64_t phase_ns; /* when the present phase began */
    enum phase phase;
    const char *route; /* "/api/chefs/{id}", "static" …; null: not found out */
    unsigned number;   /* of its name, in names.h */
    enum cache_outcome cache;
    enum counter error; /* COUNT_ERROR_…; 0: none */
    uint64_t sql_ns;
    uint32_t queries;
    uint32_t rows;
    bool stored;     /* the answer was put into the cache */
    bool compressed; /* it was compressed for this request */
};

/* The request enters another phase: reads the clock (25 ns), so it is for
 * phases that can last. */
void trace_phase(struct trace *t, enum phase phase);
/* The same without the clock: the time since the last look belongs to the
 * phase that is entered. */
void trace_mark(struct trace *t, enum phase phase);
/* Something that this request is counted under, beside what becomes of it. */
void trace_count(const struct trace *t, enum counter which);
/* Statement number `n` of a request, from 1, begins. */
void trace_sql(struct trace *t, unsigned n);
/* So much of its time, in ns, it waited for the write lock: that was no SQL. */
void trace_waited(struct trace *t, uint64_t ns);
/* It has run; `line` is its place in the endpoint's file. Returns the
 * nanoseconds that it took. */
uint64_t trace_sql_end(struct trace *t, int line, uint64_t rows);

#endif
