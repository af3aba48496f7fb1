/*
 * exchange: what one request in progress needs beside its connection: the
 * bytes read, the request, the response. Idle connections have none, so an
 * idle connection costs a few hundred bytes; a warm worker takes them from a
 * pool, so a request allocates nothing.
 */
#ifndef PRONG_EXCHANGE_H
#define PRONG_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "worker/http/call.h"
#include "worker/http/forwarded.h"
#include "worker/http/request.h"
#include "worker/http/response.h"

struct exchange {
    struct exchange *next; /* in the pool */
    struct buf in;         /* bytes of this request, and of those behind it */
    struct request *req;
    struct response res;
    struct call call;
    struct trace trace;
    struct forwarded told; /* by a proxy that is believed, of this request */
    void *owner;           /* the connection, for call.done */
    struct slice out;      /* of the answer's head and body: still to be sent */
    uint64_t sent;         /* body bytes */
    uint64_t began_ns;     /* when its first byte was seen, or had come */
    uint64_t came_ns;      /* when it was complete */
    bool observed;         /* its end was told to the observer */
    bool warm; /* res has the memory of conns.warm, to be given back */
};

struct exchange_pool;

struct exchange_pool *exchange_pool_new(const struct request_limits *limits);
void exchange_pool_free(struct exchange_pool *p);

struct exchange *exchange_take(struct exchange_pool *p);
/* Memory that one large request made it grow by is given back. */
void exchange_give(struct exchange_pool *p, struct exchange *x);
/* To be called once a second or so: gives back what was not needed since. */
void exchange_trim(struct exchange_pool *p);

#endif
