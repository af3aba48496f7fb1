/*
 * lockout: somebody who takes no turns (the sqlite3 shell, a backup tool)
 * holds SQLite's write lock while the turn is ours. Instead of waiting inside
 * SQLite, with the loop standing still, we come back after a while, as
 * SQLite's own busy handler would; and the log is told who it is.
 */
#ifndef PRONG_LOCKOUT_H
#define PRONG_LOCKOUT_H

#include <stdbool.h>
#include <stdint.h>

struct lockout {
    uint64_t since_ms; /* 0: nobody does */
    uint64_t retry_ms; /* when to try again */
    unsigned tries;
    bool told; /* the log was */
};

/* The lock was not to be had just now; `database` is its path. */
void lockout_note(struct lockout *l, const char *database, uint64_t now_ms);
/* It was. */
void lockout_over(struct lockout *l, const char *database, uint64_t now_ms);

static inline bool lockout_stands(const struct lockout *l)
{
    return l->since_ms != 0;
}

#endif
