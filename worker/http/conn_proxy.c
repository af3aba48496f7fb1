#include <assert.h>
#include <string.h>

#include "worker/http/conn_private.h"

/* The lists were read when the server started, or the generation began. */
static struct networks *networks_of(const struct texts *list, const char *key)
{
    struct fault fault;
    struct networks *n = networks_new(list, key, &fault);

    assert(n != NULL);
    return n;
}

void conns_know_proxies(struct conns *home)
{
    const struct settings *s = home->config.settings;

    home->trusted = networks_of(&s->forwarded_allow_ips, "forwarded_allow_ips");
    home->senders = networks_of(&s->proxy_allow_ips, "proxy_allow_ips");
    home->proxy_versions = proxyline_versions(s->proxy_protocol);
}

/* ---- a connection --------------------------------------------------------*/

/* A unix socket has no address, and only who may open it calls. */
static bool is_held(const struct networks *list, const char *peer)
{
    struct ip ip;

    return peer[0] == '\0' ||
           (ip_parse(slice_of(peer), &ip) && networks_hold(list, &ip));
}

void conn_know_peer(struct conn *c)
{
    const struct conns *home = c->home;

    c->trusted = is_held(home->trusted, c->peer);
    c->greeting = GREETING_DONE;
    if (home->proxy_versions && !c->admin)
        c->greeting =
            is_held(home->senders, c->peer) ? GREETING_DUE : GREETING_FORBIDDEN;
}

/* Who is named takes the peer's place: also in the question whether what he
 * says of others is believed. */
static void replace_peer(struct conn *c, const struct proxyline *line)
{
    c->secure = line->secure;
    if (!line->known)
        return;
    ip_text(&line->client, c->peer);
    c->trusted = is_held(c->home->trusted, c->peer);
}

static void drop_front(struct buf *in, size_t used)
{
    in->len -= used;
    memmove(in->data, in->data + used, in->len);
}

/* Nothing behind it yet: the connection waits as a new one does. */
static bool goes_on(struct conn *c)
{
    if (c->x->in.len > 0)
        return true;
    conn_drop_exchange(c);
    return false;
}

bool conn_greeted(struct conn *c)
{
    struct buf *in = &c->x->in;
    struct proxyline line;
    bool due = c->greeting == GREETING_DUE;
    enum proxyline_step step =
        proxyline_read(buf_view(in), c->home->proxy_versions, &line);

    if (step == PROXYLINE_MORE)
        return false;
    c->greeting = GREETING_DONE;
    if (due && step == PROXYLINE_DONE) {
        replace_peer(c, &line);
        drop_front(in, line.used);
        if (!conn_is_another(c))
            return false;
        return goes_on(c);
    }
    if (due)
        request_refuse(c->x->req, 400, "A good PROXY header was expected");
    else if (step != PROXYLINE_ABSENT)
        request_refuse(c->x->req, 403, "This address may send no PROXY header");
    return true;
}

/* ---- a request -----------------------------------------------------------*/

void conn_hear_proxy(struct conn *c)
{
    struct exchange *x = c->x;
    struct request *req = x->req;
    const char *reason;

    x->told.client[0] = '\0';
    x->told.scheme = SCHEME_UNSAID;
    x->told.request_id.ptr = NULL;
    if (c->trusted && request_may_be_forwarded(req) &&
        !forwarded_read(c->home->trusted, req, &x->told, &reason))
        request_refuse(req, 400, reason);
}
