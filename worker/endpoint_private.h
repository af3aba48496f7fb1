/*
 * endpoint_private: what the files of endpoint share. endpoint.c opens them
 * and takes calls; endpoint_cached.c answers out of the cache or fills it;
 * endpoint_finish.c makes an answer of what the database gave.
 */
#ifndef PRONG_ENDPOINT_PRIVATE_H
#define PRONG_ENDPOINT_PRIVATE_H

#include "common/loop.h"
#include "worker/endpoint.h"
#include "worker/json.h"
#include "worker/kept.h"
#include "worker/run.h"
#include "worker/token.h"
#include "worker/waiting.h"

/* One endpoint, prepared. */
struct prepared {
    size_t index;
    struct plan *plan;
    const struct plan *twin; /* of a write: the GET at its path, or null */
    struct kept_policy policy;
    unsigned route; /* number of its name */
};

/* One worker's endpoints, and the state of the one that is running (a worker
 * runs one at a time; the buffers in it are reused). */
struct endpoints {
    struct endpoints_config config;
    struct json *reader;
    struct tokens *tokens;
    struct kept *kept; /* null without a cache */
    struct prepared *all;
    struct waiting waiting;

    struct question question;
    struct listing listing;
    struct buf gzip;
};

/* One call of one endpoint. */
struct visit {
    struct endpoints *es;
    struct prepared *p;
    struct call *call;
    struct run run;
    struct cache_key key;    /* when it may be kept */
    struct kept_found found; /* likewise */
    bool keep;               /* it may */
};

static inline const struct endpoint *endpoint_of(const struct visit *v)
{
    return v->p->plan->e;
}

/* The time that its SQL has begins now; or began when it had to wait. */
static inline void endpoint_deadline(const struct visit *v)
{
    uint64_t until_ms = v->call->until_ms;

    if (until_ms == 0)
        until_ms = loop_clock_ms() + (uint64_t)endpoint_of(v)->timeout_ms;
    db_deadline(v->es->config.db, until_ms);
}

/* ---- endpoint_finish.c ---------------------------------------------------*/

/* Completes the response after run_all: status, headers, the form that the
 * client gets; and keeps it, if it may be kept. */
void endpoint_finish(struct visit *v);

/* ---- endpoint_cached.c ---------------------------------------------------*/

/* Answers out of the cache, or computes and keeps. False when the call waits
 * for another worker. */
bool endpoint_cached(struct visit *v);
/* Runs the SQL and finishes. */
void endpoint_compute(struct visit *v);
/* It failed for us; but what we have may be shown then (stale-if-error, RFC
 * 5861, 4). */
void endpoint_forgive(struct visit *v);

#endif
