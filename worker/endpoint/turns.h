/*
 * turns: this process's part in writing together with others: its place in
 * the turnstile and its share of the common sync. It knows no requests and no
 * statements.
 *
 * Without a segment there is nobody else: each turn is ours, each sync our own.
 */
#ifndef PRONG_TURNS_H
#define PRONG_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/segment/shared.h"
#include "common/segment/turnstile.h"
#include "worker/db/db.h"

struct turns {
    int frames;      /* in the WAL after our last commit */
    int copy_frames; /* growth of which the keeper is to hear; 0: it is not */
    const struct shared *shared; /* null: alone */
    const struct bells *bells;
    unsigned slot;
    struct db *db;
    bool full; /* durability: an answer waits for the disk */
};

/* Asks for a turn; true when it is ours now. */
bool turns_ask(const struct turns *t);
/* Is it ours? Helps a turn on that is nobody's. */
bool turns_ours(const struct turns *t);
/* Gives the turn to the next, or the place in the queue up. */
void turns_pass(const struct turns *t);
/*
 * The same for who has no loop to go on with (a migration): waits, with a sign
 * of life now and then. False, and our place given up, after most_ms.
 */
bool turns_wait(const struct turns *t, uint64_t most_ms,
                void (*beat)(void *self), void *self);
/* How many of our requests wait for it. */
void turns_queue(const struct turns *t, uint32_t requests);
/* What we are at, while it is ours. */
void turns_work(const struct turns *t, const struct turn_work *work);

/* A commit was made, the turn is still ours: its number for turns_safe. */
uint64_t turns_commit(struct turns *t);

enum safe {
    SAFE,         /* the commit may be answered */
    SAFE_NOT_YET, /* our bell is rung when there is news */
    SAFE_NEVER,   /* the disk failed: nobody knows whether it is there */
};

/* Syncs, if it is for us to do that. Numbers are asked for in their order:
 * the lowest that is not SAFE yet. */
enum safe turns_safe(const struct turns *t, uint64_t commit);

/* db_sync; when it fails the log is told loudly. */
bool turns_sync(struct db *db);
/* A sync has failed: nothing may be written until the server starts anew. */
bool turns_broken(const struct turns *t);

#endif
