#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/segment/board.h"
#include "common/segment/shared.h"
#include "common/segment/syncs.h"
#include "common/settings/settings.h"
#include "master/keeper/keeper_pace.h"
#include "master/keeper/keeper_pulse.h"
#include "master/keeper/keeper_sync.h"
#include "worker/db/db.h"

#include "master/keeper/keeper_wal.h"

enum {
    SYNC_MS = 1000,         /* between two syncs that nobody waits for */
    PASSES = 4,             /* at most, to catch up with writers */
    REST = 128,             /* frames that are left for the turn, about 1 ms */
    TURN_PATIENCE_MS = 100, /* for readers, while all writers wait, */
    URGENT_AT = 16,         /* but with so many times wal_autocheckpoint */
    URGENT_MS = 3000,       /* for those that overlap */
    AGAIN_MS = 1000,        /* after what did not succeed */
    AGAIN_MAX_MS = 16000,   /* after what did not succeed again and again */
    CUT_MS = 5000,          /* between two looks at the file's size */
    WARN_MS = 60000,
    LEAVE_PATIENCE_MS = 1000,
    WARN_AT = 8, /* times: an operator should know */
};

struct keeper_wal {
    const struct heritage *heritage;
    struct syncs *syncs;
    int limit; /* wal_autocheckpoint, frames */
    struct board_wal figures;
    bool full;   /* durability */
    bool lost;   /* it was told that durability is */
    bool wanted; /* the turn */
    bool cuts;   /* and in it, to cut the file whatever is in the WAL */
    bool held;   /* the last checkpoint found a reader in its way */

    uint64_t next_ms;    /* the next look; all are CLOCK_MONOTONIC */
    uint64_t sync_ms;    /* a sync nobody waits for */
    uint64_t copy_ms;    /* no passive checkpoint before */
    int copy_at;         /* unless so many frames are uncopied */
    uint64_t turn_ms;    /* no turn before */
    uint64_t turn_again; /* how long after the next failure, ms */
    uint64_t cut_ms;     /* the next look at the file's size */
    int cut_frames;      /* in the WAL at the last one */

    struct pace pace; /* at which it grows */

    uint64_t reader_told_ms, failure_told_ms; /* 0: never */
};

/* ---- telling -------------------------------------------------------------*/

static bool may_tell(uint64_t *told_ms, uint64_t now_ms)
{
    if (*told_ms && now_ms < *told_ms + WARN_MS)
        return false;
    *told_ms = now_ms;
    return true;
}

static void tell_of_failure(struct keeper_wal *w, const struct db *db,
                            enum db_result result)
{
    if (may_tell(&w->failure_told_ms, loop_clock_ms()))
        log_warning("The WAL of %s cannot be copied into it: %s: %s",
                    db_path(db), db_result_name(result), db_message(db));
}

static void tell_of_reader(struct keeper_wal *w, const struct db *db,
                           const struct checkpointed *wal, uint64_t now_ms)
{
    if (w->held && wal->frames > WARN_AT * w->limit &&
        may_tell(&w->reader_told_ms, now_ms))
        log_warning("The WAL of %s has grown to %d pages, of which %d are "
                    "copied: somebody reads and does not finish",
                    db_path(db), wal->frames, wal->copied);
}

static bool is_lost(struct keeper_wal *w)
{
    bool lost = syncs_broken(w->syncs);

    if (lost && !w->lost)
        log_error("A sync has failed: the WAL is left as it is until the "
                  "server is started anew");
    w->lost = lost;
    return lost;
}

static void put_figures(struct keeper_wal *w, const struct checkpointed *wal)
{
    w->figures.frames = (uint64_t)wal->frames;
    w->figures.copied = (uint64_t)wal->copied;
    board_put_wal(w->heritage->shared->board, &w->figures);
}

/* ---- syncing -------------------------------------------------------------*/

/* With full durability workers sync for themselves or ring; a commit whose
 * worker died is found here too. With normal durability nobody waits. */
