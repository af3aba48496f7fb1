#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/loop.h"
#include "common/segment/names.h"
#include "worker/db/impure.h"
#include "worker/endpoint/cachecontrol.h"
#include "worker/endpoint/gate.h"
#include "worker/http/problem.h"

#include "worker/endpoint/endpoint_private.h"

/* ---- one call ------------------------------------------------------------*/

static bool gate_is_open(struct visit *v)
{
    struct identity *who = &v->question->who;

    *who = (struct identity){.known = false};
    if (v->call->inside || !gate_asks(v->p->plan))
        return true;
    endpoint_deadline(v); /* the token may have to be looked up */
    return gate_pass(&v->es->gate, v->p->plan, v->call, who);
}

static bool quarantined(const struct visit *v)
{
    const struct shared *shared = v->es->config.shared;

    if (shared == NULL || !recorder_quarantined(shared->recorder, v->p->route))
        return false;
    problem(v->call->res, 503,
            "This endpoint is closed until the app is loaded again");
    return true;
}

/* Once, however often it has to wait. */
static bool is_within_rate(struct visit *v)
{
    if (v->call->counted)
        return true;
    v->call->counted = true;
    return ratelimit_admits(&v->p->limit, endpoint_of(v), v->call,
                            &v->question->who);
}

bool endpoint_admits(struct visit *v)
{
    return gate_is_open(v) && is_within_rate(v) &&
           question_read(v->question, v->es->reader, v->p->plan, v->call->req,
                         v->call->res);
}

/* Who asks cannot be found out while the database is not usable. */
static bool is_for_all(const struct visit *v)
{
    return gate_is_public(endpoint_of(v)) && !v->p->plan->needs_user;
}

/* The database is not usable: only what we have, and only if it may be shown
 * then. */
static void answer_dark(struct visit *v)
{
    struct endpoints *es = v->es;

    v->keep = v->p->policy.on && v->p->policy.error_ms > 0 && is_for_all(v);
    if (v->keep && !question_read(v->question, es->reader, v->p->plan,
                                  v->call->req, v->call->res))
        return;
    if (v->keep)
        v->key = kept_key(es->kept, v->question);
    run_failed(v->call, DB_GONE, NULL);
    endpoint_forgive(v);
}

/* False when the call waits. */
static bool answer(struct visit *v)
{
    struct endpoints *es = v->es;

    if (quarantined(v))
        return true;
    if (!db_ready(es->config.db, v->call->now_ms)) {
        answer_dark(v);
        return true;
    }
    trace_mark(v->call->trace, PHASE_READ);
    if (v->p->plan->writes)
        return endpoint_write(v);
    if (!endpoint_admits(v))
        return true;
    if (v->p->policy.on && es->kept)
        return endpoint_cached(v);
    if (endpoint_sheds(v))
        return true;
    if (endpoint_elsewhere(v))
        return false;
    return endpoint_compute(v);
}

struct visit endpoint_visit(struct endpoints *es, struct prepared *p,
                            struct call *call, struct question *question)
{
    return (struct visit){
        .es = es,
        .p = p,
        .call = call,
        .question = question,
        .run = {.db = es->config.db,
                .app = es->config.app,
                .lane = &es->lane,
                .question = question,
                .listing = &es->listing,
                .call = call},
        .brief_ms = UINT64_MAX,
    };
}

void endpoint_renew(struct endpoints *es)
{
    if (es->passed)
        db_unshare(es->config.db);
    es->passed = false;
}

void endpoints_answer(struct endpoints *es, size_t index, struct call *call)
{
    struct prepared *p = &es->all[index];
    const struct endpoint *e = p->plan->e;
    struct visit v = endpoint_visit(es, p, call, &es->question);

    endpoint_renew(es);
    call->res->route = e->path;
    if (!call->waited && !call->given)
        observe_route(es->config.observer, call, p->route, e->path);
    if (!answer(&v))
        return;
    call->res->sql_us = call->trace->sql_ns / 1000;
    call->done(call);
}

bool endpoints_operator(struct endpoints *es, struct call *call)
{
    endpoint_renew(es);
    db_deadline(es->config.db,
                loop_clock_ms() + (uint64_t)es->config.app->timeout_ms);
    return gate_operator(&es->gate, call);
}

size_t endpoints_waiting(const struct endpoints *es)
{
    const struct lobby *l = es->lobby;

    return waiting_count(&l->waiting) + waiting_count(&l->held) +
           l->writes.queued.count + l->writes.answered.count;
}

/* Whoever computed it took all the time that there is for it. */
static void give_up(struct call *call)
{
    run_failed(call, DB_DEADLINE, NULL);
    call->done(call);
}

void endpoints_resume(struct endpoints *es, uint64_t now_ms)
{
    const struct endpoints_config *c = &es->config;
    size_t most = waiting_count(&es->lobby->waiting);
    struct waiter w;

    while (most-- > 0 && waiting_take(&es->lobby->waiting, c->shared->flights,
                                      c->slot, now_ms, &w)) {
        w.call->waited = true;
        w.call->now_ms = now_ms;
        observe_resume(c->observer, w.call, PHASE_CACHE);
        if (now_ms < w.until_ms)
            endpoints_answer(es, w.endpoint, w.call);
        else
            give_up(w.call);
    }
    endpoint_resume_held(es, now_ms);
}

