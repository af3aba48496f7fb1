/*
 * endpoint_private: what the files of endpoint share. endpoint.c opens them
 * and takes calls; endpoint_cached.c answers out of the cache or fills it;
 * endpoint_lane.c leaves what is slow to other threads; lobby.c is where calls
 * wait;
 * endpoint_write.c has the writes wait for their turn and for the disk, and
 * endpoint_group.c runs those whose turn it is; endpoint_finish.c makes an
 * answer of what the database gave.
 */
#ifndef PRONG_ENDPOINT_PRIVATE_H
#define PRONG_ENDPOINT_PRIVATE_H

#include "common/loop.h"
#include "worker/endpoint/endpoint.h"
#include "worker/endpoint/gate.h"
#include "worker/endpoint/idempotency.h"
#include "worker/endpoint/kept.h"
#include "worker/endpoint/lockout.h"
#include "worker/endpoint/ratelimit.h"
#include "worker/endpoint/run.h"
#include "worker/endpoint/shed.h"
#include "worker/endpoint/token.h"
#include "worker/endpoint/turns.h"
#include "worker/endpoint/waiting.h"
#include "worker/http/json.h"

/* One endpoint, prepared. */
struct prepared {
    size_t index;
    struct plan *plan;
    const struct plan *twin; /* of a write: the GET at its path, or null */
    struct kept_policy policy;
    unsigned route; /* number of its name */
    struct ratelimit limit;
    struct encoder *encoder; /* null: its answers are not compressed */
};

/* Where a write is on its way. */
enum write_state {
    WRITE_QUEUED,    /* waits for the turn */
    WRITE_REFUSED,   /* its answer is complete, and nothing was written */
    WRITE_COMMITTED, /* its answer is complete, and true once it is safe */
};

/* A write on its way. Reused. */
struct write {
    struct write *next;
    enum write_state state;
    struct call *call;
    struct prepared *p;
    struct question question;
    bool keyed;           /* with an Idempotency-Key */
    uint64_t until_ms;    /* its time is over */
    uint64_t since_ns;    /* it waits for the turn */
    uint64_t commit;      /* number of the commit it was part of */
    struct record record; /* its own, while others use the slot's */
};

struct write_list {
    struct write *first, *last;
    size_t count;
};

/* Of all threads; those queued may be answered by another than read them. */
struct writes {
    struct write_list queued;   /* in the order they came */
    struct write_list answered; /* in the order of their commits */
    struct write_list unused;
    bool running;           /* a group is at work: the turn is in use, and the
                               first of those queued are its own */
    bool answering;         /* somebody is in the middle of `answered` */
    struct lockout lockout; /* somebody outside has the write lock */
    size_t late;            /* given up, and the log was not told yet */
    uint64_t late_told_ms;  /* when it was told last; 0: never */
};

struct lobby {
    struct waiting waiting; /* for another worker's answer */
    struct waiting held;    /* for a thread: see relay_spare */
    unsigned spare;         /* threads there were when they were looked at */
    struct writes writes;
    /* By endpoint: how long its statements take, in ns, of a request; the
     * mean, each new one counting a quarter. */
    uint64_t *pace_ns;
    const struct lane *lanes[THREADS_MAX]; /* of each thread that answers */

    struct shed shed;
    size_t shed_count;     /* refused, and the log was not told yet */
    uint64_t shed_told_ms; /* when it was told last; 0: never */
};

/* One thread's endpoints, and the state of the one that is running (a thread
 * runs one at a time; the buffers in it are reused). */
struct endpoints {
    struct endpoints_config config;
    struct json *reader;
    struct gate gate;
    struct kept *kept; /* null without a cache */
    struct prepared *all;
    struct lobby *lobby;
    struct idempotency *idempotency; /* null: no endpoint writes */
    struct turns turns;
    struct lane lane;
    bool joined; /* its thread has held the baton: what is in the lobby is
                    its affair too */
    bool passed; /* others held it since the last call */

