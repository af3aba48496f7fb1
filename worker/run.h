/*
 * run: the SQL of one question in its transaction, its rows written into the
 * response's body, and every failure as a problem document. It knows no
 * socket, no cache and no headers of the answer but a failure's.
 */
#ifndef PRONG_RUN_H
#define PRONG_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/app.h"
#include "worker/call.h"
#include "worker/listing.h"
#include "worker/question.h"

struct run {
    struct db *db;
    const struct app *app;
    const struct question *question;
    struct listing *listing; /* scratch, reused */
    struct call *call;
    /* Asked inside the transaction of a write, before its first statement:
     * false ends it, and the response is complete. Null: nothing to ask. */
    bool (*allowed)(void *self);
    void *self;
    size_t set; /* element of @each at work */
};

/*
 * Runs it all. True: the body holds the rows (listing_end was called) and the
 * transaction is committed, or its snapshot still open for run_count. False:
 * the response is a complete failure, and nothing was changed.
 */
bool run_all(struct run *r);

/* The rows without a page's limits, for X-Total-Count; -1 when that failed,
 * and the response says how. In the same snapshot. */
int64_t run_count(struct run *r);

/* The failure of something else than a statement of the question (the look-up
 * of a token) as an answer; noted in the trace. */
void run_failed(struct call *call, enum db_result result, const char *message);

#endif
