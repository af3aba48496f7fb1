/*
 * answer: the complete answer to a GET, in the forms it exists in, and which
 * of them a client gets (RFC 9110: content codings, 8.4; entity tags, 8.8.3;
 * conditional requests, 13). It knows no SQL and no cache.
 *
 * Each form has a strong tag of its own: the identity's is a hash of its
 * bytes, the compressed one's is that with "-gz" in it.
 */
#ifndef PRONG_ANSWER_H
#define PRONG_ANSWER_H

#include <stdbool.h>

#include "worker/http/call.h"
#include "worker/http/encoding.h"

enum { ANSWER_TAG = 24 }; /* room for the identity tag and its quotes */

/* Slices are somebody else's, for kept ones in shared memory. */
struct answer {
    int status;
    const char *type;
    char tag[ANSWER_TAG]; /* of the identity form */
    struct slice headers; /* lines that belong to every form */
    struct slice body;    /* the identity form */
    struct slice gzip;    /* the compressed one; empty: not made (yet) */
    bool shrinks;         /* it is worth compressing */
};

/* What a client is to get. */
struct choice {
    int status; /* the answer's own, 304 or 412 */
    bool gzip;
};

/* Sets tag, body and shrinks from a response that is complete but for them;
 * `e` null: nothing is compressed. */
void answer_take(struct answer *a, const struct response *res,
                 const struct encoder *e);

struct choice answer_choose(const struct answer *a, const struct request *req);

/*
 * Puts the chosen form into the response: status, type, the common headers
 * behind those that are there, ETag and Content-Encoding, and the body unless
 * it is in place already. A form that was not made (gzip is empty) is answered
 * as identity.
 */
void answer_give(const struct answer *a, struct choice c, struct response *res);

/*
 * For an answer without a tag (the result of a write, a page of the server's
 * own): compresses the body if the client takes that; `room` is scratch.
 * Returns whether it is worth compressing, so that the answer varies.
 */
bool answer_compress(struct response *res, const struct request *req,
                     struct encoder *e, struct buf *room);

#endif
