/*
 * conditions: which of its answers a resource gives when the client already
 * has something of it (RFC 9110: conditional requests, section 13; ranges,
 * section 14). Pure: a request's fields and validators in, a verdict out.
 *
 * All lines of If-Match or of If-None-Match are one list (RFC 9110, 5.3); of
 * the other fields the first line counts. What is no entity tag in a list
 * matches nothing.
 *
 * A representation has two strong tags: that of its bytes as they are
 * (identity), and that of its gzip form, which is the same with "-gz" before
 * the closing quote.
 */
#ifndef PRONG_CONDITIONS_H
#define PRONG_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "common/text.h"
#include "worker/http/request.h"

enum {
    CONDITIONS_DATE = 32, /* room for an IMF-fixdate and its NUL */
    CONDITIONS_TAG = 80,  /* room for a tag, with "-gz" and a NUL */
};

/* What a client may remember a representation by. The tag is a strong one. */
struct validators {
    const char *etag;     /* with its quotes */
    const char *modified; /* IMF-fixdate */
    time_t seconds;       /* the same */
};

/* A part of a representation, in bytes. */
struct span {
    int64_t from;
    int64_t length;
};

/*
 * Judges a GET or HEAD for a representation of `size` bytes:
 *   304, 412  as the conditions say (section 13.2.2);
 *   206       *part is the one range asked for, and it is current;
 *   416       that range lies outside;
 *   200       otherwise: also when several ranges are asked for, or junk.
 * *part is the whole unless 206.
 */
int conditions_judge(const struct request *req, const struct validators *v,
                     int64_t size, struct span *part);

/*
 * Judges a GET or HEAD whose answer has a tag, but neither a date nor ranges:
 * 200, 304 or 412. The tag is that of the form that would be sent.
 */
int conditions_tag(const struct request *req, struct slice etag);

/*
 * May a method that changes a resource go ahead? False: 412. `etag` is the
 * identity tag of what is there before; a client may hold either form, so the
 * gzip tag is as good. A null ptr: nothing is there, which satisfies
 * If-None-Match and fails If-Match. An empty slice: something without a tag,
 * which only "*" names. Dates are ignored, as they must be for a resource
 * that has none (section 13.1.4).
 */
bool conditions_match(const struct request *req, struct slice etag);

/* Is there any If-Match, If-None-Match or If-Unmodified-Since? Without one a
 * write need not look at what is there. */
bool conditions_present(const struct request *req);

/* The gzip form's tag, from the identity form's; with a NUL behind it. */
struct slice conditions_gzip_tag(char out[CONDITIONS_TAG], struct slice etag);

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
void conditions_date(time_t seconds, char out[CONDITIONS_DATE]);
/* Reads that, or one of the two older forms of RFC 9110, 5.6.7. */
bool conditions_read_date(struct slice text, time_t *out);

#endif
