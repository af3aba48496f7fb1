/*
 * request: bytes to one HTTP/1.1 request value (RFC 9110, 9112), through
 * llhttp, which this file alone includes. It knows no socket: conn feeds it
 * bytes and asks what to do.
 *
 * Bytes stay in the caller's buffer; the request keeps offsets, because that
 * buffer may move when it grows. Slices handed out are valid until the buffer
 * changes or request_next is called.
 *
 * Stricter than llhttp: bare CR or LF anywhere in the framing, folded
 * headers, a missing, repeated or malformed Host, Content-Length together
 * with Transfer-Encoding, and anything but "chunked" are refused.
 */
#ifndef PRONG_REQUEST_H
#define PRONG_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/app/app.h"
#include "common/buf.h"
#include "common/text.h"
#include "worker/http/target.h"

/* Limits of one request; see the settings of the same names. */
struct request_limits {
    size_t line;       /* bytes of the request line */
    size_t fields;     /* number of header fields */
    size_t field_size; /* bytes of one header line */
    size_t body;       /* bytes of the body, decoded */
};

enum {
    REQUEST_HEAD_MAX = 64 * 1024,  /* all header bytes together, then 431 */
    REQUEST_FRAME_MAX = 16 * 1024, /* one chunk's size line, or all trailers */
    REQUEST_FIELDS_MAX = 256,      /* hard limit of limits.fields */
};

/* What conn has to do next. */
enum request_step {
    REQUEST_MORE,     /* read more bytes */
    REQUEST_CONTINUE, /* say "100 Continue", then read more */
    REQUEST_COMPLETE, /* answer it */
    REQUEST_REFUSED,  /* answer request_status(), then close */
};

enum request_verb {
    VERB_GET,
    VERB_HEAD,
    VERB_POST,
    VERB_PUT,
    VERB_PATCH,
    VERB_DELETE,
    VERB_OPTIONS,
    VERB_OTHER, /* a method we know of and do not serve: 405 or 501 */
};

struct request;

struct request *request_new(const struct request_limits *limits);
void request_free(struct request *r);

/* Forgets all, ready for the first request of a connection. */
void request_reset(struct request *r);
/*
 * Parses the bytes of `in` that it has not seen yet (all bytes from the start
 * of this request are in `in`). Chunked bodies are unfolded in place.
 */
enum request_step request_feed(struct request *r, struct buf *in);
/* After an answer: drops the request's bytes from the front of `in`, keeps
 * what was pipelined behind it, and is ready for request_feed. */
void request_next(struct request *r, struct buf *in);

/* Has any byte of a request arrived? Is its head complete? (for deadlines) */
bool request_begun(const struct request *r);
bool request_head_done(const struct request *r);

/* False when no field's name begins as those do by which proxies say who asks
 * (X-…, Forwarded), or not all fields are there: then forwarded.h need not be
 * asked. */
bool request_may_be_forwarded(const struct request *r);

/* Once complete (or refused, as far as it got): */
enum request_verb request_verb(const struct request *r);
/* The refusal: 400, 411, 413, 414, 417, 431, 501 or 505 … and why. */
int request_status(const struct request *r);
const char *request_reason(const struct request *r);
/* Refuses it for a reason that the parser does not know of; `reason` is
 * static. The first refusal stands. */
void request_refuse(struct request *r, int status, const char *reason);
bool request_keep_alive(const struct request *r);
int request_minor(const struct request *r); /* of HTTP/1.x */

/* Bytes of it, head and body, as they came. */
size_t request_size(const struct request *r);

/* As received, for the access log: "GET /a?b HTTP/1.1" and pieces of it. */
struct slice request_line(const struct request *r);
struct slice request_method(const struct request *r);
struct slice request_target(const struct request *r);
struct slice request_raw_path(const struct request *r);
struct slice request_raw_query(const struct request *r);

/* Path with percent-encoding undone and dot segments removed, and the same
 * cut at its slashes: "/a/b" gives "a","b"; "/a/" gives "a","". */
struct slice request_path(const struct request *r);
const struct slice *request_segments(const struct request *r, size_t *count);
/* Query pairs, decoded ('+' is a blank), in order. */
const struct pair *request_query(const struct request *r, size_t *count);

/* First field of that name, or a slice with a null ptr. */
struct slice request_header(const struct request *r, const char *name);
/* Field number i in order of arrival; false past the last. */
bool request_field(const struct request *r, size_t i, struct pair *out);
struct slice request_body(const struct request *r);
/* Content-Length or Transfer-Encoding is there (else 411, where one needs a
 * body). */
bool request_says_length(const struct request *r);

#endif
