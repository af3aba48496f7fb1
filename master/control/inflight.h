/*
 * inflight: the requests that workers are at now, as the segment tells
 * (recorder.h). Read by the master for an operator; nobody is disturbed.
 */
#ifndef PRONG_INFLIGHT_H
#define PRONG_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/segment/recorder.h"
#include "common/segment/shared.h"

struct inflight {
    struct record record; /* a copy; its texts are terminated */
    unsigned slot;
    uint64_t age_ns; /* since it was complete */
};

/* All of them, longest first, in the arena. */
struct inflight *inflight_all(const struct shared *shared, struct arena *arena,
                              size_t *count);
/* The longest of a slot; false when it is at none. */
bool inflight_of(const struct shared *shared, unsigned slot,
                 struct inflight *out);
/* The one that bears this id, the longest of several; false without any. */
bool inflight_find(const struct shared *shared, struct slice id,
                   struct inflight *out);

/* "GET /api/chefs/{id}"; what is no endpoint, "static". Empty: unknown yet. */
const char *inflight_endpoint(const struct record *r,
                              char room[RECORD_ROUTE + 8]);
/* "sql 2", its second statement; "queue". */
const char *inflight_phase(const struct record *r, char room[32]);

#endif
