#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/segment/cache.h"
#include "worker/http/preflight.h"
#include "worker/http/problem.h"
#include "worker/warm.h"

#include "worker/threads/relay.h"

#include "worker/site_private.h"

enum { LOOK_MS = 50 }; /* for one look at the files */

/* ---- which answer --------------------------------------------------------*/

static enum method method_of(enum request_verb verb)
{
    static const enum method methods[] = {
        [VERB_GET] = METHOD_GET,     [VERB_HEAD] = METHOD_GET,
        [VERB_POST] = METHOD_POST,   [VERB_PUT] = METHOD_PUT,
        [VERB_PATCH] = METHOD_PATCH, [VERB_DELETE] = METHOD_DELETE,
        [VERB_OPTIONS] = METHOD_GET, [VERB_OTHER] = METHOD_GET,
    };
    return methods[verb];
}

static void add_allow(struct response *res, unsigned allowed)
{
    char allow[64];

    router_allow(allowed, allow);
    response_header(res, "Allow", slice_of(allow));
}

static void observe(const struct site *s, struct call *call,
                    enum own_route route)
{
    const struct own *own = &own_routes[route];

    observe_route(s->config.observer, call, s->numbers[route],
                  own->path ? own->path : own->name);
}

/* No route took it: a file, or the reason why not. */
static void answer_rest(struct site *s, struct call *call, unsigned allowed)
{
    enum request_verb verb = request_verb(call->req);
    bool reads = verb == VERB_GET || verb == VERB_HEAD;

    if (allowed == 0 && s->files) {
        if (reads &&
            files_answer(s->files, call->req, call->res, call->now_ms)) {
            observe(s, call, OWN_STATIC);
            return;
        }
        if (!reads && files_has(s->files, call->req, call->now_ms))
            allowed = 1U << METHOD_GET;
    }
    observe(s, call, OWN_UNMATCHED);
    if (allowed == 0) {
        call->cors = cors_of_rest(s->cors);
        problem(call->res, 404, "There is nothing at this path");
        return;
    }
    add_allow(call->res, allowed);
    call->cors = preflight_rule(s->cors, s->router, call);
    if (verb == VERB_OPTIONS)
        call->res->status = 204;
    else
        problem(call->res, 405, "This path does not take this method");
}

static void answer_options(struct site *s, struct call *call, unsigned allowed)
{
    if (preflight_answer(s->cors, s->router, call)) {
        observe(s, call, OWN_UNMATCHED);
        return;
    }
    if (slice_is(request_target(call->req), "*"))
        allowed = (1U << METHOD_COUNT) - 1;
    answer_rest(s, call, allowed);
}

/* Routes below OWN_PATHS are the server's own, the others the app's. */
static void answer_route(struct site *s, struct call *call, int id)
{
    if (id >= OWN_PATHS) {
        call->cors = cors_of(s->cors, (size_t)(id - OWN_PATHS));
        endpoints_answer(s->desk->endpoints, (size_t)(id - OWN_PATHS), call);
        return;
    }
    observe(s, call, (enum own_route)id);
    call->res->route = own_routes[id].path;
    if (own_answer(&s->own, (enum own_route)id, call))
        call->done(call);
}

static void refuse_method(struct site *s, struct call *call)
{
    observe(s, call, OWN_UNMATCHED);
    problem(call->res, 501, "This method is not implemented");
}

void site_answer(struct site *s, struct call *call)
{
    enum request_verb verb = request_verb(call->req);
    size_t count;
    const struct slice *segments = request_segments(call->req, &count);
    unsigned allowed;
    int id = router_find(s->router, method_of(verb), segments, count, &allowed);

    call->res->head = verb == VERB_HEAD;
    if (verb == VERB_OTHER)
        refuse_method(s, call);
    else if (verb == VERB_OPTIONS)
        answer_options(s, call, allowed);
    else if (id != ROUTE_NONE) {
        answer_route(s, call, id);
        return;
    } else
        answer_rest(s, call, allowed);
    call->done(call);
}

void site_begin(struct site *s, size_t requests)
{
    if (requests > 1)
        db_share_reads(s->desk->db);
}

