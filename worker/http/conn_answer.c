#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "common/log.h"
#include "common/segment/episodes.h"
#include "worker/http/conn_private.h"
#include "worker/http/cors.h"
#include "worker/http/problem.h"

static bool must_close(const struct conn *c)
{
    return c->home->draining || c->home->limit_ms[CONN_IDLE] == 0 ||
           !request_keep_alive(c->x->req);
}

/* What browsers are told, on whatever was answered; no kept answer holds it. */
static void tell_browsers(struct conn *c)
{
    struct conns *home = c->home;
    const struct call *call = &c->x->call;

    cors_answer(call->cors, call->req, call->res);
    buf_slice(&call->res->headers,
              buf_view(call->secure ? &home->secure_fields : &home->fields));
}

static void on_done(struct call *call)
{
    struct exchange *x =
        (struct exchange *)(void *)((char *)call -
                                    offsetof(struct exchange, call));
    struct conn *c = x->owner;
    struct response *res = &x->res;

    assert(c->state == CONN_WAITING);
    if (x->trace.queries > 0) { /* a hit is spared the reading of the clock */
        trace_phase(&x->trace, PHASE_SEND);
        c->home->clock_ns = x->trace.phase_ns;
    }
    res->close = res->close || must_close(c); /* draining may have begun */
    tell_browsers(c);
    x->sent = res->head ? 0 : response_body(res).len;
    x->out = response_finish(res, clock_date(&c->home->clock),
                             request_minor(x->req));
    conn_enter(c, CONN_WRITING);
    conn_write(c);
}

static void identify(struct conn *c, struct response *res)
{
    struct slice given = c->x->told.request_id;

    if (given.ptr && requestid_valid(given)) {
        memcpy(res->id, given.ptr, given.len);
        res->id_len = given.len;
        return;
    }
    res->id_len = requestid_next(&c->home->ids, res->id);
}

static void warm(struct conn *c)
{
    response_swap(&c->x->res, &c->home->warm);
    c->x->warm = true;
}

/* Without content by now; what one large answer made it grow by is given back
 * to the system. */
void conn_unwarm(struct conn *c)
{
    struct response *res = &c->x->res;

    if (!c->x->warm)
        return;
    if (res->body.cap > CONN_WARM_BYTES) {
        buf_shrink(&res->body, CONN_WARM_BYTES);
        response_drop_body(res);
    }
    response_swap(res, &c->home->warm);
    c->x->warm = false;
}

static void begin_call(struct conn *c)
{
    struct exchange *x = c->x;

    conn_enter(c, CONN_WAITING);
    c->ahead = false;
    c->asked = true;
    warm(c);
    conn_hear_proxy(c);
    x->observed = false;
    x->trace = (struct trace){.came_ns = x->came_ns};
    x->call = (struct call){
        .req = x->req,
        .res = &x->res,
        .trace = &x->trace,
        .client = x->told.client[0] ? x->told.client : c->peer,
        .peer = c->peer,
        .secure = x->told.scheme ? x->told.scheme == SCHEME_HTTPS : c->secure,
        .trusted = c->trusted,
        .admin = c->admin,
        .now_ms = loop_now(c->home->config.loop),
        .done = on_done,
    };
    identify(c, &x->res);
    x->res.close = must_close(c);
    observe_begin(c->home->config.observer, &x->call, c->home->clock_ns);
}

/* Of one address, each fault once in a while: it may have a million of them. */
static void say_invalid(const struct conn *c, const char *reason)
{
    const struct shared *shared = c->home->config.shared;
    const char *client = c->x->call.client;

    if (shared == NULL || episodes_tell(shared->buckets, reason, client))
        log_warning("Invalid request from ip=%s: %s", client, reason);
    else
        log_debug("Invalid request from ip=%s: %s", client, reason);
}

static void refuse(struct conn *c, int status, const char *reason)
{
    observe_route(c->home->config.observer, &c->x->call, c->home->refused,
                  "refused");
    say_invalid(c, reason);
    c->x->res.close = true;
    c->x->res.head = request_verb(c->x->req) == VERB_HEAD;
    problem(&c->x->res, status, reason);
    on_done(&c->x->call);
}

void conn_refuse_late(struct conn *c)
{
    c->x->came_ns = loop_now_ns(c->home->config.loop);
    begin_call(c);
    refuse(c, 408, "The request did not arrive in time");
}

static void serve(struct conn *c)
{
    const struct request *req = c->x->req;

    begin_call(c);
    if (request_status(req))
        refuse(c, request_status(req), request_reason(req));
    else
        c->home->config.answer(c->home->config.self, &c->x->call);
}

void conns_serve(struct conns *c)
{
    clock_set(&c->clock);
    c->clock_ns = loop_now_ns(c->config.loop);
    size_t most = c->lists[CONN_READY].count;
    while (most-- > 0 && c->lists[CONN_READY].first) /* others may serve too */
        serve(c->lists[CONN_READY].first);
}
