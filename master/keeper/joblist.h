/*
 * joblist: which jobs a keeper has: the app's, and the server's own beside
 * them. An app's job of the same name takes the place of one of these.
 *
 *     idempotency_keys  EVERY 1h  removes answers kept for an Idempotency-Key
 *                                 for longer than idempotency_expiry
 *     optimize          EVERY 6h  renews the planner's statistics
 */
#ifndef PRONG_JOBLIST_H
#define PRONG_JOBLIST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/app/app.h"
#include "common/arena.h"
#include "common/settings/settings.h"

struct listed_job {
    const struct job *job;
    bool optimizes; /* it is `optimize`: jobrun_optimize runs it */
};

/* *out lives in the arena, as long as app and arena do; returns how many. */
size_t joblist_make(struct arena *arena, const struct app *app,
                    const struct settings *settings, struct listed_job **out);

#endif
