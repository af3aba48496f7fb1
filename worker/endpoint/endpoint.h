/*
 * endpoint: answers requests for the app's endpoints. Who may ask, with what
 * values, out of the cache or by SQL, in the form asked for; and every failure
 * as a problem document. It knows no socket and no loop.
 *
 *   gate      who may ask
 *   question  what is asked
 *   kept      what was answered before
 *   run       the SQL
 *   answer    the form of it that the client gets
 */
#ifndef PRONG_ENDPOINT_H
#define PRONG_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/app/app.h"
#include "common/segment/shared.h"
#include "worker/db/db.h"
#include "worker/http/call.h"
#include "worker/http/encoding.h"
#include "worker/http/observe.h"

struct endpoints;
struct relay;

/*
 * Calls of one worker that wait, whichever of its threads will answer them,
 * and what is known of its endpoints' pace. Each thread has endpoints of its
 * own, on a connection of its own; this they have in common. Used by the
 * thread that holds the baton (relay.h).
 */
struct lobby;

struct lobby *lobby_new(size_t endpoint_count);
/* When its endpoints are closed; null is allowed. */
void lobby_free(struct lobby *l);

/* How much of it there may be, as the settings of these names say; 0: any
 * number. */
struct endpoints_limits {
    int64_t auth_failures;
    int64_t queued_writes;
    int64_t shed_ms;
};

/* All of it outlives the endpoints. */
struct endpoints_config {
    const struct app *app;
    struct db *db;               /* db_watch was called, if shared is there */
    struct lobby *lobby;         /* null: one of its own */
    struct relay *relay;         /* null: one thread alone */
    struct encoder *encoder;     /* null: nothing is compressed */
    const struct shared *shared; /* null: no cache, nobody else to wait for */
    unsigned slot;               /* this process's in it */
    int bell_fd;                 /* rung when others wait for our answer */
    const struct bells *bells;   /* of those with whom we write by turns */
    int checkpoint_frames;       /* WAL growth that the keeper hears of */
    bool durable;                /* writes are answered once they are on disk */
    size_t entry_max;            /* bytes of the largest answer kept */
    struct endpoints_limits limits;
    struct observer *observer; /* null: nobody counts */
    bool first;                /* of its generation: logs what @cache cannot
                                  promise */
};

/* Prepares every endpoint of the app. Null with "file:line: reason". */
struct endpoints *endpoints_open(const struct endpoints_config *config,
                                 struct fault *fault);
/* Before db_close; null is allowed. */
void endpoints_close(struct endpoints *es);

/* Answers with endpoint number `index` of the app, now or, when another
 * worker is computing the same, in endpoints_resume. */
void endpoints_answer(struct endpoints *es, size_t index, struct call *call);

/* Whether the server's own pages are for this caller; if not the response is
 * a refusal. */
bool endpoints_operator(struct endpoints *es, struct call *call);

/* Calls that wait: for another worker's answer, for their turn to write, for
 * the disk. */
size_t endpoints_waiting(const struct endpoints *es);
/* Answers those that need not wait for others' answers any more; each turn of
 * the loop while there are any, between site_begin and site_end. */
void endpoints_resume(struct endpoints *es, uint64_t now_ms);
/* Writes, if it is our turn, and answers what is safe; each turn of the loop,
 * when its reads are done. */
void endpoints_write(struct endpoints *es, uint64_t now_ms);
/* Milliseconds until one of the two wants to be called at the latest, though
 * no bell rings; at most `most`. */
int endpoints_patience(const struct endpoints *es, uint64_t now_ms, int most);
/* From inside a long read: a turn to write that has come meanwhile is not kept
 * from others; we ask for another when the read is done. */
void endpoints_yield(struct endpoints *es);
/* Their thread holds the baton, perhaps for the first time: what it is at may
 * be looked at by the others from now on. */
void endpoints_join(struct endpoints *es);
/* What its thread runs without the baton: when the request was complete
 * (came_ns of its trace) and since when its statement runs. False: nothing. */
bool endpoints_at_work(const struct endpoints *es, uint64_t *came_ns,
                       uint64_t *since_ns);
/* By how much that is over its time; 0: it is not. */
uint64_t endpoints_overdue_ns(const struct endpoints *es, uint64_t now_ns);
/* The client of a call that waits has left: true when it is forgotten, and
 * nothing was written; false when it is too late for that, and it will be
 * answered. */
bool endpoints_cancel(struct endpoints *es, struct call *call);

#endif