/* ---- opening -------------------------------------------------------------*/

/* The GET whose answer a client may have in mind who says If-Match. */
static const struct plan *find_twin(const struct endpoints *es, size_t index)
{
    const struct app *app = es->config.app;
    const struct endpoint *e = &app->endpoints[index];

    for (size_t i = 0; i < app->endpoint_count; i++)
        if (app->endpoints[i].method == METHOD_GET &&
            strcmp(app->endpoints[i].path, e->path) == 0)
            return es->all[i].plan;
    return NULL;
}

static unsigned number_of(const struct endpoints *es, const struct endpoint *e)
{
    if (es->config.shared == NULL)
        return NAMES_REST;
    return names_route(es->config.shared->names, method_name(e->method),
                       e->path);
}

/* Once for each endpoint, whichever of its statements it is. */
static void say_impure(const struct plan *plan)
{
    for (size_t i = 0; i < plan->step_count; i++)
        if (impure_log(plan->e, plan->steps[i].stmt))
            return;
}

static struct buckets *buckets_of(const struct endpoints *es)
{
    return es->config.shared ? es->config.shared->buckets : NULL;
}

static void settle(struct endpoints *es, size_t index)
{
    struct prepared *p = &es->all[index];

    p->index = index;
    p->limit = ratelimit_of(p->plan->e, buckets_of(es));
    p->route = number_of(es, p->plan->e);
    /* RFC 9111, 5.2.2.6, is about proxies; what they may not, we do not. */
    if (!cachecontrol_has(p->plan->e->http, "no-transform"))
        p->encoder = es->config.encoder;
    if (p->plan->writes)
        p->twin = find_twin(es, index);
    if (es->kept && es->config.first)
        say_impure(p->plan);
    if (es->kept)
        kept_policy(&p->policy, p->plan, es->config.shared->names);
}

static bool make_plans(struct endpoints *es, struct fault *fault)
{
    const struct app *app = es->config.app;

    es->all = calloc(app->endpoint_count + 1, sizeof *es->all);
    assert(es->all != NULL);
    for (size_t i = 0; i < app->endpoint_count; i++) {
        es->all[i].plan =
            plan_new(es->config.db, es->reader, &app->endpoints[i], fault);
        if (es->all[i].plan == NULL)
            return false;
    }
    for (size_t i = 0; i < app->endpoint_count; i++)
        settle(es, i);
    return true;
}

static void set_limits(struct endpoints *es)
{
    const struct endpoints_limits *limits = &es->config.limits;

    es->gate.limit = authlimit_of(buckets_of(es), limits->auth_failures);
}

static void open_cache(struct endpoints *es)
{
    const struct endpoints_config *c = &es->config;
    const struct kept_config kept = {
        .shared = c->shared,
        .db = c->db,
        .encoder = c->encoder,
        .entry_max = c->entry_max,
    };

    if (c->shared && c->shared->cache)
        es->kept = kept_new(&kept);
}

/* An app that only reads needs no tables for it. */
static bool prepare_writes(struct endpoints *es, struct fault *fault)
{
    const struct endpoints_config *c = &es->config;
    bool writes = false;

    es->turns = (struct turns){.shared = c->shared,
                               .bells = c->bells,
                               .slot = c->slot,
                               .db = c->db,
                               .full = c->durable,
                               .copy_frames = c->checkpoint_frames};
    for (size_t i = 0; i < c->app->endpoint_count; i++) {
        assert(es->all[i].plan != NULL);
        writes |= es->all[i].plan->writes;
    }
    if (writes)
        es->idempotency = idempotency_open(c->db, fault);
    return !writes || es->idempotency;
}

struct endpoints *endpoints_open(const struct endpoints_config *config,
                                 struct fault *fault)
{
    struct endpoints *es = calloc(1, sizeof *es);

    assert(es != NULL);
    es->config = *config;
    es->lane.relay = config->relay;
    es->lobby =
        config->lobby ? config->lobby : lobby_new(config->app->endpoint_count);
    set_limits(es);
    open_cache(es);
    es->reader = json_new(fault);
    if (es->reader)
        es->gate.tokens = tokens_open(config->db, fault);
    if (es->gate.tokens && make_plans(es, fault) && prepare_writes(es, fault)) {
        if (config->relay == NULL) /* one thread alone */
            endpoints_join(es);
        return es;
    }
    endpoints_close(es);
    return NULL;
}

/* Our place in the turnstile is given up. A thread that never held the baton
 * has none: it may just be another one's turn, who is at work. */
static void leave_queue(const struct endpoints *es)
{
    if (es->joined && es->lobby->writes.queued.count > 0)
        turns_pass(&es->turns);
}

void endpoints_close(struct endpoints *es)
{
    if (es == NULL)
        return;
    for (size_t i = 0; es->all && i < es->config.app->endpoint_count; i++)
        plan_free(es->all[i].plan);
    free(es->all);
    leave_queue(es);
    if (es->lobby != es->config.lobby)
        lobby_free(es->lobby);
    idempotency_close(es->idempotency);
    tokens_close(es->gate.tokens);
    json_free(es->reader);
    kept_free(es->kept);
    question_free(&es->question);
    listing_free(&es->listing);
    buf_free(&es->gzip);
    free(es);
}
