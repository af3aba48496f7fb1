/*
 * sampler: the state of the server and of its machine, at one moment: what
 * the processes say of themselves in their slots, and what the kernel says in
 * /proc (proc(5)) and of the database's file system. Used by the keeper.
 */
#ifndef PRONG_SAMPLER_H
#define PRONG_SAMPLER_H

#include <stdint.h>

#include "common/segment/board.h"
#include "common/segment/shared.h"

/* Both must live as long as it. */
struct sampler *sampler_new(const struct shared *shared, const char *database);
/* Null is allowed. */
void sampler_free(struct sampler *s);

/*
 * Looks now, at clock_ms (CLOCK_MONOTONIC). What cannot be had is 0. A
 * process's share of a CPU is known once it has reported twice, and is from
 * its last reports: they come in longer intervals than samples.
 */
void sampler_system(struct sampler *s, uint64_t clock_ms,
                    struct board_system *out);
/* Everything that was counted so far. */
void sampler_counters(const struct sampler *s, uint64_t clock_ms,
                      struct board_sample *out);

/* MemTotal and MemAvailable of /proc/meminfo's text; 0 for what it does not
 * say. Pure. */
void sampler_meminfo(struct slice text, struct board_system *out);

#endif
