/*
 * worker_private: what worker.c, which sets a worker up, and shift.c, which
 * turns its loop, share.
 */
#ifndef PRONG_WORKER_PRIVATE_H
#define PRONG_WORKER_PRIVATE_H

#include "common/loop.h"
#include "worker/http/accesslog.h"
#include "worker/http/conn.h"
#include "worker/http/observe.h"
#include "worker/recycle.h"
#include "worker/site.h"
#include "worker/threads/relay.h"
#include "worker/worker.h"

struct worker {
    const struct heritage *heritage;
    struct loop *loop;
    struct relay *relay; /* null: --threads 1 */
    struct site *site;
    struct accesslog *access;
    struct observer *observer; /* null: --monitoring off */
    struct conns *conns;
    struct watch bell;     /* see heritage.h; watched while calls wait */
    struct watch own_bell; /* see bells.h */
    struct watch wake;     /* eventfd: a thread is back from its statement */
    bool first;            /* of its generation */
    bool listens;          /* the bell is watched */
    uint64_t vitals_ms;    /* when it looked at itself last */
    uint64_t told_ms;      /* when it told of itself last, once a second */
    uint64_t predecessors; /* connections that workers in its slot took */
    struct watch life;     /* end of file: the master is gone */
    uint64_t cancel_ns;    /* the order to end a request that was seen last */
    uint64_t cancel_ms;    /* when that was */
    bool quit;             /* now, as things stand */
    bool told;             /* to leave; begun after the turn (see leave) */
    bool leaving;          /* once everything is answered */
    uint64_t leave_ms;     /* when patience for that ends; 0: not begun */
    uint64_t over_ms;      /* when it should have ended, but thread 0 is in a
                              statement; 0: it need not */
    uint64_t born_ms;
    struct recycle limits; /* after which it asks to be replaced */
};

/* ---- shift.c -------------------------------------------------------------*/

/* A sign of life; from any thread. */
void shift_beat(struct worker *w);
/* From inside long statements, by the thread that runs them. */
void shift_progress(void *self);
/* Before the site is opened: the other threads, if there may be any. False
 * with errno set. */
bool shift_prepare(struct worker *w);
/* Serves until it has to end. */
void shift_run(struct worker *w);
/* The end of the other threads; does not return when one of them cannot be
 * stopped. */
void shift_end(struct worker *w);

#endif
