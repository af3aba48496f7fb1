/*
 * question: what a request asks of an endpoint, read, checked and put into
 * canonical form: values of the declared parameters, page, columns and form
 * of the answer. Two requests that mean the same are the same question,
 * however they are written: in the order, with or without defaults, and with
 * whatever else a client put into its query.
 */
#ifndef PRONG_QUESTION_H
#define PRONG_QUESTION_H

#include <stdbool.h>

#include "worker/endpoint/arguments.h"
#include "worker/endpoint/listing.h"
#include "worker/endpoint/paging.h"
#include "worker/endpoint/plan.h"
#include "worker/endpoint/token.h"
#include "worker/http/call.h"

/* Reused from request to request; zero-initialised is valid. */
struct question {
    const struct plan *plan;
    const struct request *req;
    struct identity who;
    struct arguments arguments;
    struct paging paging;
    bool paged;
    const struct step *step; /* whose rows give the body; null: none */
    enum form form;
    column_set set;
    uint64_t columns; /* that it was chosen from: see columns_print */
};

/*
 * Reads the request for the plan; `who` is known already. False when it is
 * refused: then *res is the problem document (400, 411, 415).
 */
bool question_read(struct question *q, struct json *reader,
                   const struct plan *plan, const struct request *req,
                   struct response *res);
/* It was read for the same endpoint's plan on another connection: from now on
 * it is that one's. */
void question_adopt(struct question *q, const struct plan *plan);
/* After a run: false when the columns are others than those that it chose
 * from, because the schema changed. The answer may then lack some. */
bool question_stands(const struct question *q);
void question_free(struct question *q);

/*
 * Appends bytes that are the same for the same question to the same endpoint
 * and differ for any other. The user and role are in it when the SQL binds
 * them. Only for endpoints without @each and without a body.
 */
void question_key(const struct question *q, struct buf *out);

#endif
