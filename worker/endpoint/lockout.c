#include <stdio.h>

#include "common/log.h"
#include "common/segment/lockowner.h"

#include "worker/endpoint/lockout.h"

enum {
    TELL_MS = 1000, /* a lock held so long is news */
};

static void tell(const char *database, uint64_t held_ms)
{
    char index[4096];
    struct lockowner owner;

    snprintf(index, sizeof index, "%s-shm", database);
    if (lockowner_find(index, LOCKOWNER_WAL_WRITE, &owner))
        log_warning("Database %s: process %d (%s) has held the write lock for "
                    "%.1f s; it takes no turns, and writes wait",
                    database, (int)owner.pid, owner.command,
                    (double)held_ms / 1000);
    else
        log_warning("Database %s: somebody outside has held the write lock for "
                    "%.1f s; writes wait",
                    database, (double)held_ms / 1000);
}

/* The waits of sqlite3_busy_timeout, but not as long: a try costs 5 µs. */
static uint64_t next_wait(unsigned tries)
{
    static const uint8_t waits[] = {1, 2, 5, 10, 15, 20, 25};
    unsigned last = sizeof waits - 1;

    return waits[tries < last ? tries : last];
}

void lockout_note(struct lockout *l, const char *database, uint64_t now_ms)
{
    if (l->since_ms == 0)
        l->since_ms = now_ms;
    l->retry_ms = now_ms + next_wait(l->tries++);
    if (!l->told && now_ms - l->since_ms >= TELL_MS) {
        tell(database, now_ms - l->since_ms);
        l->told = true;
    }
}

void lockout_over(struct lockout *l, const char *database, uint64_t now_ms)
{
    if (l->told)
        log_info("Database %s: the write lock is free again after %.1f s",
                 database, (double)(now_ms - l->since_ms) / 1000);
    *l = (struct lockout){0};
}
