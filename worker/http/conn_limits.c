#include <stdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/segment/bells.h"
#include "common/segment/crowd.h"
#include "common/segment/episodes.h"
#include "worker/http/conn_private.h"

enum {
    LINGERING_MAX = 64, /* refused ones that are given time to read why */
    LOOKED_AT = 256,    /* of each state, when room is needed */
    SLOW_MS = 1000,     /* that a client has before it can be called slow */
    SLOW_HEAD_MS = 250, /* likewise, before its head is complete */
};

/* ---- room for others -----------------------------------------------------*/

uint64_t conn_age_ms(const struct conn *c)
{
    uint64_t limit = c->home->limit_ms[c->state];
    uint64_t now = loop_now(c->home->config.loop);

    return limit && c->deadline_ms < now + limit ? now + limit - c->deadline_ms
                                                 : 0;
}

/* Less than a byte a millisecond, for a while. A head is sent in one piece, so
 * one that is not all there so soon is not going to be soon. */
static bool is_slow(const struct conn *c)
{
    uint64_t age = conn_age_ms(c);
    uint64_t least = c->state == CONN_HEAD ? SLOW_HEAD_MS : SLOW_MS;
    uint64_t moved = c->state == CONN_WRITING ? c->taken
                     : c->x                   ? c->x->in.len
                                              : 0;

    return age >= least && moved < age;
}

static bool end_first_slow(struct conns *home, enum conn_state state)
{
    struct conn *c = home->lists[state].first;

    for (int i = 0; c && i < LOOKED_AT; i++, c = c->next)
        if (is_slow(c)) {
            conn_end_slow(c);
            return true;
        }
    return false;
}

/* Those of a flood stand in front of whoever came just now, who is the last
 * and not among them. What may have arrived from one is looked at before it
 * goes. */
static bool end_oldest_head(struct conns *home)
{
    struct conn *c = home->lists[CONN_HEAD].first, *next;

    for (int i = 0; c && (next = c->next) && i < LOOKED_AT; i++) {
        if (!conn_receive(c)) {
            conn_shut(c);
            return true;
        }
        c = next;
    }
    return false;
}

/* One that has just asked for something is not idle. */
static bool end_oldest_idle(struct conns *home)
{
    struct conn *c;

    while ((c = home->lists[CONN_IDLE].first))
        if (!conn_receive(c)) {
            conn_shut(c);
            return true;
        }
    return false;
}

/* Idle ones lose nothing by it. But a flood of those who say nothing, faster
 * than their time to be called slow, would cost all of them their places: so it
 * has half. */
static bool end_oldest(struct conns *home)
{
    if (home->lists[CONN_HEAD].count > home->lists[CONN_IDLE].count)
        return end_oldest_head(home) || end_oldest_idle(home);
    return end_oldest_idle(home);
}

/* Those who send nothing, or bytes now and then, hold their places for as long
 * as the time limits let them; but not while others want in. */
bool conns_make_room(struct conns *home)
{
    return end_first_slow(home, CONN_HEAD) || end_oldest(home) ||
           end_first_slow(home, CONN_BODY) ||
           end_first_slow(home, CONN_WRITING) || end_oldest_head(home);
}

/* ---- all workers together ------------------------------------------------*/

/* When the one idle for longest became so; UINT64_MAX: there is none. */
static uint64_t idle_since_ms(const struct conns *home)
{
    const struct conn *c = home->lists[CONN_IDLE].first;

    return c ? loop_now(home->config.loop) - conn_age_ms(c) : UINT64_MAX;
}

static bool ask_others(struct conns *home, uint64_t before_ms)
{
    unsigned slot;
    uint64_t since_ms;

    if (!crowd_idlest(home->crowd, home->config.number, &slot, &since_ms) ||
        since_ms >= before_ms)
        return false;
    crowd_ask(home->crowd, slot);
    bells_ring(home->config.bells, slot);
    return true;
}

/* The one idle for longest goes, whosever it is. */
static bool make_room_among_all(struct conns *home)
{
    return ask_others(home, idle_since_ms(home)) || conns_make_room(home) ||
           ask_others(home, UINT64_MAX);
}

void conns_tell_idle(struct conns *home)
{
    if (home->crowd == NULL || home->config.settings->limit_connections == 0)
        return;
    while (crowd_is_asked(home->crowd, home->config.number))
        end_oldest_idle(home);
    crowd_tell_idle(home->crowd, home->config.number,
                    (uint32_t)home->lists[CONN_IDLE].count,
                    idle_since_ms(home));
}

/* ---- who may come in -----------------------------------------------------*/

/* A proxy's connections are many people's. While its PROXY header is awaited,
 * who is behind it is not known. */
