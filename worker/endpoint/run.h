/*
 * run: the SQL of one question, its rows written into the response's body, and
 * every failure as a problem document. It knows no socket, no cache and no
 * headers of the answer but a failure's.
 */
#ifndef PRONG_RUN_H
#define PRONG_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/app/app.h"
#include "worker/endpoint/listing.h"
#include "worker/endpoint/question.h"
#include "worker/http/call.h"
#include "worker/threads/relay.h"

/* One thread's way through SQL: others may go on meanwhile (relay.h). */
struct lane {
    struct relay *relay; /* null: there are no others */
    uint64_t came_ns;    /* of the request whose statement runs; 0: none */
    uint64_t since_ns;   /* when it began */
    const struct endpoint *endpoint; /* whose it is */
};

struct run {
    struct db *db;
    struct lane *lane; /* null: it keeps to the baton */
    const struct app *app;
    const struct question *question;
    struct listing *listing; /* scratch, reused */
    struct call *call;
    /* Asked inside the transaction of a write, before its first statement:
     * false ends it, and the response is complete. Null: nothing to ask. */
    bool (*allowed)(void *self);
    void *self;
    size_t set;            /* element of @each at work */
    enum db_result result; /* of what failed; DB_DONE: nothing did */
};

/*
 * Runs a question that only reads. True: the body holds the rows (listing_end
 * was called), and its snapshot is still open for run_count. False: the
 * response is a complete failure.
 */
bool run_read(struct run *r);

/*
 * Runs one that writes, inside the transaction that the caller has begun
 * (db_begin_write, or db_begin_alone for a plan that may be alone and nothing
 * to be asked). False: the response is a complete failure, and the caller
 * undoes what was done.
 */
bool run_write(struct run *r);

/* The rows without a page's limits, for X-Total-Count; -1 when that failed,
 * and the response says how. In the same snapshot. */
int64_t run_count(struct run *r);

/* A failure that was none of a statement of the question (its commit, the
 * look-up of a token) as an answer; noted in the trace. */
void run_failed(struct call *call, enum db_result result, const char *message);
/* A failure of the question as an answer; what nobody but us can mend is
 * logged. */
void run_fail(struct run *r, enum db_result result);

#endif
