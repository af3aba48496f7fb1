/*
 * keeper_due: which of the keeper's jobs is due, and how each fares: in
 * memory, and on the board that operators look at (jobboard.h). When a job ran
 * last is the database's to say (jobrun_last); a run that failed, in which the
 * database keeps no trace, only the board's. keeper_jobs.c runs them.
 */
#ifndef PRONG_KEEPER_DUE_H
#define PRONG_KEEPER_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/segment/heritage.h"
#include "common/segment/jobboard.h"
#include "master/keeper/jobclock.h"

struct db;

struct due_job {
    const struct job *job;
    bool optimizes;    /* see joblist.h */
    bool due;          /* by its schedule */
    unsigned asked;    /* operators who wait for it */
    uint64_t since_ns; /* when it became the one or the other */
    bool put_off;      /* because of the lock; it stays due */
    int64_t ran_ms;    /* when it began last, by the database; 0: never */
    int64_t began_ms;  /* the run under way, by the wall clock */
    struct jobclock clock;
    int board; /* its entry; -1: none was free */
    struct job_figures figures;
};

struct due_jobs {
    struct jobboard *board;
    struct due_job *jobs;
    size_t count;
    bool known;        /* when each ran, in the database that is open */
    uint64_t identity; /* of that database */
    uint64_t again_ms; /* nothing is tried before, CLOCK_MONOTONIC */
    bool waiting;      /* for that */
};

/* All jobs of that generation; they live in the arena. */
void due_open(struct due_jobs *d, struct arena *arena,
              const struct heritage *h);

/* Notes which are due. False when the database cannot be used (null: it is
 * not open): then nothing is until it can. */
bool due_look(struct due_jobs *d, struct db *db, uint64_t now_ms);
/* When to look again at the latest, CLOCK_MONOTONIC ms. */
uint64_t due_next(const struct due_jobs *d);
/* The one that has been due longest; null when none is. */
struct due_job *due_first(const struct due_jobs *d);
struct due_job *due_find(const struct due_jobs *d, const char *name);
/* An operator asks for it. */
void due_ask(struct due_job *job);

/* What became of it: it begins; then one of the others. */
void due_begin(const struct due_jobs *d, struct due_job *job);
/* It was not run, and stays due; nothing is tried for a second. */
void due_put_off(struct due_jobs *d, struct due_job *job);
/* It ran elsewhere meanwhile. */
void due_skip(struct due_jobs *d, struct db *db, struct due_job *job);
/* It was run. `why` it failed, or null. */
void due_end(struct due_jobs *d, struct db *db, struct due_job *job,
             uint64_t took_ns, const char *why);

#endif
