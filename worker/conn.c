#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crowd.h"
#include "common/log.h"
#include "worker/conn_private.h"
#include "worker/cors.h"
#include "worker/problem.h"
#include "worker/security.h"
#include "common/routes.h"

enum {
    LINGER_MS = 2000,      /* as nginx and Gunicorn */
    TAKEN_A_SECOND = 1024, /* bytes of an answer, at least */
    TRIM_MS = 1000,        /* between two looks at what the pool needs */
    FULL_REST_MS = 20,     /* that a full worker leaves connections to others */
    WARM_BYTES = 256 * 1024,
    DRAIN_MS = 1000, /* that a silent connection has at least, at the end */
};

size_t conns_open(const struct conns *c)
{
    size_t count = 0;

    for (size_t s = 0; s < CONN_CLOSED; s++)
        count += c->lists[s].count;
    return count;
}

size_t conns_pending(const struct conns *c)
{
    return c->lists[CONN_READY].count;
}

uint64_t conns_answered(const struct conns *c)
{
    return c->answered;
}

uint64_t conns_accepted(const struct conns *c)
{
    return c->accepted;
}

unsigned conns_backlog(const struct conns *c)
{
    return c->acceptor ? acceptor_backlog(c->acceptor) : 0;
}

/* ---- answering -----------------------------------------------------------*/

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
    if (x->trace.queries > 0) /* a hit is spared the reading of the clock */
        trace_phase(&x->trace, PHASE_SEND);
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

