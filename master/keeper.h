/*
 * keeper: the process beside the workers that looks at the whole: it samples
 * the system and the counters for the board, judges alerts, and writes
 * performance.jsonl. It has the database open all the time, so that its WAL
 * and its index never vanish under the workers. One at a time, because the
 * board has one writer; forked and supervised by the master like a worker, in
 * SLOT_KEEPER. Nobody waits for it: without one, requests are served as
 * before.
 */
#ifndef PRONG_KEEPER_H
#define PRONG_KEEPER_H

#include "common/heritage.h"

/* A worker_body. TERM, INT and QUIT leave at once: it holds nothing that
 * others wait for. */
int keeper_main(const struct heritage *heritage);

#endif
