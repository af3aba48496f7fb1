#include "common/jsonout.h"
#include "common/segment/syncs.h"
#include "worker/http/answer.h"
#include "worker/http/problem.h"
#include "worker/warm.h"

#include "worker/own.h"

static void answer_text(struct response *res, const char *json)
{
    res->status = 200;
    res->type = "application/json";
    buf_string(&res->body, json);
    response_header(res, "Cache-Control", SLICE("no-store"));
}

/* The process answers: that is all it says. No SQL, so that it costs nothing
 * and does not fail with the database. */
static void answer_alive(struct own_answers *o, struct call *call)
{
    (void)o;
    answer_text(call->res, "{\"status\":\"ok\"}");
}

static void answer_ready(struct own_answers *o, struct call *call)
{
    db_suspect(o->db);
    if (o->monitor.shared && syncs_broken(o->monitor.shared->syncs))
        problem(call->res, 503,
                "The disk has failed to keep a write; nothing is written until "
                "the server is started anew");
    else if (db_ready(o->db, call->now_ms))
        answer_text(call->res, "{\"status\":\"ready\"}");
    else
        problem(call->res, 503, "The database is not usable at present");
}

static void answer_warmup(struct own_answers *o, struct call *call)
{
    struct jsonout j = {.out = &call->res->body};
    struct warmed w;

    warm(o->endpoints, o->monitor.app, call->now_ms, &w);
    call->res->type = "application/json";
    response_header(call->res, "Cache-Control", SLICE("no-store"));
    jsonout_open(&j, NULL, '{');
    jsonout_int(&j, "endpoints", (int64_t)w.endpoints);
    jsonout_int(&j, "items_warmed", (int64_t)w.items);
    jsonout_int(&j, "computed", (int64_t)w.computed);
    jsonout_int(&j, "failed", (int64_t)w.failed);
    jsonout_real(&j, "duration_ms", (double)w.took_us / 1000, 3);
    jsonout_close(&j, '}');
}

/* ---- which ---------------------------------------------------------------*/

static void (*const alive[OWN_PATHS])(struct own_answers *o,
                                      struct call *call) = {
    [OWN_HEALTH] = answer_alive,
    [OWN_LIVE] = answer_alive,
    [OWN_READY] = answer_ready,
    [OWN_CACHE_WARMUP] = answer_warmup,
};

/* Out of the segment. */
static void (*const shown[OWN_PATHS])(const struct monitor *m,
                                      struct call *call) = {
    [OWN_PROMETHEUS] = monitor_prometheus,
    [OWN_METRICS] = monitor_metrics,
    [OWN_SYSTEM] = monitor_system,
    [OWN_REQUESTS] = monitor_requests,
    [OWN_REQUEST] = monitor_request,
    [OWN_CACHE_STATS] = monitor_cache,
    [OWN_CACHE_CLEAR] = monitor_clear,
    [OWN_WRITERS] = monitor_writers,
    [OWN_JOBS] = monitor_jobs,
};

/* By the keeper, later; true when that is refused. */
static bool (*const asked[OWN_PATHS])(struct chores *c, struct call *call) = {
    [OWN_JOB_RUN] = chores_run_job,
    [OWN_BACKUP] = chores_back_up,
};

static void answer_page(struct own_answers *o, enum own_route which,
                        struct call *call)
{
    if (alive[which])
        alive[which](o, call);
    else
        shown[which](&o->monitor, call);
    if (answer_compress(call->res, call->req, o->encoder, &o->room))
        response_header(call->res, "Vary", SLICE("Accept-Encoding"));
}

static bool answer_operator(struct own_answers *o, enum own_route which,
                            struct call *call)
{
    if (!endpoints_operator(o->endpoints, call))
        return true;
    if (asked[which])
        return asked[which](&o->chores, call);
    answer_page(o, which, call);
    return true;
}

bool own_answer(struct own_answers *o, enum own_route which, struct call *call)
{
    if (own_routes[which].operators_only)
        return answer_operator(o, which, call);
    alive[which](o, call);
    return true;
}

/* ---- waiting -------------------------------------------------------------*/

size_t own_waiting(const struct own_answers *o)
{
    return chores_waiting(&o->chores);
}

void own_resume(struct own_answers *o, uint64_t now_ms)
{
    chores_resume(&o->chores, now_ms);
}

bool own_cancel(struct own_answers *o, struct call *call)
{
    return chores_cancel(&o->chores, call);
}

void own_free(struct own_answers *o)
{
    chores_free(&o->chores);
    buf_free(&o->room);
}
