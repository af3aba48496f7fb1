/*
 * keeper_jobs: the keeper's jobs: those of the app and the server's own
 * (idempotency_keys, optimize; an app's job of the same name takes their
 * place), each when its schedule or an operator (errands.h) wants it.
 */
#ifndef PRONG_KEEPER_JOBS_H
#define PRONG_KEEPER_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/segment/errands.h"
#include "common/segment/heritage.h"

struct db;
struct keeper_jobs;

struct keeper_jobs *keeper_jobs_new(const struct heritage *h);
void keeper_jobs_free(struct keeper_jobs *j);

/* When the next is due, CLOCK_MONOTONIC ms. */
uint64_t keeper_jobs_next(const struct keeper_jobs *j);
/* Notes which are due. */
void keeper_jobs_look(struct keeper_jobs *j, struct db *db, uint64_t now_ms);
/* An operator wants this one now; false when there is none of that name. The
 * errand is ended when the job has run. */
bool keeper_jobs_want(struct keeper_jobs *j, int errand, const char *name);
/* Whether one is due; and runs one, with the turn. */
bool keeper_jobs_wants_turn(const struct keeper_jobs *j);
void keeper_jobs_turn(struct keeper_jobs *j, struct db *db);

#endif
