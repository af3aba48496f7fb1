/*
 * observe: turns what happens to a request into figures and records in the
 * segment (metrics.h, recorder.h). One a worker. A cached hit costs two
 * readings of the clock more than without; see bench/.
 *
 * A null observer is allowed everywhere and does nothing.
 */
#ifndef PRONG_OBSERVE_H
#define PRONG_OBSERVE_H

#include <stdint.h>

#include "common/segment/shared.h"
#include "worker/http/call.h"

struct observer;

struct observer_config {
    const struct shared *shared;
    unsigned slot;
    uint64_t slow_ns; /* requests that take longer are kept as slow ones */
};

struct observer *observer_new(const struct observer_config *config);
void observer_free(struct observer *o);

/* From now on thread number `thread` answers. */
void observe_thread(struct observer *o, unsigned thread);

/* The number of a route's name, "GET /api/chefs/{id}". */
unsigned observer_number(const struct observer *o, const char *name);

/*
 * The request is complete and its turn has come: `now_ns` is the clock's last
 * reading, which may be a little old. Its id must be known.
 */
void observe_begin(struct observer *o, struct call *call, uint64_t now_ns);
/* Who answers is found out. `path` ("/api/chefs/{id}") outlives the call. */
void observe_route(struct observer *o, struct call *call, unsigned number,
                   const char *path);
/* It waits for another worker or thread, and others take its place in the
 * recorder; and goes on: what it waited was time of that phase. */
void observe_pause(struct observer *o, struct call *call);
void observe_resume(struct observer *o, struct call *call, enum phase waited);
/*
 * The same for one that waits in several places and keeps what was noted so
 * far: `room` is its record meanwhile, and the time until observe_unpark is
 * that phase's.
 */
void observe_park(struct observer *o, struct call *call, enum phase waiting,
                  struct record *room);
void observe_unpark(struct observer *o, struct call *call, enum phase next,
                    const struct record *room);
/* The answer was handed to the kernel at now_ns; `bytes` is its body. */
void observe_end(struct observer *o, struct call *call, uint64_t bytes,
                 uint64_t now_ns);

#endif
