/*
 * keeper_backups: backups by schedule (backup_dir, backup_schedule,
 * backup_keep) and on an operator's demand (errands.h), one at a time, each in
 * a process of its own (`prong backup`), so that the keeper goes on meanwhile.
 * That process has a low priority (nice 10), and tells how it ended on a pipe
 * (backup_command.h), because the keeper lets the kernel reap.
 */
#ifndef PRONG_KEEPER_BACKUPS_H
#define PRONG_KEEPER_BACKUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/loop.h"
#include "common/segment/heritage.h"

struct keeper_backups;

/* `loop`: in which the child's end is noticed. SIGCHLD is ignored, or the
 * caller reaps. */
struct keeper_backups *keeper_backups_new(const struct heritage *h,
                                          struct loop *loop);
/* A backup under way is told to end: it removes its part file by itself, and
 * its errand has failed. Null is allowed. */
void keeper_backups_free(struct keeper_backups *b);

/* When the next is due, CLOCK_MONOTONIC ms; UINT64_MAX while none can be. One
 * that failed is tried again after 10 minutes, if its schedule is not sooner.
 */
uint64_t keeper_backups_next(const struct keeper_backups *b);
/* Starts one that is due, if none is under way. */
void keeper_backups_look(struct keeper_backups *b, uint64_t now_ms);
/* An operator wants one: a file's name in backup_dir, or "" for a name of its
 * own. False, with the reason, when it cannot be; otherwise the errand is
 * ended when it is made. */
bool keeper_backups_want(struct keeper_backups *b, int errand, const char *name,
                         struct fault *fault);

/* One is under way: another is refused. */
bool keeper_backups_busy(const struct keeper_backups *b);

#endif
