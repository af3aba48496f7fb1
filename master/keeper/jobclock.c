#include "master/keeper/jobclock.h"

enum { DAY_MS = 24 * 3600 * 1000 };

/* The monotonic clock at that Unix time, if neither jumps; now for the past. */
static uint64_t mono_at(int64_t wall_ms, struct instant now)
{
    int64_t left_ms = wall_ms - now.wall_ms;

    return now.mono_ms + (left_ms > 0 ? (uint64_t)left_ms : 0);
}

/* It ran after the moment that is next, by less than a day: it has run for
 * that moment, and then the clock was set back. */
static bool is_served(const struct jobclock *c, int64_t next_ms)
{
    return c->schedule.every_ms == 0 && next_ms <= c->last_ms &&
           c->last_ms - next_ms < DAY_MS;
}

void jobclock_plan(struct jobclock *c, int64_t last_ms, struct instant now)
{
    int64_t next_ms = schedule_next(&c->schedule, last_ms, now.wall_ms);

    c->last_ms = last_ms;
    if (is_served(c, next_ms))
        next_ms += DAY_MS;
    c->due_wall_ms = next_ms;
    c->due_ms = mono_at(next_ms, now);
}

void jobclock_hasten(struct jobclock *c, int64_t wall_ms, struct instant now)
{
    if (wall_ms >= c->due_wall_ms)
        return;
    c->due_wall_ms = wall_ms;
    c->due_ms = mono_at(wall_ms, now);
}

static void follow_daily(struct jobclock *c, struct instant now)
{
    if (c->due_wall_ms - now.wall_ms > DAY_MS)
        jobclock_plan(c, c->last_ms, now);
    else
        c->due_ms = mono_at(c->due_wall_ms, now);
}

/* Only what operators are shown: when it will be due by the wall clock. */
static void follow_every(struct jobclock *c, struct instant now)
{
    if (c->due_ms > now.mono_ms)
        c->due_wall_ms = now.wall_ms + (int64_t)(c->due_ms - now.mono_ms);
}

void jobclock_follow(struct jobclock *c, struct instant now)
{
    if (c->schedule.every_ms == 0)
        follow_daily(c, now);
    else
        follow_every(c, now);
}
