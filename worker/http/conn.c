#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/app/routes.h"
#include "common/log.h"
#include "common/segment/crowd.h"
#include "worker/http/conn_private.h"
#include "worker/http/security.h"

enum {
    LINGER_MS = 2000,      /* as nginx and Gunicorn */
    TAKEN_A_SECOND = 1024, /* bytes of an answer, at least */
    TRIM_MS = 1000,        /* between two looks at what the pool needs */
    FULL_REST_MS = 20,     /* that a full worker leaves connections to others */
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

    if (conns_open(home) > most && conns_make_room(home))
        return;
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

/* Time is up. What may just have arrived is still looked at. */
static void expire(struct conn *c)
{
    bool reading = c->state == CONN_HEAD || c->state == CONN_BODY;
    bool silent = c->state == CONN_IDLE || (c->state == CONN_HEAD && !c->x);

    if (c->state == CONN_WRITING) {
        log_debug("Closing connection. %s does not read its answer", c->peer);
        conn_end_slow(c);
        return;
    }
    if (silent && conn_receive(c))
        return;
    if (reading && c->x && c->x->in.len > 0)
        conn_refuse_late(c);
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
    conns_tell_unsent(home);
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
