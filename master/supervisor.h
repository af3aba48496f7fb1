/*
 * supervisor: policy. Which slot should be in which state, when a worker is
 * started, retired, killed or given up; what each signal means. Mechanism
 * (fork, kill, reap) is spawn's. It knows neither HTTP nor SQL, and the
 * bodies of worker and keeper are parameters, so tests hand in some that exit,
 * hang or crash.
 *
 *   supervisor.c  the loop, signals, verdicts
 *   orders.c      what operators ask for, by a signal or otherwise
 *   staffing.c    how many workers of which generation: what ought to be
 *   reload.c      which generation serves, which one has to prove itself
 *   era.c         one generation
 *   crew.c        all processes: counting, starting, retiring
 *   hand.c        one of them: its slot as a machine, state by event
 *   hand_end.c    how its process ended
 *   scaling.c     what the load calls for; load.c, how busy they are
 *   changes.c     in what a reload differs
 *   estate.c      what a dead one left behind
 *   blame.c       which endpoint it died of
 *   spawn.c       one process
 *   succession.c  another master before, after or beside this one, and systemd
 */
#ifndef PRONG_SUPERVISOR_H
#define PRONG_SUPERVISOR_H

#include <stdbool.h>

#include "common/segment/heritage.h"
#include "common/settings/settings.h"

struct listeners;
struct upgrade;

/* One proven or candidate state of the world; HUP makes the next one. */
struct generation {
    struct settings *settings;
    struct app *app; /* may be null in tests */
};

/* Generations and listeners are taken over: none is left at the end. */
struct supervisor_config {
    struct generation first;
    struct listeners *listeners; /* may be null in tests */
    const struct shared *shared; /* the segment; stays the caller's */
    struct upgrade *upgrade;     /* may be null in tests; stays the caller's */
    worker_body *body;
    worker_body *keeper; /* may be null: then there is none */
    /*
     * Reads settings and app anew for HUP. False with the reason keeps the
     * present generation.
     */
    bool (*reload)(void *self, struct generation *out, struct fault *fault);
    /* Gives back a generation nobody uses any more. */
    void (*release)(void *self, struct generation *g);
    /* A number that changes when the app's files do, for --reload; may be
     * null. */
    uint64_t (*fingerprint)(void *self, const struct generation *g);
    void *self;
};

/*
 * Blocks the signals that supervisor_run will take. Call it before the pid
 * file is written: people send signals as soon as it exists.
 */
void supervisor_hold_signals(void);

/*
 * Runs until told to stop and the last worker is gone; returns the master's
 * exit code (EXIT_ASKED; EXIT_BOOT or EXIT_NO_APP when the first worker could
 * never start; 1 when the kernel refuses what the master itself needs).
 * Leaves the signals it handles blocked.
 */
int supervisor_run(const struct supervisor_config *config);

#endif
