#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/remote.h"
#include "common/segment/metrics.h"
#include "common/segment/shared.h"
#include "common/settings/settings.h"
#include "common/vitals/statsd.h"

#include "master/keeper/keeper_statsd.h"

enum {
    EVERY_MS = 1000,
    LATE_MS = 10000, /* after such a pause it does not make up for it */
};

/* All that is counted, at one moment. */
struct look {
    struct totals totals;
    uint64_t codes[STATUS_CODES];
    uint64_t logged[LOG_LEVELS];
};

struct keeper_statsd {
    const struct heritage *heritage;
    struct statsd statsd;
    struct remote to;
    int fd;
    bool fails; /* and that was told */
    uint64_t next_ms;
    struct look sent; /* what has been sent so far */
};

/* ---- looking -------------------------------------------------------------*/

static void look_at(const struct shared *shared, struct look *look)
{
    metrics_sum(shared->metrics, METRICS_ALL, METRICS_ALL, &look->totals);
    metrics_sum_codes(shared->metrics, look->codes);
    for (size_t i = 0; i < LOG_LEVELS; i++)
        look->logged[i] = atomic_load(&shared->logged[i]);
}

/* What came between two looks, in place of the later one. */
static void subtract(struct look *later, const struct look *earlier)
{
    totals_subtract(&later->totals, &earlier->totals);
    for (size_t i = 0; i < STATUS_CODES; i++)
        later->codes[i] -= earlier->codes[i];
    for (size_t i = 0; i < LOG_LEVELS; i++)
        later->logged[i] -= earlier->logged[i];
}

/* ---- telling -------------------------------------------------------------*/

static void tell_codes(struct statsd *s, const uint64_t codes[STATUS_CODES])
{
    char name[sizeof "prong.request.status.404"];

    for (unsigned i = 0; i < STATUS_CODES; i++) {
        if (codes[i] == 0)
            continue;
        snprintf(name, sizeof name, "prong.request.status.%u",
                 STATUS_FIRST + i);
        statsd_count(s, name, codes[i]);
    }
}

static void tell_requests(struct statsd *s, const struct totals *t)
{
    uint64_t hits = totals_hits(t);

    statsd_count(s, "prong.requests", totals_requests(t));
    statsd_times(s, "prong.request.duration", &t->request);
    statsd_count(s, "prong.cache.hits", hits);
    statsd_count(s, "prong.cache.misses", totals_cacheable(t) - hits);
}

static void tell_log(struct statsd *s, const uint64_t logged[LOG_LEVELS])
{
    statsd_count(s, "prong.log.warning", logged[LOG_WARNING]);
    statsd_count(s, "prong.log.error", logged[LOG_ERROR]);
    statsd_count(s, "prong.log.critical", logged[LOG_CRITICAL]);
}

/* Each worker looks at the same sockets' backlog: their largest says most. */
static void tell_workers(struct statsd *s, const struct shared *shared)
{
    uint64_t workers = 0;
    uint64_t connections = 0;
    uint64_t backlog = 0;

    for (size_t i = 0; i < SLOTS_MAX; i++) {
        const struct slot *slot = &shared->slots[i];
        if (atomic_load(&slot->pid) == 0 || atomic_load(&slot->ready) == 0)
            continue;
        uint64_t waiting = atomic_load(&slot->backlog);
        workers++;
        connections += atomic_load(&slot->connections);
        backlog = waiting > backlog ? waiting : backlog;
    }
    statsd_gauge(s, "prong.workers", workers);
    statsd_gauge(s, "prong.connections", connections);
    statsd_gauge(s, "prong.backlog", backlog);
}

static void send_now(struct keeper_statsd *k)
{
    const struct shared *shared = k->heritage->shared;
    struct look now;

    look_at(shared, &now);
    struct look since = now;
    subtract(&since, &k->sent);
    k->sent = now;
    tell_requests(&k->statsd, &since.totals);
    tell_codes(&k->statsd, since.codes);
    tell_log(&k->statsd, since.logged);
    tell_workers(&k->statsd, shared);
    statsd_flush(&k->statsd);
}

/* ---- sending -------------------------------------------------------------*/

static bool hand_over(const struct keeper_statsd *k, struct slice datagram)
{
    bool path = k->to.sa.ss_family == AF_UNIX;

    return sendto(k->fd, datagram.ptr, datagram.len, MSG_DONTWAIT,
                  path ? (const struct sockaddr *)&k->to.sa : NULL,
                  path ? k->to.len : 0) >= 0;
}

/* A refusal by UDP is about the datagram before: this one goes again. */
static void send_datagram(void *self, struct slice datagram)
{
    struct keeper_statsd *k = self;
    const char *name = k->heritage->settings->statsd_host;
    bool ok = hand_over(k, datagram);
    int reason = errno;

    if (!ok && reason == ECONNREFUSED && k->to.way == REMOTE_UDP)
        hand_over(k, datagram);
    if (!ok && !k->fails)
        log_warning("statsd: %s: %s; figures are lost until it is back", name,
                    strerror(reason));
    if (ok && k->fails)
        log_info("statsd: %s: back", name);
    k->fails = !ok;
}

/* ---- its life ------------------------------------------------------------*/

uint64_t keeper_statsd_next(const struct keeper_statsd *k)
{
    return k ? k->next_ms : UINT64_MAX;
}

void keeper_statsd_look(struct keeper_statsd *k, uint64_t now_ms)
{
    if (k == NULL || now_ms < k->next_ms)
        return;
    send_now(k);
    k->next_ms += EVERY_MS;
    if (k->next_ms + LATE_MS <= now_ms)
        k->next_ms = now_ms + EVERY_MS;
}

static bool find_it(struct keeper_statsd *k)
{
    const char *text = k->heritage->settings->statsd_host;
    struct fault fault;

    if (!remote_find(text, STATSD_PORT, &k->to, &fault)) {
        log_warning("statsd: %s; no figures go there until a reload",
                    fault.text);
        return false;
    }
    k->fd = remote_open(&k->to);
    if (k->fd < 0)
        log_warning("statsd: %s: %s", text, strerror(errno));
    return k->fd >= 0;
}

struct keeper_statsd *keeper_statsd_new(const struct heritage *h)
{
    const struct settings *s = h->settings;

    if (s->statsd_host == NULL)
        return NULL;
    struct keeper_statsd *k = calloc(1, sizeof *k);
    if (k == NULL)
        return NULL;
    k->heritage = h;
    k->fd = -1;
    statsd_init(&k->statsd, s->statsd_prefix, s->dogstatsd_tags);
    k->statsd.send = send_datagram;
    k->statsd.self = k;
    k->next_ms = loop_clock_ms() + EVERY_MS;
    if (!find_it(k)) {
        free(k);
        return NULL;
    }
    /* The first keeper of all sends what was counted before it, too. */
    if (atomic_load(&h->slot->births) > 1)
        look_at(h->shared, &k->sent);
    return k;
}

void keeper_statsd_free(struct keeper_statsd *k)
{
    if (k == NULL)
        return;
    send_now(k);
    statsd_free(&k->statsd);
    close(k->fd);
    free(k);
}
