/*
 * own: the server's own answers, as far as they have a path (routes.h):
 * whether it lives and is ready, and for operators the monitor's pages, the
 * handling of the cache, and what the keeper is to do (chores.h).
 */
#ifndef PRONG_OWN_H
#define PRONG_OWN_H

#include "common/app/routes.h"
#include "worker/chores.h"
#include "worker/endpoint/endpoint.h"
#include "worker/http/call.h"
#include "worker/monitor/monitor.h"

struct own_answers {
    struct db *db;
    struct endpoints *endpoints;
    struct encoder *encoder;
    struct monitor monitor; /* its shared is null without a segment */
    struct chores chores;   /* likewise */
    struct buf room;        /* scratch */
};

/* True when the response is complete, and the caller calls done; false when
 * the call waits for the keeper. */
bool own_answer(struct own_answers *o, enum own_route which, struct call *call);

/* Calls that wait. own_resume answers those that need not any more, and calls
 * their done: each turn of the loop while there are any. */
size_t own_waiting(const struct own_answers *o);
void own_resume(struct own_answers *o, uint64_t now_ms);
/* The client of a call that waits has left: true when it is forgotten, and
 * done never called; false when it does not wait here. */
bool own_cancel(struct own_answers *o, struct call *call);

void own_free(struct own_answers *o);

#endif
