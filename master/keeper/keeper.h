/*
 * keeper: the process beside the workers that looks after the whole: it keeps
 * the WAL short (keeper_wal.h), syncs for the workers when that takes long
 * (keeper_sync.h), runs jobs (keeper_jobs.h) and backups (keeper_backups.h),
 * does what operators ask for (keeper_errands.h), samples the system and the
 * counters for the board, judges alerts, and writes performance.jsonl
 * (lookout.h). It has the database open all the time, so that its WAL and its
 * index never vanish under the workers.
 *
 * One at a time, because the board has one writer; forked and supervised by
 * the master like a worker, in SLOT_KEEPER. No request waits for it longer
 * than for a sync: without one, requests are served as before, and the WAL
 * grows until there is one again.
 */
#ifndef PRONG_KEEPER_H
#define PRONG_KEEPER_H

#include "common/segment/heritage.h"

/* A worker_body. TERM, INT and QUIT leave at once. When no worker is there any
 * more it folds the WAL into the database before. */
int keeper_main(const struct heritage *heritage);

#endif
