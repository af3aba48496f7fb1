/*
 * blame: which deaths of workers are an endpoint's doing, and when it has had
 * enough of them: the third within a minute puts it into quarantine (see
 * recorder.h), so that one bad query does not take the whole server down with
 * it. Pure bookkeeping in the master's own memory: no clock, no log.
 */
#ifndef PRONG_BLAME_H
#define PRONG_BLAME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/segment/recorder.h"
#include "master/spawn.h"

enum {
    BLAME_DEATHS = 3,
    BLAME_WITHIN_MS = 60000,
    BLAME_SLOW_MS = 1000, /* at work for less, a SIGKILL is chance */
};

struct blame;

struct blame *blame_new(void); /* null with errno set */
void blame_free(struct blame *b);

/*
 * Whether a worker that ended so, with that request at work for so long, died
 * of it. Yes for the signals of a process that broke by itself. For SIGKILL
 * (out of memory, or silent for too long) only when the request had been at
 * work for a while: nobody's endpoint is to blame for an operator's kill -9.
 * Never for what is no endpoint.
 */
bool blame_is_due(const struct record *r, const struct spawn_end *end,
                  uint64_t at_work_ms);
/* Notes a death at that moment, which never runs backwards (and is not 0).
 * True when it is the one too many; the count then begins anew. */
bool blame_put(struct blame *b, unsigned route, uint64_t now_ms);
/* A new generation begins without a past. */
void blame_forget(struct blame *b);

#endif