    struct question question; /* of a read */
    struct listing listing;
    struct buf gzip;
};

/* One call of one endpoint. */
struct visit {
    struct endpoints *es;
    struct prepared *p;
    struct call *call;
    struct question *question;
    struct run run;
    struct cache_key key;    /* when it may be kept */
    struct kept_found found; /* likewise */
    bool keep;               /* it may */
    uint64_t brief_ms;       /* endpoint_brief_ms */
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
    db_deadline(v->es->config.db,
                until_ms < v->brief_ms ? until_ms : v->brief_ms);
}

/* ---- endpoint.c ----------------------------------------------------------*/

/* Before a call is answered: it may have come after the snapshot that the
 * turn's reads share, if others held the baton meanwhile. Ends that one. */
void endpoint_renew(struct endpoints *es);
/* Begins a visit; `question` is what it will be read into. */
struct visit endpoint_visit(struct endpoints *es, struct prepared *p,
                            struct call *call, struct question *question);
/* Whether who asks may, and what is asked can be understood; if not, the
 * response is a refusal. */
bool endpoint_admits(struct visit *v);

/* ---- endpoint_lane.c -----------------------------------------------------*/

/* When its time is over, loop time in ms; waiting does not move that. */
uint64_t endpoint_end_ms(const struct visit *v);
/*
 * Before a read's SQL: true when the call waits, because it is known to be
 * slow and another thread runs it, now or when one is free; or because this
 * thread is the last one, who runs none.
 */
bool endpoint_elsewhere(struct visit *v);
/* Its statements took next to no time so far. */
bool endpoint_is_quick(const struct lobby *l, const struct prepared *p);
/* After it: how long its statements took. */
void endpoint_note_pace(const struct visit *v);
/* When a statement begun now has to end, in ms, whatever its time; UINT64_MAX
 * but for the last thread. If it did not: the call waits for a thread. */
uint64_t endpoint_brief_ms(const struct visit *v);
void endpoint_was_not_brief(struct visit *v);
/* Answers those who waited for a thread, as far as there is one now. */
void endpoint_resume_held(struct endpoints *es, uint64_t now_ms);

/* ---- endpoint_limits.c ---------------------------------------------------*/

/* Before SQL: true when there is too much to do, and the response is a 503. */
bool endpoint_sheds(struct visit *v);
/* Before it is queued: the same, when too many writes wait. */
bool endpoint_writes_full(struct visit *v);

/* ---- endpoint_finish.c ---------------------------------------------------*/

/* Completes the response after run_read or run_write: status, headers, for a
 * read the form that the client gets; and keeps it, if it may be kept. */
void endpoint_finish(struct visit *v);
/* Then, of a write: compresses it, if this client takes that. */
void endpoint_shrink(struct visit *v);

/* ---- endpoint_write.c ----------------------------------------------------*/

/* Queues it, and false: it waits; or refuses it. */
bool endpoint_write(struct visit *v);
/* Gives back the memory of all. */
void endpoint_free_writes(struct writes *ws);
/* A write of the lobby is answered by these endpoints. */
void endpoint_adopt(const struct endpoints *es, struct write *w);

/* ---- endpoint_group.c ----------------------------------------------------*/

/*
 * With the turn: runs the first of those queued, as one transaction. Those
 * that are no more QUEUED then are through. False when somebody outside holds
 * the write lock: nothing was done.
 */
bool endpoint_group(struct endpoints *es);

/* ---- endpoint_cached.c ---------------------------------------------------*/

/* Answers out of the cache, or computes and keeps. False when the call waits
 * for another worker. */
bool endpoint_cached(struct visit *v);
/* Runs the SQL and finishes. False when the call waits for a thread. */
bool endpoint_compute(struct visit *v);
/* It failed for us; but what we have may be shown then (stale-if-error, RFC
 * 5861, 4). */
void endpoint_forgive(struct visit *v);

#endif
