/*
 * keeper_backups: backups by schedule (backup_dir, backup_schedule,
 * backup_keep) and on an operator's demand (errands.h), one at a time, each in
 * a process of its own (`prong backup`), so that the keeper goes on meanwhile.
 */
#ifndef PRONG_KEEPER_BACKUPS_H
#define PRONG_KEEPER_BACKUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/heritage.h"
#include "common/loop.h"

struct keeper_backups;

/* `loop`: in which the child's end is noticed. */
struct keeper_backups *keeper_backups_new(const struct heritage *h,
                                          struct loop *loop);
/* A backup under way is ended. */
void keeper_backups_free(struct keeper_backups *b);

/* When the next is due, CLOCK_MONOTONIC ms. */
uint64_t keeper_backups_next(const struct keeper_backups *b);
/* Starts one that is due, if none is under way. */
void keeper_backups_look(struct keeper_backups *b, uint64_t now_ms);
/* An operator wants one: a file's name in backup_dir, or "" for a name of its
 * own. False, with the reason, when it cannot be; otherwise the errand is
 * ended when it is made. */
bool keeper_backups_want(struct keeper_backups *b, int errand, const char *name,
                         struct fault *fault);

#endif
