/*
 * keeper_wal: the keeper's care for the WAL (sqlite.org/wal.html, 2.2 and 3).
 * Syncs when a worker asks for it (syncs.h), copies the WAL into the database
 * once it has grown by wal_autocheckpoint pages, and then with the turn has it
 * begin anew; a file larger than journal_size_limit is cut when nobody writes.
 *
 * A reader that does not finish keeps frames from being copied, and the WAL
 * from beginning anew. Nobody waits for it longer than 100 ms, and ever more
 * rarely; an operator is told when the WAL has eight times the pages. Readers
 * that overlap without end do the same: at sixteen times the pages the writers
 * wait for them, up to 3 s, so that it stays bounded.
 *
 * Once durability is lost (syncs_broken) the WAL is left as it is.
 */
#ifndef PRONG_KEEPER_WAL_H
#define PRONG_KEEPER_WAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/segment/heritage.h"

struct db;
struct keeper_wal;

/* Counts go on where a former keeper's were (board.h). */
struct keeper_wal *keeper_wal_new(const struct heritage *h);
/* Null is allowed. */
void keeper_wal_free(struct keeper_wal *w);

/* When it wants to look again at the latest, CLOCK_MONOTONIC ms; it is also to
 * look whenever the keeper was rung. */
uint64_t keeper_wal_next(const struct keeper_wal *w);
/* Syncs, if somebody waits for it, and checkpoints, if it is due. */
void keeper_wal_look(struct keeper_wal *w, struct db *db, uint64_t now_ms);
/* Whether it has something to do that needs the turn; and does it. */
bool keeper_wal_wants_turn(const struct keeper_wal *w);
void keeper_wal_turn(struct keeper_wal *w, struct db *db);

/* The keeper leaves in good order; db_close follows. When no worker is there
 * any more, all is copied and the WAL is no more after that close. */
void keeper_wal_leave(struct keeper_wal *w, struct db *db);

#endif
