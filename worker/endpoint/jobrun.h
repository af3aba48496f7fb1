/*
 * jobrun: one job's SQL on one connection, as one write transaction. Who
 * decides when, and has the turn, is the keeper.
 *
 * Table prong_jobs(name TEXT PRIMARY KEY, ran_at INTEGER) WITHOUT ROWID, made
 * by migrate, keeps when each job began last (Unix ms), moved in the job's own
 * transaction: so a job that is due runs once, whatever dies.
 */
#ifndef PRONG_JOBRUN_H
#define PRONG_JOBRUN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/app/app.h"
#include "worker/db/db.h"

/* The CREATE TABLE IF NOT EXISTS that migrate runs. */
extern const char jobrun_schema[];

enum jobrun {
    JOBRUN_DONE,
    JOBRUN_NOT_DUE, /* another keeper ran it meanwhile: nothing was done */
    JOBRUN_BUSY,    /* somebody outside holds the lock: try again */
    JOBRUN_FAILED,  /* rolled back; "file:line: reason" in *fault */
};

/* When it ran last, Unix ms; 0: never. False when that cannot be read. */
bool jobrun_last(struct db *db, const char *name, int64_t *ran_ms);
/*
 * Runs it now, with its @timeout for all of it. `last_ms` is what jobrun_last
 * said: should it have run since, it is not run again; -1 runs it anyway (by
 * hand).
 */
enum jobrun jobrun(struct db *db, const struct job *job, int64_t last_ms,
                   struct fault *fault);
/*
 * The same for the server's own job that keeps the planner's statistics fresh
 * (db_optimize) for what the endpoints of `app` ask; `job` gives its name and
 * its @timeout, its statements are not looked at.
 */
enum jobrun jobrun_optimize(struct db *db, const struct job *job,
                            const struct app *app, int64_t last_ms,
                            struct fault *fault);

#endif
