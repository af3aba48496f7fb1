/*
 * metrics: what happened, counted in the segment, in cells: one for each
 * slot and route (an endpoint, or another thing that answers). A cell has one
 * writer, the worker in that slot; whoever wants to know sums them. A worker
 * that dies leaves its cells to the next in its slot, so nothing ever counts
 * backwards.
 *
 * A cell belongs to (slot, route) by a tag that is claimed with one
 * compare-and-swap and never given back; a worker finds the cells of its slot
 * when it starts. When all are taken, a route is counted in the slot's cell
 * for NAMES_REST, which every slot has.
 *
 * Times are nanoseconds.
 */
#ifndef PRONG_METRICS_H
#define PRONG_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/segment/histogram.h"

enum counter {
    COUNT_1XX, /* answers by class of status */
    COUNT_2XX,
    COUNT_3XX,
    COUNT_4XX,
    COUNT_5XX,
    COUNT_BYTES_IN,  /* of requests */
    COUNT_BYTES_OUT, /* of answers' bodies */
    COUNT_QUERIES,   /* SQL statements run */
    COUNT_ROWS,      /* rows they gave */
    /* What the cache said; see enum cache_outcome. */
    COUNT_CACHE_HIT,
    COUNT_CACHE_STALE,
    COUNT_CACHE_COLLAPSED,
    COUNT_CACHE_MISS,
    COUNT_CACHE_OUTDATED,
    COUNT_CACHE_EXPIRED,
    COUNT_STORED,       /* answers put into the cache */
    COUNT_NOT_MODIFIED, /* 304 */
    COUNT_COMPRESSED,   /* answers compressed (not: found compressed) */
    COUNT_WRONG_TOKENS, /* shown */
    /* Requests refused, by the limit that they exceeded. */
    COUNT_REFUSED_RATE,   /* @rate */
    COUNT_REFUSED_TOKENS, /* limit_auth_failures */
    COUNT_REFUSED_LOAD,   /* shed_ms */
    COUNT_REFUSED_WRITES, /* limit_queued_writes */
    /* Failures by kind, as the database or the server names them. */
    COUNT_ERROR_DEADLINE,
    COUNT_ERROR_BUSY,
    COUNT_ERROR_FULL,
    COUNT_ERROR_GONE, /* not there, damaged or read-only */
    COUNT_ERROR_SQL,
    COUNT_ERROR_OTHER,
    COUNTERS
};

/* How an answer came about, as far as the cache is concerned. */
enum cache_outcome {
    CACHE_NONE,      /* not cacheable: no @cache, or not a GET */
    CACHE_HIT,       /* answered from it */
    CACHE_STALE,     /* answered from it past its time */
    CACHE_COLLAPSED, /* waited for another worker's answer */
    CACHE_MISS,      /* there was nothing */
    CACHE_OUTDATED,  /* there was one from before a write */
    CACHE_EXPIRED,   /* there was one past its time */
    CACHE_OUTCOMES
};

enum {
    STATUS_FIRST = 100,
    STATUS_LAST = 599,
    STATUS_CODES = STATUS_LAST - STATUS_FIRST + 1,
};

/* Answers by their exact status, one table for each slot; its writer is that
 * of the slot's cells. A page each, so that a worker costs one page, whatever
 * codes it answers with, and no search. */
struct status_codes {
    _Atomic uint64_t count[STATUS_CODES]; /* of STATUS_FIRST and on */
} __attribute__((aligned(4096)));

/* Whole cache lines, so that neighbours' writers do not contend. */
struct metrics_cell {
    _Atomic uint64_t counters[COUNTERS];
    struct histogram request; /* from complete request to answer handed over */
    struct histogram sql;     /* each statement */
} __attribute__((aligned(64)));

struct metrics;

/* Bytes of its region, which is valid when zeroed. */
size_t metrics_size(void);
/* The cell of a route in a slot; claimed if need be. Never null. Searches: up
 * to 10 µs, so a worker keeps what it was given. */
struct metrics_cell *metrics_cell(struct metrics *m, unsigned slot,
                                  unsigned route);

/* By the cell's one writer. */
static inline void cell_add(struct metrics_cell *c, enum counter which,
                            uint64_t n)
{
    uint64_t now =
        atomic_load_explicit(&c->counters[which], memory_order_relaxed);
    atomic_store_explicit(&c->counters[which], now + n, memory_order_relaxed);
}

/* The table of a slot: a worker keeps what it was given. */
struct status_codes *metrics_codes(struct metrics *m, unsigned slot);

/* By the table's one writer. What is no status of HTTP (RFC 9110, section 15)
 * is not counted, as in no class either. */
static inline void codes_add(struct status_codes *c, int status)
{
    if (status < STATUS_FIRST || status > STATUS_LAST)
        return;
    _Atomic uint64_t *count = &c->count[status - STATUS_FIRST];
    uint64_t now = atomic_load_explicit(count, memory_order_relaxed);
    atomic_store_explicit(count, now + 1, memory_order_relaxed);
}

/* Whether nothing was counted yet. (A time comes before its count.) */
bool cell_is_idle(const struct metrics_cell *c);

/* Sums of many cells, in a process's own memory. */
struct totals {
    uint64_t counters[COUNTERS];
    struct distribution request;
    struct distribution sql;
};

/* Shows every cell that was claimed, once, in no order: the one walk. Whoever
 * wants many sums adds each cell to its own. */
typedef void metrics_on_cell(void *self, unsigned slot, unsigned route,
                             const struct metrics_cell *cell);
void metrics_each(const struct metrics *m, metrics_on_cell *on_cell,
                  void *self);
/* Adds what a cell holds now. Of an idle one the histograms are not read: in
 * shared memory, reading a page that nobody wrote makes it. */
void totals_add_cell(struct totals *t, const struct metrics_cell *cell);

enum { METRICS_ALL = -1 };

/* Adds up the cells of that slot and that route (or METRICS_ALL). *out is set,
 * not added to. It walks by all cells: not for every route in turn. */
void metrics_sum(const struct metrics *m, int slot, int route,
                 struct totals *out);

/* Adds up the tables of all slots. *out is set, not added to. It is another
 * look than that at the cells: what is answered between the two is in one of
 * them only. */
void metrics_sum_codes(const struct metrics *m, uint64_t out[STATUS_CODES]);

/* Adds one sum to another, and takes an earlier sum of the same away. (The
 * maxima stay the later one's, as with distribution_subtract.) */
void totals_add(struct totals *t, const struct totals *more);
void totals_subtract(struct totals *t, const struct totals *less);

/* What can be derived. */
uint64_t totals_requests(const struct totals *t);
uint64_t totals_cacheable(const struct totals *t);
uint64_t totals_hits(const struct totals *t); /* stale and collapsed included */
/* 0 of nothing. */
double metrics_percent(uint64_t part, uint64_t whole);
/* In percent; 0 without any. */
double totals_hit_rate(const struct totals *t);
double totals_error_rate(const struct totals *t); /* 5xx */

/* "hit", "miss" … for logs and JSON. */
const char *cache_outcome_name(enum cache_outcome o);
/* "deadline" … of COUNT_ERROR_…; "" of all others. */
const char *counter_error_name(enum counter c);
/* "rate" … of COUNT_REFUSED_…; "" of all others. */
const char *counter_refusal_name(enum counter c);

#endif
