#include <unistd.h>

#include "common/segment/flights.h"
#include "worker/http/problem.h"

#include "worker/endpoint/endpoint_private.h"

/* RFC 9111, 5.1. An answer whose tables have just been compared is as good as
 * new: it has no age. */
static void say_age(struct visit *v, enum cache_outcome outcome)
{
    int64_t age_ms = (int64_t)v->p->policy.fresh_ms - v->found.left_ms;

    if (outcome == CACHE_STALE || v->p->policy.ages)
        buf_format(&v->call->res->headers, "Age: %lld\r\n",
                   (long long)(age_ms > 0 ? age_ms / 1000 : 0));
}

static bool give_kept(struct visit *v, enum cache_outcome outcome)
{
    struct call *call = v->call;

    if (!kept_give(v->es->kept, &v->key, &v->found, call))
        return false;
    call->trace->cache = outcome;
    say_age(v, outcome);
    kept_say(call, v->found.left_ms);
    return true;
}

void endpoint_forgive(struct visit *v)
{
    struct response *res = v->call->res;

    if (res->status < 500 || !v->keep)
        return;
    kept_find(v->es->kept, &v->key, v->call->now_ms, &v->found);
    if (v->found.state < KEPT_EXPIRED || !v->found.error_allowed)
        return;
    buf_clear(&res->headers);
    response_drop_body(res);
    if (!give_kept(v, CACHE_STALE))
        problem(res, 503, NULL);
}

/* Stopped because this thread has no time for it. */
static bool was_cut_short(const struct visit *v)
{
    return v->run.result == DB_DEADLINE && v->brief_ms != UINT64_MAX;
}

bool endpoint_compute(struct visit *v)
{
    v->brief_ms = endpoint_brief_ms(v);
    endpoint_deadline(v);
    bool good = run_read(&v->run);
    if (!good && was_cut_short(v)) {
        endpoint_was_not_brief(v);
        return false;
    }
    if (good) {
        endpoint_finish(v);
        if (endpoint_of(v)->method != METHOD_GET)
            endpoint_shrink(v);
    }
    endpoint_note_pace(v);
    if (v->call->res->status >= 400)
        kept_say(v->call, 0);
    endpoint_forgive(v);
    return true;
}

static void ring(const struct endpoints *es)
{
    const uint64_t one = 1;
    ssize_t ignored = write(es->config.bell_fd, &one, sizeof one);

    (void)ignored; /* full, it is readable already */
}

static void land(struct visit *v)
{
    struct flights *flights = v->es->config.shared->flights;

    if (flights_land(flights, v->key.hash, v->es->config.slot))
        ring(v->es);
}

/* Other threads of this worker wait for it meanwhile. */
static bool compute_for_ours(struct visit *v)
{
    struct waiting *waiting = &v->es->lobby->waiting;

    waiting_begin(waiting, v->key.hash);
    bool done = endpoint_compute(v);
    waiting_end(waiting, v->key.hash);
    return done;
}

/* Other workers wait too. */
static bool compute_for_all(struct visit *v)
{
    bool done = compute_for_ours(v);

    land(v);
    return done;
}

/* Once for another worker and once for a thread of this one: whoever was
 * waited for may end without an answer, and the next must not be waited for
 * without end. */
static bool *waited_for(struct visit *v)
{
    return waiting_is_ours(&v->es->lobby->waiting, v->key.hash)
               ? &v->call->waited_here
               : &v->call->waited_there;
}

static void park(struct visit *v)
{
    const struct waiter w = {
        .call = v->call,
        .endpoint = v->p->index,
        .key = v->key.hash,
        .until_ms = endpoint_end_ms(v),
    };

    *waited_for(v) = true;
    v->call->until_ms = w.until_ms;
    v->call->given = false; /* who resumes it may be another thread */
    observe_pause(v->es->config.observer, v->call);
    waiting_add(&v->es->lobby->waiting, &w);
}

static enum cache_outcome why_not(const struct visit *v)
{
    static const enum cache_outcome outcomes[] = {
        [KEPT_NONE] = CACHE_MISS,
        [KEPT_OUTDATED] = CACHE_OUTDATED,
        [KEPT_EXPIRED] = CACHE_EXPIRED,
        [KEPT_FRESH] = CACHE_MISS, /* overwritten while it was copied */
    };
    return outcomes[v->found.state];
}

static enum flight claim(const struct visit *v)
{
    const struct endpoints_config *c = &v->es->config;

    if (waiting_is_ours(&v->es->lobby->waiting, v->key.hash))
        return FLIGHT_THEIRS; /* another thread's */
    return flights_claim(c->shared->flights, v->key.hash, c->slot);
}

/* Somebody computes it. True when there is an answer already; false when the
 * call waits, or has waited enough. */
static bool answer_meanwhile(struct visit *v, bool *waits)
{
    if (v->found.state == KEPT_EXPIRED && v->found.while_allowed &&
        give_kept(v, CACHE_STALE))
        return true;
    *waits = !v->call->inside && !*waited_for(v);
    if (*waits)
        park(v);
    return false;
}

/* False when the call waits. */
static bool answer_missing(struct visit *v)
{
    bool waits = false;

    v->call->trace->cache = why_not(v);
    enum flight flight = claim(v);
    if (flight == FLIGHT_THEIRS && answer_meanwhile(v, &waits))
        return true;
    if (waits)
        return false;
    if (endpoint_elsewhere(v)) {
        if (flight == FLIGHT_OURS)
            land(v);
        return false;
    }
    return flight == FLIGHT_OURS ? compute_for_all(v) : compute_for_ours(v);
}

bool endpoint_cached(struct visit *v)
{
    v->keep = true;
    v->key = kept_key(v->es->kept, v->question);
    trace_mark(v->call->trace, PHASE_CACHE);
    kept_find(v->es->kept, &v->key, v->call->now_ms, &v->found);
    if (v->found.state == KEPT_FRESH &&
        give_kept(v, v->call->waited ? CACHE_COLLAPSED : CACHE_HIT))
        return true;
    if (endpoint_sheds(v)) {
        endpoint_forgive(v);
        return true;
    }
    return answer_missing(v);
}
