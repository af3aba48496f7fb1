/*
 * own: the server's own answers, as far as they have a path (routes.h):
 * whether it lives and is ready, and for operators the monitor's pages and
 * the handling of the cache.
 */
#ifndef PRONG_OWN_H
#define PRONG_OWN_H

#include "worker/call.h"
#include "worker/endpoint.h"
#include "worker/monitor.h"
#include "common/routes.h"

struct own_answers {
    struct db *db;
    struct endpoints *endpoints;
    struct encoder *encoder;
    struct monitor monitor; /* its shared is null without a segment */
    struct buf room;        /* scratch */
};

/* Completes the response; the caller calls done. */
void own_answer(struct own_answers *o, enum own_route which, struct call *call);
void own_free(struct own_answers *o);

#endif
