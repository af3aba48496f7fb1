/*
 * keeper_statsd: what workers count in the segment, sent to a statsd each
 * second, so that no request pays for it. The names are those of Gunicorn's
 * instrument/statsd.py with prong in place of gunicorn; but there is no
 * log.exception, because C has none, and what Gunicorn does not have is below
 * the others:
 *
 *   prong.requests, prong.request.status.200, .404 …          counters
 *   prong.request.duration                                    times, sampled
 *   prong.workers, prong.backlog                              gauges
 *   prong.log.warning, prong.log.error, prong.log.critical    counters
 *   prong.connections                                         gauge
 *   prong.cache.hits, prong.cache.misses                      counters
 *
 * The counts by status add up to prong.requests, but for what is answered
 * during the look itself, which comes with the next.
 *
 * Counters are what came since the last look. What a keeper that was killed
 * had not sent yet is not sent again: up to a second's figures, and those of
 * the time until there is another. The same holds for datagrams that nobody
 * took, which is logged once.
 */
#ifndef PRONG_KEEPER_STATSD_H
#define PRONG_KEEPER_STATSD_H

#include <stdint.h>

#include "common/segment/heritage.h"

struct keeper_statsd;

/* Null when none is wanted, or its address cannot be found (which is logged):
 * every call below accepts it. */
struct keeper_statsd *keeper_statsd_new(const struct heritage *heritage);
/* Sends what there is since the last look. */
void keeper_statsd_free(struct keeper_statsd *k);

/* When it is to be called next, CLOCK_MONOTONIC in ms; UINT64_MAX: never. */
uint64_t keeper_statsd_next(const struct keeper_statsd *k);
/* Sends, if it is time. */
void keeper_statsd_look(struct keeper_statsd *k, uint64_t now_ms);

#endif
