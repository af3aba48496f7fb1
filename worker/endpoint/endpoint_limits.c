#include "common/log.h"
#include "common/segment/turnstile.h"
#include "worker/http/problem.h"

#include "worker/endpoint/endpoint_private.h"

/*
 * What is refused because there is too much of it. Answers out of the cache,
 * 304s, files and the server's own pages cost next to nothing and are always
 * given.
 */

enum { TELL_EVERY_MS = 10000 };

/* ---- too many requests ---------------------------------------------------*/

static void refuse(struct visit *v, enum counter which, const char *detail)
{
    struct call *call = v->call;

    trace_count(call->trace, which);
    call->trace->error = COUNT_ERROR_BUSY;
    response_header(call->res, "Retry-After", SLICE("1"));
    problem(call->res, 503, detail);
}

/* Now and then, with how many it were since. */
static void say_shed(struct lobby *l, uint64_t now_ms)
{
    l->shed_count++;
    if (l->shed_told_ms && now_ms - l->shed_told_ms < TELL_EVERY_MS)
        return;
    log_warning("Overloaded: requests wait longer than %llu ms, so those that "
                "need SQL are refused (%zu)",
                (unsigned long long)l->shed.target_ns / 1000000, l->shed_count);
    l->shed_told_ms = now_ms;
    l->shed_count = 0;
}

bool endpoint_sheds(struct visit *v)
{
    struct lobby *l = v->es->lobby;
    const struct call *call = v->call;
    uint64_t came_ns = call->trace->came_ns;

    /* What waited for another worker's answer, or for a thread, has not waited
     * for this one's loop, and has a time of its own. */
    if (l->shed.target_ns == 0 || call->inside || call->until_ms ||
        came_ns == 0)
        return false;
    uint64_t now_ns = loop_clock_ns();
    uint64_t waited_ns = now_ns > came_ns ? now_ns - came_ns : 0;
    if (!shed_refuses(&l->shed, waited_ns, now_ns))
        return false;
    say_shed(l, call->now_ms);
    refuse(v, COUNT_REFUSED_LOAD,
           "The server has more to do than it can; try again");
    return true;
}

/* ---- too many writes -----------------------------------------------------*/

/* Of all workers: a few cache lines, so it is looked at for each write. */
static uint64_t queued_writes(const struct endpoints *es)
{
    const struct endpoints_config *c = &es->config;
    uint64_t elsewhere =
        c->shared ? turnstile_queued(c->shared->turnstile, c->slot) : 0;

    return elsewhere + es->lobby->writes.queued.count;
}

bool endpoint_writes_full(struct visit *v)
{
    const struct endpoints *es = v->es;
    int64_t most = es->config.limits.queued_writes;

    if (most <= 0 || v->call->inside || queued_writes(es) < (uint64_t)most)
        return false;
    refuse(v, COUNT_REFUSED_WRITES, "Too many writes wait already; try again");
    return true;
}
