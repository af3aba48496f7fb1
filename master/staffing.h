/*
 * staffing: how many workers of which generation there are to be, and the
 * next step from what is to that. It has no memory: after any death, wish or
 * reload, in any order, the same rules lead on.
 *
 *   - A generation without proof gets one worker.
 *   - Those that are missing are started at once; beyond what is wanted there
 *     is at most one. So a new generation takes over one by one.
 *   - One that serves too many is retired: who asked to be replaced first,
 *     then the oldest. So never fewer serve than are wanted, if so many did.
 *   - Who asked to be replaced is missing, and so is who has been stopped
 *     (SIGSTOP) for half a second. If that one goes on, who stood in for it
 *     goes.
 *
 * Master only.
 */
#ifndef PRONG_STAFFING_H
#define PRONG_STAFFING_H

#include "master/reload.h"

/* Sets how many there should be, at most WORKERS_MAX; 0: none until more are
 * wanted. A candidate inherits it, or its promotion would undo it. */
void staffing_want(struct reload *r, int64_t count);

/* Starts and retires what is due now. To be called after every event. */
void staffing_maintain(struct crew *c, struct reload *r);

#endif
