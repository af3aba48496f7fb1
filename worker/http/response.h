/*
 * response: the answer as a value, and that value as HTTP/1.1 bytes. It knows
 * no socket and no SQL.
 */
#ifndef PRONG_RESPONSE_H
#define PRONG_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/text.h"

enum {
    RESPONSE_ID = 32,     /* longest request id kept */
    RESPONSE_ROOM = 1024, /* bytes left free in front of the body */
};

/*
 * Whoever answers fills in status, type, headers and body (or file), in that
 * order of importance; response_head does the rest. The memory is reused from
 * one request to the next, so a warm worker allocates nothing.
 */
struct response {
    int status;
    const char *type;   /* Content-Type, static storage; null without body */
    struct buf headers; /* further "Name: value\r\n" lines */
    struct buf aside;   /* the same, of this client alone: no cache keeps them
                           with the answer, and a failure leaves them */
    struct buf body;    /* its first RESPONSE_ROOM bytes are for the head */
    struct buf spill;   /* the head; and the body when the head outgrows that */

    int file;            /* descriptor whose bytes are the body, or -1 */
    int64_t file_offset; /* first byte to send */
    int64_t file_length;

    bool close; /* say "Connection: close" and do so */
    bool head;  /* answer to HEAD: right headers, no body */

    /* For the log; filled in by those who know. */
    const char *route; /* "/api/chefs/{id}", or null */
    uint64_t sql_us;   /* time spent in SQL */
    char id[RESPONSE_ID];
    size_t id_len;
};

void response_init(struct response *r);
/* Ready for the next request; closes `file`, keeps the memory. */
void response_reset(struct response *r);
void response_free(struct response *r);
/* Exchanges the memory of two responses that are both without content. */
void response_swap(struct response *a, struct response *b);

/* The body so far, without the room in front. */
struct slice response_body(const struct response *r);
/* Throws the body away (not the headers). */
void response_drop_body(struct response *r);
/* "Name: value"; value must hold no CR or LF (they are left out). */
void response_header(struct response *r, const char *name, struct slice value);

/*
 * Makes the head and puts it right in front of the body, so that head and
 * body are one span for one send. Adds Server, Date, Content-Length,
 * Content-Type, X-Request-ID and Connection. Returns that span, valid until
 * reset; the bytes of `file` are for the caller to send behind it.
 * `date` is "Sun, 06 Nov 1994 08:49:37 GMT"; `minor` that of the request.
 */
struct slice response_finish(struct response *r, struct slice date, int minor);

/* "Not Found" for 404; "Unknown" for numbers HTTP does not name. */
const char *status_phrase(int status);

#endif
