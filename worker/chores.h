/*
 * chores: what operators have the keeper do, a job now or a backup: asks it
 * (errands.h), parks the call, and answers when the errand has ended. One a
 * worker; it never blocks.
 *
 *   POST /api/jobs/{name}/run  200 {"name","status":"done","duration_ms"}
 *   POST /api/backup           201 {"file","bytes","duration_ms"}
 *                              with ?file=name.db or {"file":"name.db"}, a
 *                              name in backup_dir; none: the server gives one
 *
 * A failure is a problem document that says why: 500, or 507 for want of
 * space. 404: there is no such job. 409: no backup_dir. 503 with Retry-After:
 * there is no keeper, or it has too much to do. 202 after CHORE_PATIENCE_MS:
 * it goes on, and GET /api/jobs or the log tells how it ended.
 */
#ifndef PRONG_CHORES_H
#define PRONG_CHORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/app/app.h"
#include "common/buf.h"
#include "common/segment/bells.h"
#include "common/segment/shared.h"
#include "common/settings/settings.h"
#include "worker/http/call.h"
#include "worker/http/observe.h"

enum { CHORE_PATIENCE_MS = 30 * 1000 };

/* The caller sets all but the list; what they point to outlives it. */
struct chores {
    const struct app *app;
    const struct settings *settings;
    const struct shared *shared;
    const struct bells *bells; /* null: the keeper looks by itself */
    unsigned slot;             /* this process's */
    struct observer *observer; /* null: nobody counts */
    struct buf list;           /* of those that wait */
};

/* The two calls. True when the response is complete, and the caller calls
 * done; false when the call waits. */
bool chores_run_job(struct chores *c, struct call *call);
bool chores_back_up(struct chores *c, struct call *call);

/* How many wait. */
size_t chores_waiting(const struct chores *c);
/* Answers those that need not wait any more, and calls their done. To be
 * called now and then while some wait: the keeper rings our bell, but does not
 * if it dies. */
void chores_resume(struct chores *c, uint64_t now_ms);
/* Its client has left: it is forgotten, and done never called. What the keeper
 * has not begun it will not do. False when it does not wait here. */
bool chores_cancel(struct chores *c, const struct call *call);
/* Drops what waits, without an answer. */
void chores_free(struct chores *c);

#endif