static void sync_if_due(struct keeper_wal *w, struct db *db, uint64_t now_ms)
{
    if (!w->full && now_ms < w->sync_ms)
        return;
    w->sync_ms = now_ms + SYNC_MS;
    keeper_sync(w->heritage, db);
}

/* ---- checkpoints ---------------------------------------------------------*/

static void count(struct keeper_wal *w, uint64_t ns)
{
    w->figures.checkpoints++;
    w->figures.sum_ns += ns;
    w->figures.last_ns = ns;
}

/*
 * A failure may have been the sync of the WAL, which the system reports once a
 * descriptor: a later one would succeed, and cover what is lost. db_sync
 * remembers; so it is asked at once.
 */
static enum db_result checkpoint(struct keeper_wal *w, struct db *db,
                                 enum checkpoint how)
{
    struct checkpointed out;
    uint64_t began_ns = loop_clock_ns();

    keeper_pulse_start(w->heritage->slot);
    enum db_result result = db_checkpoint(db, how, &out);
    keeper_pulse_stop();
    w->held = how == CHECKPOINT_PASSIVE ? out.frames - out.copied >= w->limit
                                        : result == DB_BUSY;
    if (result == DB_DONE || out.frames > 0)
        count(w, loop_clock_ns() - began_ns);
    if (result != DB_DONE && result != DB_BUSY) {
        tell_of_failure(w, db, result);
        keeper_sync_test(w->heritage, db);
    }
    return result;
}

/*
 * Readers that overlap without end, though each of them ends, would keep the
 * WAL from ever beginning anew. Then the writers wait for them, once.
 */
static bool is_urgent(const struct keeper_wal *w,
                      const struct checkpointed *wal)
{
    return wal->frames > URGENT_AT * w->limit;
}

static uint64_t turn_patience(const struct keeper_wal *w,
                              const struct checkpointed *wal)
{
    return is_urgent(w, wal) ? URGENT_MS : TURN_PATIENCE_MS;
}

static int uncopied(const struct checkpointed *wal)
{
    return wal->frames - wal->copied;
}

/* False when it could not be done, or a reader holds much of it. */
static bool copy(struct keeper_wal *w, struct db *db, struct checkpointed *wal)
{
    enum db_result result = checkpoint(w, db, CHECKPOINT_PASSIVE);
    bool well = result == DB_DONE && !w->held;

    db_wal_now(db, wal);
    w->copy_ms = well ? 0 : loop_clock_ms() + AGAIN_MS;
    w->copy_at = uncopied(wal) + w->limit;
    if (!well && w->turn_ms < w->copy_ms)
        w->turn_ms = w->copy_ms;
    return well;
}

static bool copy_is_due(const struct keeper_wal *w,
                        const struct checkpointed *wal, uint64_t now_ms)
{
    return uncopied(wal) >= w->limit &&
           (now_ms >= w->copy_ms || uncopied(wal) >= w->copy_at);
}

/* ---- with the turn -------------------------------------------------------*/

/* -1 when there is none. */
static int64_t file_size(const struct db *db)
{
    char name[4096];
    struct stat st;

    snprintf(name, sizeof name, "%s-wal", db_path(db));
    return stat(name, &st) == 0 ? (int64_t)st.st_size : -1;
}

static bool is_large(const struct keeper_wal *w, const struct db *db)
{
    return file_size(db) > w->heritage->settings->journal_size_limit;
}

/*
 * All copied, the next writer begins it anew by itself, if it finds no reader;
 * without a pause between writers only the turn gives that. A file that once
 * was large stays so until it is cut, which takes some 50 ms: when nobody has
 * written between two looks at it.
 */
static bool turn_is_due(struct keeper_wal *w, const struct db *db,
                        const struct checkpointed *wal, uint64_t now_ms)
{
    if (w->wanted || now_ms < w->turn_ms)
        return false;
    if (now_ms >= w->cut_ms) {
        w->cut_ms = now_ms + CUT_MS;
        w->cuts = wal->frames == w->cut_frames && is_large(w, db);
        w->cut_frames = wal->frames;
    }
    return w->cuts || (wal->frames > w->limit && uncopied(wal) > 0);
}

