/*
 * episodes: what hostile clients do, they do often; the log is told once. An
 * episode is one address doing one thing: it is told at its beginning, and
 * again if it goes on ten minutes later; and no more than some thirty
 * addresses in ten minutes, whatever comes. In the segment, so all workers
 * tell it once together (buckets.h).
 */
#ifndef PRONG_EPISODES_H
#define PRONG_EPISODES_H

#include <stdbool.h>

#include "common/segment/buckets.h"

/* True when the log is to be told that this address does that; `what` names
 * it ("tokens"). */
bool episodes_tell(struct buckets *b, const char *what, const char *address);

#endif
