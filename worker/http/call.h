/*
 * call: one request to be answered, as it passes from conn through site to
 * whoever answers. An endpoint may finish now or later (a turn to wait for):
 * it then keeps the call and calls done when the response is complete. The
 * call, request and response stay valid until done.
 */
#ifndef PRONG_CALL_H
#define PRONG_CALL_H

#include "worker/http/request.h"
#include "worker/http/response.h"
#include "worker/http/trace.h"

struct cors;

struct call {
    const struct request *req;
    struct response *res;
    struct trace *trace; /* never null */
    const char *client;  /* address of who asks, as far as trusted proxies
                            tell; "" when that is not known (a unix socket) */
    const char *peer;    /* address of who holds the connection; "" or null
                            when it has none (a unix socket) */
    bool secure;         /* it came by https, as they tell */
    bool trusted;        /* who sent it may speak for others */
    bool admin;          /* it came in by --admin-bind */
    bool inside;         /* the server's own: needs no token, never waits */
    bool counted;        /* against the endpoint's @rate: not a second time */
    bool given;          /* to another thread of the worker, which runs it */
    bool waited;         /* for an answer that somebody else computed */
    bool waited_there;   /* for another worker's: not a second time */
    bool waited_here;    /* for another thread's: not a second time */
    uint64_t until_ms;   /* it waited: when its endpoint's time is over */
    uint64_t now_ms;     /* loop time when it was taken up */
    /* Whose pages may read the answer (cors.h); null: our own alone. */
    const struct cors *cors;
    void (*done)(struct call *call);
};

#endif
