#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "worker/db.h"
#include "worker/endpoint.h"
#include "worker/migrate.h"
#include "worker/problem.h"
#include "worker/router.h"
#include "worker/site.h"
#include "worker/static.h"

struct site {
    const struct app *app;
    struct db *db;
    struct endpoints *endpoints;
    struct files *files; /* null: the app has no web/ */
    struct router *router;
};

/* ---- the server's own answers --------------------------------------------*/

static void answer_text(struct response *res, int status, const char *json)
{
    res->status = status;
    res->type = "application/json";
    buf_string(&res->body, json);
    response_header(res, "Cache-Control", SLICE("no-store"));
}

/* The process answers: that is all it says. No SQL, so that it costs nothing
 * and does not fail with the database. */
static void answer_alive(struct site *s, struct call *call)
{
    (void)s;
    answer_text(call->res, 200, "{\"status\":\"ok\"}");
}

static void answer_ready(struct site *s, struct call *call)
{
    db_suspect(s->db);
    if (db_ready(s->db, call->now_ms))
        answer_text(call->res, 200, "{\"status\":\"ready\"}");
    else
        problem(call->res, 503, "The database is not usable at present");
}

static const struct {
    const char *path;
    void (*answer)(struct site *s, struct call *call);
} builtins[] = {
    {"/api/health", answer_alive},
    {"/live", answer_alive},
    {"/ready", answer_ready},
};

enum { BUILTINS = sizeof builtins / sizeof *builtins };

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

/* No route took it: a file, or the reason why not. */
static void answer_rest(struct site *s, struct call *call, unsigned allowed)
{
    enum request_verb verb = request_verb(call->req);
    bool reads = verb == VERB_GET || verb == VERB_HEAD;

    if (allowed == 0 && s->files) {
        if (reads && files_answer(s->files, call->req, call->res, call->now_ms))
            return;
        if (!reads && files_has(s->files, call->req, call->now_ms))
            allowed = 1U << METHOD_GET;
    }
    if (allowed == 0) {
        problem(call->res, 404, "There is nothing at this path");
        return;
    }
    add_allow(call->res, allowed);
    if (verb == VERB_OPTIONS)
        call->res->status = 204;
    else
        problem(call->res, 405, "This path does not take this method");
}

static void answer_options(struct site *s, struct call *call, unsigned allowed)
{
    if (slice_is(request_target(call->req), "*"))
        allowed = (1U << METHOD_COUNT) - 1;
    answer_rest(s, call, allowed);
}

static void answer_route(struct site *s, struct call *call, int id)
{
    if (id < BUILTINS) {
        call->res->route = builtins[id].path;
        builtins[id].answer(s, call);
        call->done(call);
    } else if (!db_ready(s->db, call->now_ms)) {
        problem_sql(call->res, DB_GONE, NULL);
        call->done(call);
    } else {
        endpoints_answer(s->endpoints, (size_t)(id - BUILTINS), call);
    }
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
        problem(call->res, 501, "This method is not implemented");
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
        db_share_reads(s->db);
}

void site_end(struct site *s)
{
    db_unshare(s->db);
}

/* ---- opening -------------------------------------------------------------*/

/* An app may answer a built-in path itself: its route is there first. */
static bool make_routes(struct site *s, struct fault *fault)
{
    s->router = router_new();
    for (size_t i = 0; i < s->app->endpoint_count; i++) {
        const struct endpoint *e = &s->app->endpoints[i];
        if (!router_add(s->router, e->method, e->path, BUILTINS + (int)i))
            return fault_set(fault, "%s:%d: %s %s is declared twice", e->file,
                             e->line, method_name(e->method), e->path);
    }
    for (int i = 0; i < BUILTINS; i++)
        router_add(s->router, METHOD_GET, builtins[i].path, i);
    return true;
}

/* A migration whose app does not load would break the generation that still
 * serves: so its statements are prepared before it is committed. */
static bool endpoints_load(void *self, struct db *db, struct fault *fault)
{
    const struct site *s = self;
    struct endpoints *es = endpoints_open(s->app, db, fault);
    bool ok = es != NULL;

    endpoints_close(es);
    return ok;
}

/* On a connection of its own: the one that fills a new database keeps
 * megabytes of its pages, which an idle worker need not hold. */
static bool bring_up_to_date(struct site *s, const char *path,
                             const struct site_config *config,
                             struct fault *fault)
{
    enum db_mode mode = config->create ? DB_CREATE : DB_SERVE;
    struct db *db = db_open(path, mode, fault);

    if (db == NULL)
        return false;
    db_on_progress(db, config->beat, config->self);
    const struct migrate_proof proof = {endpoints_load, s};
    bool ok = migrate_proved(db, config->app, config->demo, &proof, fault);
    db_close(db);
    malloc_trim(0);
    return ok;
}

static bool open_database(struct site *s, const struct site_config *config,
                          struct fault *fault)
{
    const char *path =
        config->database ? config->database : config->app->database;

    if (!bring_up_to_date(s, path, config, fault))
        return false;
    s->db = db_open(path, DB_SERVE, fault);
    if (s->db == NULL)
        return false;
    db_on_progress(s->db, config->beat, config->self);
    return true;
}

static bool open_files(struct site *s, struct fault *fault)
{
    if (s->app->web == NULL)
        return true;
    s->files = files_open(s->app->web);
    return s->files || fault_set(fault, "%s: cannot be opened: %s", s->app->web,
                                 strerror(errno));
}

struct site *site_open(const struct site_config *config, struct fault *fault)
{
    struct site *s = calloc(1, sizeof *s);

    assert(s != NULL);
    s->app = config->app;
    if (open_database(s, config, fault))
        s->endpoints = endpoints_open(s->app, s->db, fault);
    if (s->endpoints && make_routes(s, fault) && open_files(s, fault))
        return s;
    site_close(s);
    return NULL;
}

/* Should the file have been replaced since the last look, what SQLite keeps
 * beside it belongs to the former one and must not meet the next worker. */
static void look_once_more(struct db *db)
{
    if (db == NULL)
        return;
    db_suspect(db);
    db_ready(db, loop_clock_ms());
}

void site_close(struct site *s)
{
    if (s == NULL)
        return;
    look_once_more(s->db);
    files_close(s->files);
    router_free(s->router);
    endpoints_close(s->endpoints);
    db_close(s->db);
    free(s);
}
