/*
 * jobclock: when one job is due, by two clocks. Schedules speak of the wall
 * clock, which may jump (set by hand, by NTP); waiting is done by the
 * monotonic one, which does not. EVERY waits so long whatever the wall clock
 * does. DAILY follows it, and what has run for a day's moment does not run for
 * it again when the clock is set back over it. A clock that was wrong by days
 * and is put right does not make a job wait those days.
 *
 * Pure: the times are the caller's.
 */
#ifndef PRONG_JOBCLOCK_H
#define PRONG_JOBCLOCK_H

#include <stdint.h>

#include "common/schedule.h"

/* The same moment by both clocks. */
struct instant {
    int64_t wall_ms;  /* Unix time */
    uint64_t mono_ms; /* CLOCK_MONOTONIC */
};

struct jobclock {
    struct schedule schedule;
    int64_t last_ms; /* when it ran last, Unix time; 0: never */
    int64_t due_wall_ms;
    uint64_t due_ms; /* CLOCK_MONOTONIC */
};

/* It ran at last_ms (0: never), and is due next as its schedule says. */
void jobclock_plan(struct jobclock *c, int64_t last_ms, struct instant now);
/* It is due at that time (Unix) already. */
void jobclock_hasten(struct jobclock *c, int64_t wall_ms, struct instant now);
/* To be called at least each few seconds: the wall clock may have jumped. */
void jobclock_follow(struct jobclock *c, struct instant now);

#endif