static uint64_t key_of(const struct conn *c)
{
    if (c->trusted || c->greeting == GREETING_DUE)
        return 0;
    return crowd_key(c->home->crowd, c->peer);
}

static bool has_too_many(const struct conn *c)
{
    int64_t most = c->home->config.settings->limit_connections_per_address;

    return most > 0 && c->key &&
           crowd_of(c->home->crowd, c->key) >= (uint64_t)most;
}

static bool are_too_many(const struct conns *home)
{
    int64_t most = home->config.settings->limit_connections;

    return most > 0 && crowd_all(home->crowd) >= (uint64_t)most;
}

static void note_refusal(const struct conn *c, enum crowd_refusal why)
{
    const struct conns *home = c->home;
    struct buckets *buckets = home->config.shared->buckets;

    crowd_refuse(home->crowd, why);
    if (why == CROWD_ADDRESS) {
        if (episodes_tell(buckets, "connections", c->peer))
            log_warning("Too many connections from ip=%s: more than %lld are "
                        "refused",
                        c->peer,
                        (long long)home->config.settings
                            ->limit_connections_per_address);
    } else if (episodes_tell(buckets, "all connections", "")) {
        log_warning("Too many connections, none of them idle: more than %lld "
                    "are refused",
                    (long long)home->config.settings->limit_connections);
    }
}

/*
 * 503, as nginx's limit_conn; but without having read a request, so the answer
 * has no request's id. Whoever gets it is given time to read it, as long as
 * there are few of them.
 */
static void turn_away(struct conn *c)
{
    static const char body[] =
        "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\","
        "\"status\":503,\"detail\":\"Too many connections\"}";
    char answer[512];
    int len = snprintf(answer, sizeof answer,
                       "HTTP/1.1 503 Service Unavailable\r\nServer: prong\r\n"
                       "Content-Type: application/problem+json\r\n"
                       "Content-Length: %zu\r\nRetry-After: 1\r\n"
                       "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s",
                       sizeof body - 1, body);
    /* A new connection has room for it. */
    ssize_t ignored =
        send(c->watch.fd, answer, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);

    (void)ignored;
    if (c->home->lists[CONN_LINGERING].count < LINGERING_MAX)
        conn_linger(c);
    else
        conn_shut(c);
}

static bool is_one_of_too_many(struct conn *c)
{
    if (!has_too_many(c))
        return false;
    note_refusal(c, CROWD_ADDRESS);
    turn_away(c);
    return true;
}

static void count_in(struct conn *c)
{
    crowd_enter(c->home->crowd, c->home->config.number, c->key);
    c->counted = true;
}

bool conn_come_in(struct conn *c)
{
    struct conns *home = c->home;

    if (home->crowd == NULL || c->admin)
        return true;
    c->key = key_of(c);
    if (is_one_of_too_many(c))
        return false;
    if (are_too_many(home) && !make_room_among_all(home)) {
        note_refusal(c, CROWD_ALL);
        turn_away(c);
        return false;
    }
    count_in(c);
    return true;
}

bool conn_is_another(struct conn *c)
{
    if (!c->counted)
        return true;
    conn_go(c);
    c->key = key_of(c);
    if (is_one_of_too_many(c))
        return false;
    count_in(c);
    return true;
}

void conn_go(struct conn *c)
{
    if (!c->counted)
        return;
    crowd_leave(c->home->crowd, c->home->config.number, c->key);
    c->counted = false;
}

/* ---- how fast answers are taken ------------------------------------------*/

void conn_took(struct conn *c, size_t bytes)
{
    c->taken += bytes;
    if (c->taken >= c->home->least_taken)
        conn_enter(c, CONN_WRITING);
}

/* ---- how long requests have lain -----------------------------------------*/

enum { LONG_TURN_NS = 20 * 1000 * 1000 };

/* By the kernel, to a few ms. */
static uint64_t last_heard_ms(const struct conn *c)
{
    struct tcp_info info = {.tcpi_last_data_recv = 0};
    socklen_t size = sizeof info;

    if (getsockopt(c->watch.fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return 0;
    return info.tcpi_last_data_recv;
}

/* The first request of a connection may have waited behind others for that to
 * be accepted; a later one only behind a long turn, and no longer than since
 * the one before it was answered. */
uint64_t conn_lay_ns(const struct conn *c)
{
    const struct conns *home = c->home;
    uint64_t turn_ns = loop_now_ns(home->config.loop) - home->woke_ns;

    if (c->asked && turn_ns < LONG_TURN_NS)
        return 0;
    uint64_t lay_ms = last_heard_ms(c);
    if (c->asked && lay_ms > conn_age_ms(c))
        lay_ms = conn_age_ms(c);
    return lay_ms * 1000000;
}