void site_end(struct site *s, uint64_t now_ms)
{
    db_unshare(s->desk->db);
    endpoints_write(s->desk->endpoints, now_ms);
}

void site_yield(struct site *s)
{
    endpoints_yield(s->desk->endpoints);
}

size_t site_waiting(const struct site *s)
{
    return endpoints_waiting(s->desk->endpoints) + own_waiting(&s->own);
}

void site_resume(struct site *s, uint64_t now_ms)
{
    endpoints_resume(s->desk->endpoints, now_ms);
    own_resume(&s->own, now_ms);
}

int site_patience(const struct site *s, uint64_t now_ms, int most)
{
    return endpoints_patience(s->desk->endpoints, now_ms, most);
}

void site_take(struct site *s, unsigned thread)
{
    struct desk *d = &s->desks[thread];

    d->taken = d->endpoints != NULL;
    if (d->taken)
        endpoints_join(d->endpoints);
    s->desk = d;
    s->own.db = s->desk->db;
    s->own.monitor.db = s->desk->db;
    s->own.endpoints = s->desk->endpoints;
    observe_thread(s->config.observer, thread);
}

/* A connection that nobody asks would hold a file that was moved away, and its
 * WAL, for good; and who opens that file again has to wait for it. The next
 * look begins where time was over: each may wait for a lock, see db_claim.c. */
void site_look(struct site *s, uint64_t now_ms)
{
    uint64_t began_ms = loop_clock_ms();

    for (unsigned n = 0; n < THREADS_MAX; n++) {
        unsigned i = s->next_look++ % THREADS_MAX;
        const struct desk *d = &s->desks[i];
        if (!atomic_load(&d->prepared) || relay_is_away(s->config.relay, i))
            continue;
        db_ready(d->db, now_ms);
        if (loop_clock_ms() - began_ms >= LOOK_MS)
            return;
    }
}

void site_resume_given(struct site *s, struct call *call, uint64_t now_ms)
{
    call->now_ms = now_ms;
    observe_resume(s->config.observer, call, PHASE_QUEUE);
    if (s->desk->endpoints == NULL) {
        problem(call->res, 503, "The database is not usable at present");
        call->done(call);
        return;
    }
    site_answer(s, call);
    db_unshare(s->desk->db);
}

bool site_end_request(struct site *s, uint64_t came_ns)
{
    uint64_t at_ns, since_ns;

    for (size_t i = 0; i < THREADS_MAX; i++) {
        const struct desk *d = &s->desks[i];
        if (!d->taken || !endpoints_at_work(d->endpoints, &at_ns, &since_ns) ||
            came_ns != at_ns)
            continue;
        db_cancel(d->db);
        return true;
    }
    return false;
}

void site_end_all(struct site *s)
{
    uint64_t at_ns, since_ns;

    for (size_t i = 0; i < THREADS_MAX; i++)
        if (s->desks[i].taken &&
            endpoints_at_work(s->desks[i].endpoints, &at_ns, &since_ns))
            db_stop(s->desks[i].db);
}

uint64_t site_overdue_ns(const struct site *s, uint64_t now_ns)
{
    uint64_t most = 0;

    for (size_t i = 0; i < THREADS_MAX; i++) {
        const struct desk *d = &s->desks[i];
        uint64_t ns = d->taken ? endpoints_overdue_ns(d->endpoints, now_ns) : 0;
        if (ns > most)
            most = ns;
    }
    return most;
}

bool site_cancel(struct site *s, struct call *call)
{
    if (endpoints_cancel(s->desk->endpoints, call) || own_cancel(&s->own, call))
        return true;
    /* Another thread reads for it: that has no purpose any more. */
    if (request_verb(call->req) == VERB_GET)
        site_end_request(s, call->trace->came_ns);
    return false;
}

void site_warm(struct site *s, uint64_t now_ms)
{
    struct warmed w;

    if (s->config.shared == NULL || s->config.shared->cache == NULL)
        return;
    site_begin(s, 1);
    warm(s->desk->endpoints, s->config.app, now_ms, &w);
    site_end(s, now_ms);
    if (w.computed > 0)
        log_info("Warmed the cache: %zu answers in %.1f ms", w.computed,
                 (double)w.took_us / 1000);
}
