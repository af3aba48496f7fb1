/*
 * conditions: which of its answers a resource gives when the client already
 * has something of it (RFC 9110: conditional requests, section 13; ranges,
 * section 14). Pure: a request's fields and two validators in, a verdict out.
 */
#ifndef PRONG_CONDITIONS_H
#define PRONG_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "common/text.h"
#include "worker/request.h"

enum {
    CONDITIONS_DATE = 32, /* room for an IMF-fixdate and its NUL */
};

/* What a client may remember a representation by. The tag is a strong one. */
struct validators {
    const char *etag;     /* with its quotes, without commas */
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
 * *part is the whole unless 206. Only the first field of a name counts.
 */
int conditions_judge(const struct request *req, const struct validators *v,
                     int64_t size, struct span *part);

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
void conditions_date(time_t seconds, char out[CONDITIONS_DATE]);
/* Reads that, or one of the two older forms of RFC 9110, 5.6.7. */
bool conditions_read_date(struct slice text, time_t *out);

#endif
