/*
 * request_private: what request.c (the parsing) and request_view.c (the
 * looking) share.
 */
#ifndef PRONG_REQUEST_PRIVATE_H
#define PRONG_REQUEST_PRIVATE_H

#include "worker/http/request.h"

struct llhttp__internal_s; /* llhttp_t */

/* A piece of the caller's buffer, by offset: the buffer may move. */
struct span {
    size_t at;
    size_t len;
};

struct field {
    struct span name;
    struct span value;
};

struct request {
    struct llhttp__internal_s *parser;
    const struct request_limits *limits;
    struct buf *in; /* during and since the last feed */

    size_t line;      /* head: start of the first line not yet checked */
    size_t head;      /* length of the head, once its end is found */
    size_t fed;       /* bytes of `in` the parser has seen */
    size_t framed;    /* chunk framing is checked up to here */
    size_t end;       /* where the next request starts, once complete */
    bool fields_done; /* all of its fields are known, good or not */
    bool head_done;   /* the head was parsed and found good */
    bool complete;
    bool hinted; /* at who asks: see request_may_be_forwarded */
    bool chunked;
    bool keep_alive;
    bool wants_continue;
    int status; /* of the refusal; 0: none */
    const char *reason;

    struct span url;
    struct span body; /* right behind the head; chunks are moved together */
    struct field fields[REQUEST_FIELDS_MAX];
    size_t field_count;

    enum request_verb verb;
    int minor; /* of HTTP/1.x; 1 until it is known */
    struct span raw_path;
    struct span raw_query;
    struct buf text; /* what follows points into it: decoded, does not move */
    struct slice path;
    struct slice segments[TARGET_SEGMENTS_MAX];
    size_t segment_count;
    struct pair query[TARGET_PAIRS_MAX];
    size_t query_count;
};

/* The bytes of a span, as long as the buffer stays where it is. */
static inline struct slice request_bytes(const struct request *r, struct span s)
{
    return (struct slice){r->in->data + s.at, s.len};
}

#endif
