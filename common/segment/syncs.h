/*
 * syncs: one fdatasync of the WAL for all commits so far, in the segment.
 *
 * Commits are made without a sync of their own (synchronous=NORMAL) and
 * numbered while their writer still has the turn, so each number's frames are
 * in the file. Somebody then leads: notes the highest number, syncs, and says
 * that all up to it are safe. A commit is answered when its number is covered.
 * There is one leader at a time; those who find one wait, and are rung when
 * they are covered, or when it is for one of them to lead.
 *
 * After a sync that failed nothing can be said of what was not covered: the
 * kernel may have dropped the pages and will report the next sync as good
 * (PostgreSQL's "fsyncgate"). So `broken` is for the segment's life: what
 * waits fails, and nothing more is to be written until the server starts anew.
 */
#ifndef PRONG_SYNCS_H
#define PRONG_SYNCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/segment/bells.h"

enum {
    /* Mean of a sync from which on it is the keeper's: a worker's loop, and
     * with it all its readers, would stand still so long for each. Below it
     * waking the keeper and being woken costs more than it saves. */
    SYNC_SLOW_US = 1000,
};

struct syncs;

/* Bytes of its region, which is valid when zeroed. */
size_t syncs_size(void);

/* ---- by whoever commits ----*/

/* A commit was made; its number, from 1. To be called before the turn is
 * passed on. */
uint64_t syncs_commit(struct syncs *s);
/* Is it safe? One load. */
bool syncs_covered(const struct syncs *s, uint64_t commit);
/* Whether a sync has failed. */
bool syncs_broken(const struct syncs *s);
/*
 * May this process sync now? True: it is the leader, *upto is what its sync
 * will cover, and syncs_led must follow. False: another one is, or nothing is
 * uncovered, or it is broken.
 */
bool syncs_lead(struct syncs *s, unsigned slot, uint64_t *upto);
/* Its sync took so long and succeeded, or not. Rings the others who wait; its
 * own commits it looks at itself. */
void syncs_led(struct syncs *s, unsigned slot, uint64_t ns, bool ok,
               const struct bells *b);
/*
 * This process waits for that number of its own; 0: for none any more.
 *
 * A leader that ended just before it said so does not ring it. So between this
 * and sleeping, and whenever it is rung, it looks, in this order: is it
 * covered (done), may it lead (syncs_lead: then it syncs), is it broken (it
 * fails). Only then nothing is lost. It may have been rung to lead for all who
 * wait, so it does not say 0 while its number is neither covered nor failed.
 */
void syncs_wait(struct syncs *s, unsigned slot, uint64_t commit);

/* A sync that nobody led has failed (a checkpoint's): as if a leader's had. */
void syncs_break(struct syncs *s, const struct bells *b);

/* ---- the keeper, when syncs are slow ----*/

/* The keeper sleeps, and would lead at once if it was rung; or not. */
void syncs_offer(struct syncs *s, bool ready);
/* Whether to ring it (SLOT_KEEPER) and wait instead of leading: the mean sync
 * is slow, and it has offered. When rung it tries to lead, whether or not it
 * still offers; whoever rang it is rung when it ends or dies. */
bool syncs_delegate(const struct syncs *s);

/* ---- the master ----*/

/* The process of that slot is gone, however it ended: it neither leads, waits
 * nor offers. It may have died before it rang, or after it was rung; so those
 * who are covered are rung, and one of the others to lead. */
void syncs_forget(struct syncs *s, unsigned slot, const struct bells *b);

/* Whether the process of that slot leads now: as long as it stands still, so
 * do all who wait. */
bool syncs_leads(const struct syncs *s, unsigned slot);

/* The process of that slot stands still: one of the others is rung to lead in
 * its place, and nothing more is left to the keeper, if it is that. To be
 * repeated while it lasts: it may be the one that is rung. */
void syncs_suspend(struct syncs *s, unsigned slot, const struct bells *b);

/* ---- what the operator sees ----*/

struct syncs_figures {
    uint64_t commits; /* so far */
    uint64_t covered; /* of them, safe */
    uint64_t syncs;   /* made */
    uint64_t sum_ns, max_ns;
    uint64_t mean_ns; /* of the last ones (each counts an eighth) */
    bool broken;
};

void syncs_figures(const struct syncs *s, struct syncs_figures *out);

#endif
