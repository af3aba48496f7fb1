/*
 * precondition: If-Match and If-None-Match on a write (RFC 9110, 13.1). What
 * the client compares with is what the GET at the same path would answer it:
 * that is run inside the write's own transaction, so nothing can change
 * between the comparison and the write.
 */
#ifndef PRONG_PRECONDITION_H
#define PRONG_PRECONDITION_H

#include <stdbool.h>

#include "worker/endpoint/run.h"

struct precondition {
    const struct run *run;   /* of the write */
    const struct plan *twin; /* the GET at its path; null: there is none, and
                                only "*" can be said of it. So it is with
                                values that the GET does not take */
    struct json *reader;
};

/* Does the request state one? */
bool precondition_asked(const struct request *req);
/* For run.allowed: whether it holds. If not the response is a 412, or the
 * failure of the GET: then nobody knows. */
bool precondition_holds(void *self);

#endif
