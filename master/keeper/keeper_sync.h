/*
 * keeper_sync: the keeper's part in the common sync (syncs.h). When a sync
 * takes long, workers ring the keeper instead of standing still for it.
 */
#ifndef PRONG_KEEPER_SYNC_H
#define PRONG_KEEPER_SYNC_H

#include <stdbool.h>

#include "common/segment/heritage.h"

struct db;

/* Syncs until every commit is safe, another one is at it, or it has done so
 * for 100 ms. A failure is logged, and is the end of durability. */
void keeper_sync(const struct heritage *h, struct db *db);

/* Syncs now, whoever leads. False when that has failed: nothing is written any
 * more. Also to be asked after a checkpoint failed: was it a sync? */
bool keeper_sync_test(const struct heritage *h, struct db *db);

#endif
