/*
 * impure: what `@cache` cannot promise for an endpoint, in words: its answer
 * depends on more than rows, or on more tables than are kept track of.
 */
#ifndef PRONG_IMPURE_H
#define PRONG_IMPURE_H

#include <stdbool.h>

#include "common/app/app.h"
#include "worker/db/db.h"

/*
 * One of the endpoint's statements. True with "GET /x is cached for 1m
 * although random() makes each answer different: …" in *said; false when it
 * has no @cache or there is nothing to say.
 */
bool impure_why(const struct endpoint *e, const struct stmt *s,
                struct fault *said);

/*
 * Logs that with "file:line: " in front: as information when only time limits
 * what is cached, as a warning when it is not cached at all. True when there
 * was something to say; once for an endpoint is enough.
 */
bool impure_log(const struct endpoint *e, const struct stmt *s);

#endif
