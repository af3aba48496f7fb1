#include <time.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/segment/heritage.h"
#include "common/segment/syncs.h"

#include "worker/endpoint/turns.h"

enum { NAP_NS = 1000000 };

/* ---- the turn ------------------------------------------------------------*/

bool turns_ask(const struct turns *t)
{
    return t->shared == NULL ||
           turnstile_ask(t->shared->turnstile, t->slot, t->bells);
}

bool turns_ours(const struct turns *t)
{
    if (t->shared == NULL || turnstile_ours(t->shared->turnstile, t->slot))
        return true;
    turnstile_tend(t->shared->turnstile, t->bells);
    return turnstile_ours(t->shared->turnstile, t->slot);
}

void turns_pass(const struct turns *t)
{
    if (t->shared)
        turnstile_pass(t->shared->turnstile, t->slot, t->bells);
}

bool turns_wait(const struct turns *t, uint64_t most_ms,
                void (*beat)(void *self), void *self)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};
    uint64_t end_ms = loop_clock_ms() + most_ms;

    for (bool ours = turns_ask(t); !ours; ours = turns_ours(t)) {
        if (loop_clock_ms() >= end_ms) {
            turns_pass(t);
            return false;
        }
        if (beat)
            beat(self);
        nanosleep(&nap, NULL);
    }
    return true;
}

void turns_queue(const struct turns *t, uint32_t requests)
{
    if (t->shared)
        turnstile_queue(t->shared->turnstile, t->slot, requests);
}

void turns_work(const struct turns *t, const struct turn_work *work)
{
    if (t->shared)
        turnstile_work(t->shared->turnstile, t->slot, work);
}

/* ---- the sync ------------------------------------------------------------*/

/* The keeper looks each second by itself; so many pages can come in less. */
static void tell_growth(struct turns *t)
{
    int before = t->frames;

    t->frames = db_wal_frames(t->db);
    if (t->copy_frames > 0 &&
        t->frames / t->copy_frames > before / t->copy_frames)
        bells_ring(t->bells, SLOT_KEEPER);
}

uint64_t turns_commit(struct turns *t)
{
    if (t->shared == NULL)
        return 1;
    tell_growth(t);
    return syncs_commit(t->shared->syncs);
}

bool turns_broken(const struct turns *t)
{
    return t->shared && syncs_broken(t->shared->syncs);
}

bool turns_sync(struct db *db)
{
    if (db_sync(db))
        return true;
    log_critical("The WAL of %s cannot be synced: %s. What was written last "
                 "may not be on the disk. Nothing more is written until the "
                 "server is started anew",
                 db_path(db), db_message(db));
    return false;
}

/* True when it was for us, and is done. */
static bool lead(const struct turns *t)
{
    struct syncs *syncs = t->shared->syncs;
    uint64_t upto;

    if (!syncs_lead(syncs, t->slot, &upto))
        return false;
    uint64_t since_ns = loop_clock_ns();
    bool ok = turns_sync(t->db);
    syncs_led(syncs, t->slot, loop_clock_ns() - since_ns, ok, t->bells);
    return true;
}

static enum safe look(const struct syncs *s, uint64_t commit)
{
    if (syncs_covered(s, commit))
        return SAFE;
    return syncs_broken(s) ? SAFE_NEVER : SAFE_NOT_YET;
}

/* We say that we wait before we look for the last time: a leader that ends in
 * between then finds us. */
static enum safe wait_for(const struct turns *t, uint64_t commit)
{
    struct syncs *syncs = t->shared->syncs;

    syncs_wait(syncs, t->slot, commit);
    if (syncs_delegate(syncs))
        bells_ring(t->bells, SLOT_KEEPER);
    else
        lead(t);
    enum safe safe = look(syncs, commit);
    if (safe != SAFE_NOT_YET)
        syncs_wait(syncs, t->slot, 0);
    return safe;
}

enum safe turns_safe(const struct turns *t, uint64_t commit)
{
    if (!t->full)
        return SAFE;
    if (t->shared == NULL)
        return turns_sync(t->db) ? SAFE : SAFE_NEVER;
    enum safe safe = look(t->shared->syncs, commit);
    return safe == SAFE_NOT_YET ? wait_for(t, commit) : safe;
}