/* As little as possible is left for the turn, in which all writers wait: each
 * pass copies what came during the one before. */
static bool make_ready(struct keeper_wal *w, struct db *db,
                       struct checkpointed *wal)
{
    for (int pass = 0; pass < PASSES && uncopied(wal) > 0; pass++) {
        if (!copy(w, db, wal))
            return is_urgent(w, wal);
        if (uncopied(wal) <= REST)
            break;
    }
    return w->cuts || uncopied(wal) > 0;
}

bool keeper_wal_wants_turn(const struct keeper_wal *w)
{
    return w->wanted;
}

void keeper_wal_turn(struct keeper_wal *w, struct db *db)
{
    struct checkpointed wal;

    if (!w->wanted || is_lost(w))
        return;
    enum checkpoint how = w->cuts ? CHECKPOINT_TRUNCATE : CHECKPOINT_RESTART;
    db_wal_now(db, &wal);
    db_patience(db, turn_patience(w, &wal));
    bool well = checkpoint(w, db, how) == DB_DONE;
    db_patience(db, DB_PATIENCE_MS);
    w->wanted = false;
    w->cuts = w->cuts && !well;
    w->turn_ms = well ? 0 : loop_clock_ms() + w->turn_again;
    w->turn_again *= 2;
    if (well || w->turn_again > AGAIN_MAX_MS)
        w->turn_again = well ? AGAIN_MS : AGAIN_MAX_MS;
    db_wal_now(db, &wal);
    put_figures(w, &wal);
}

/* ---- looking -------------------------------------------------------------*/

/* What cannot be copied is not tried sooner for its growing. */
static void plan(struct keeper_wal *w, const struct checkpointed *wal,
                 uint64_t now_ms)
{
    pace_note(&w->pace, wal->frames, now_ms);
    w->next_ms = now_ms + PACE_MOST_MS;
    if (w->copy_ms <= now_ms)
        w->next_ms = now_ms + pace_wait(&w->pace, w->limit - uncopied(wal));
}

uint64_t keeper_wal_next(const struct keeper_wal *w)
{
    return w->next_ms;
}

void keeper_wal_look(struct keeper_wal *w, struct db *db, uint64_t now_ms)
{
    struct checkpointed wal;
    uint64_t began_ms = loop_clock_ms();

    sync_if_due(w, db, now_ms);
    if (is_lost(w)) {
        w->wanted = false;
        w->next_ms = now_ms + PACE_MOST_MS;
        return;
    }
    db_wal_now(db, &wal);
    if (turn_is_due(w, db, &wal, now_ms))
        w->wanted = make_ready(w, db, &wal);
    else if (copy_is_due(w, &wal, now_ms))
        copy(w, db, &wal);
    tell_of_reader(w, db, &wal, now_ms);
    put_figures(w, &wal);
    plan(w, &wal, now_ms + (loop_clock_ms() - began_ms));
}

/* ---- its life ------------------------------------------------------------*/

struct keeper_wal *keeper_wal_new(const struct heritage *h)
{
    struct keeper_wal *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    w->heritage = h;
    w->syncs = h->shared->syncs;
    w->limit = (int)h->settings->wal_autocheckpoint;
    w->full = strcmp(h->settings->durability, "full") == 0;
    w->turn_again = AGAIN_MS;
    board_wal(h->shared->board, &w->figures);
    return w;
}

void keeper_wal_free(struct keeper_wal *w)
{
    free(w);
}

/* The last connection's close folds the WAL. If a stranger's is left, at least
 * nothing is in it. */
void keeper_wal_leave(struct keeper_wal *w, struct db *db)
{
    if (syncs_broken(w->syncs))
        return;
    if (heritage_is_last(w->heritage)) {
        db_patience(db, LEAVE_PATIENCE_MS);
        checkpoint(w, db, CHECKPOINT_TRUNCATE);
    }
    db_fold(db);
}