void conn_warm(struct conn *c)
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
    if (res->body.cap > WARM_BYTES) {
        buf_shrink(&res->body, WARM_BYTES);
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
    conn_warm(c);
    conn_hear_proxy(c);
    x->observed = false;
    x->trace = (struct trace){.came_ns = x->came_ns};
    x->call = (struct call){
        .req = x->req,
        .res = &x->res,
        .trace = &x->trace,
        .client = x->told.client[0] ? x->told.client : c->peer,
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

static void refuse(struct conn *c, int status, const char *reason)
{
    observe_route(c->home->config.observer, &c->x->call, c->home->refused,
                  "refused");
    log_warning("Invalid request from ip=%s: %s", c->x->call.client, reason);
    c->x->res.close = true;
    c->x->res.head = request_verb(c->x->req) == VERB_HEAD;
    problem(&c->x->res, status, reason);
    on_done(&c->x->call);
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

/* ---- coming and going ----------------------------------------------------*/

static bool on_shortage(void *self)
{
    return conns_make_room(self);
}

/*
 * A worker that is full lets its siblings take what comes. Only when it is
 * asked again all the same, because they are full too, somebody idle or slow
 * goes.
 */
static void make_way(struct conns *home)
{
    size_t most = (size_t)home->config.settings->worker_connections;

    if (conns_open(home) > most)
        conns_make_room(home);
    if (conns_open(home) >= most && home->acceptor)
        acceptor_rest(home->acceptor, FULL_REST_MS);
}

/* The last of the listeners are the operators'. */
static bool is_admin(const struct conns *home, size_t listener)
{
    const struct conns_config *config = &home->config;

    return listener >= config->listener_count - config->admin_count;
}

static void on_accept(void *self, int fd, size_t listener, const char *peer)
{
    struct conns *home = self;
    struct conn *c = calloc(1, sizeof *c);

    assert(c != NULL);
    c->watch = (struct watch){conn_on_event, c, fd};
    c->home = home;
    c->interest = LOOP_READ;
    c->admin = is_admin(home, listener);
    home->accepted++;
    snprintf(c->peer, sizeof c->peer, "%s", peer);
    conn_know_peer(c);
    c->state = CONN_HEAD;
    conn_list_append(&home->lists[CONN_HEAD], c);
    conn_enter(c, CONN_HEAD);
    if (!loop_add(home->config.loop, &c->watch, LOOP_READ)) {
        conn_shut(c);
        return;
    }
    if (conn_come_in(c))
        make_way(home);
}

static void refuse_late(struct conn *c)
{
    c->x->came_ns = loop_now_ns(c->home->config.loop);
    begin_call(c);
    refuse(c, 408, "The request did not arrive in time");
}

/* Time is up. What may just have arrived is still looked at. */
static void expire(struct conn *c)
{
    bool reading = c->state == CONN_HEAD || c->state == CONN_BODY;
    bool silent = c->state == CONN_IDLE || (c->state == CONN_HEAD && !c->x);

    if (c->state == CONN_WRITING)
        log_debug("Closing connection. %s does not read its answer", c->peer);
    if (silent && conn_receive(c))
        return;
    if (reading && c->x && c->x->in.len > 0)
        refuse_late(c);
    else
        conn_shut(c);
}

/* When the first of a list is due; while draining, those that have not begun
 * a request may wait no longer than drain_ms. */
static uint64_t due(const struct conns *home, const struct conn *c)
{
    bool silent = c->state == CONN_IDLE || (c->state == CONN_HEAD && !c->x);

    if (home->draining && silent && home->drain_ms < c->deadline_ms)
        return home->drain_ms;
    return c->deadline_ms;
}

static void bury(struct conns *home)
{
    struct conn_list *l = &home->lists[CONN_CLOSED];

    while (l->first) {
        struct conn *c = l->first;
        conn_list_remove(l, c);
        free(c);
    }
}

/* Ends those in a state whose time is up; returns when the next is due, or
 * `next` when that is sooner. A list is in the order of its deadlines, but for
 * those that drain_ms cuts short: then all of it is looked at. */
static uint64_t sweep_list(struct conns *home, struct conn *c, uint64_t next)
{
    uint64_t now = loop_now(home->config.loop);

    while (c) {
        struct conn *following = c->next;
        uint64_t when = due(home, c);
        if (when <= now)
            expire(c);
        else if (when < next)
            next = when;
        if (when > now && !home->draining)
            break;
        c = following;
    }
    return next;
}

int conns_sweep(struct conns *home, int most)
{
    uint64_t now = loop_now(home->config.loop);
    uint64_t next = now + (uint64_t)most;

    clock_set(&home->clock);
    home->woke_ns = loop_now_ns(home->config.loop);
    for (size_t s = 0; s < CONN_CLOSED; s++)
        next = sweep_list(home, home->lists[s].first, next);
    conns_tell_idle(home);
    if (now >= home->trim_ms) {
        exchange_trim(home->pool);
        home->trim_ms = now + TRIM_MS;
    }
    if (home->acceptor)
        next = acceptor_tick(home->acceptor, next);
    bury(home);
    return next > now ? (int)(next - now) : 0;
}

void conns_drain(struct conns *home, uint64_t grace_ms)
{
    uint64_t patience = home->limit_ms[CONN_IDLE];

    if (home->draining)
        return;
    home->draining = true;
    if (patience < DRAIN_MS) /* without keep-alive: what is under way */
        patience = DRAIN_MS;
    if (patience > grace_ms)
        patience = grace_ms;
    home->drain_ms = loop_now(home->config.loop) + patience;
    acceptor_empty(home->acceptor,
                   (size_t)home->config.settings->worker_connections);
    acceptor_free(home->acceptor);
    home->acceptor = NULL;
}

static void set_limits(struct conns *home)
{
    const struct settings *s = home->config.settings;

    home->limits = (struct request_limits){
        .line = (size_t)s->limit_request_line,
        .fields = (size_t)s->limit_request_fields,
        .field_size = (size_t)s->limit_request_field_size,
        .body = (size_t)s->limit_request_body,
    };
    home->limit_ms[CONN_IDLE] = (uint64_t)s->keepalive * 1000;
    home->limit_ms[CONN_HEAD] = (uint64_t)s->header_timeout * 1000;
    home->limit_ms[CONN_BODY] = (uint64_t)s->body_timeout * 1000;
    home->limit_ms[CONN_WRITING] = (uint64_t)s->send_timeout * 1000;
    home->limit_ms[CONN_LINGERING] = LINGER_MS;
    home->least_taken = (size_t)s->send_timeout * TAKEN_A_SECOND;
}

static void join_crowd(struct conns *home)
{
    if (home->config.shared == NULL)
        return;
    home->crowd = home->config.shared->crowd;
    crowd_join(home->crowd, home->config.number);
}

struct conns *conns_new(const struct conns_config *config)
{
    struct conns *home = calloc(1, sizeof *home);
    const struct acceptor_config acceptor = {
        .loop = config->loop,
        .listeners = config->listeners,
        .listener_count = config->listener_count,
        .slots = config->shared ? config->shared->slots : NULL,
        .number = config->number,
        .bells = config->bells,
        .on_accept = on_accept,
        .on_shortage = on_shortage,
        .self = home,
    };

    assert(home != NULL);
    home->config = *config;
    set_limits(home);
    conns_know_proxies(home);
    join_crowd(home);
    security_every(config->settings, false, &home->fields);
    security_every(config->settings, true, &home->secure_fields);
    home->refused =
        observer_number(config->observer, own_routes[OWN_REFUSED].name);
    requestids_init(&home->ids);
    home->pool = exchange_pool_new(&home->limits);
    response_init(&home->warm);
    home->acceptor = acceptor_new(&acceptor);
    if (home->acceptor)
        return home;
    conns_free(home);
    return NULL;
}

void conns_free(struct conns *home)
{
    if (home == NULL)
        return;
    acceptor_free(home->acceptor);
    home->acceptor = NULL;
    for (size_t s = 0; s < CONN_CLOSED; s++)
        while (home->lists[s].first)
            conn_shut(home->lists[s].first);
    bury(home);
    exchange_pool_free(home->pool);
    response_free(&home->warm);
    buf_free(&home->fields);
    buf_free(&home->secure_fields);
    networks_free(home->trusted);
    networks_free(home->senders);
    free(home);
}
