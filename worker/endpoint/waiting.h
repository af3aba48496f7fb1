/*
 * waiting: calls of this worker that wait for an answer which another worker
 * is computing (flights.h).
 */
#ifndef PRONG_WAITING_H
#define PRONG_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/segment/flights.h"
#include "common/segment/heritage.h"
#include "worker/http/call.h"

struct waiter {
    struct call *call;
    size_t endpoint;   /* its number */
    uint64_t key;      /* of the flight */
    uint64_t until_ms; /* its patience, loop time */
};

/* Zero-initialised is valid. */
struct waiting {
    struct buf list; /* of struct waiter */
    /* Keys of what threads of this worker compute; 0: nothing. Flights know
     * only that it is this worker. */
    uint64_t ours[THREADS_MAX];
};

/* This worker computes it from now on, and does no more. */
void waiting_begin(struct waiting *w, uint64_t key);
void waiting_end(struct waiting *w, uint64_t key);
bool waiting_is_ours(const struct waiting *w, uint64_t key);

void waiting_add(struct waiting *w, const struct waiter *waiter);
size_t waiting_count(const struct waiting *w);
/*
 * Takes one whose flight has landed or whose patience is over; false when
 * there is none now. `slot` is this worker's.
 */
bool waiting_take(struct waiting *w, const struct flights *flights,
                  unsigned slot, uint64_t now_ms, struct waiter *out);
/* Takes the first, whatever it waits for; false when there is none. */
bool waiting_next(struct waiting *w, struct waiter *out);
/* Its client has left; false when it does not wait here. */
bool waiting_drop(struct waiting *w, const struct call *call);
void waiting_free(struct waiting *w);

#endif
