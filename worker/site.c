#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/cache.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/syncs.h"
#include "worker/db.h"
#include "worker/encoding.h"
#include "worker/endpoint.h"
#include "worker/migrate.h"
#include "worker/own.h"
#include "worker/problem.h"
#include "worker/router.h"
#include "worker/site.h"
#include "worker/static.h"
#include "worker/turns.h"
#include "worker/warm.h"

enum { TURN_MS = 30000 }; /* that a migration waits for its turn */

struct site {
    struct site_config config;
    struct db *db;
    struct encoder *encoder;
    struct endpoints *endpoints;
    struct files *files; /* null: the app has no web/ */
    struct router *router;
    struct own_answers own;
    unsigned numbers[OWN_ROUTES]; /* of their names */
};

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

/* Routes below OWN_PATHS are the server's own, the others the app's. */
static void answer_route(struct site *s, struct call *call, int id)
{
    if (id >= OWN_PATHS) {
        endpoints_answer(s->endpoints, (size_t)(id - OWN_PATHS), call);
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
        db_share_reads(s->db);
}

void site_end(struct site *s, uint64_t now_ms)
{
    db_unshare(s->db);
    endpoints_write(s->endpoints, now_ms);
}

void site_yield(struct site *s)
{
    endpoints_yield(s->endpoints);
}

size_t site_waiting(const struct site *s)
{
    return endpoints_waiting(s->endpoints) + own_waiting(&s->own);
}

void site_resume(struct site *s, uint64_t now_ms)
{
    endpoints_resume(s->endpoints, now_ms);
    own_resume(&s->own, now_ms);
}

int site_patience(const struct site *s, uint64_t now_ms, int most)
{
    return endpoints_patience(s->endpoints, now_ms, most);
}

bool site_cancel(struct site *s, struct call *call)
{
    return endpoints_cancel(s->endpoints, call) || own_cancel(&s->own, call);
}

void site_warm(struct site *s, uint64_t now_ms)
{
    struct warmed w;

    if (s->config.shared == NULL || s->config.shared->cache == NULL)
        return;
    site_begin(s, 1);
    warm(s->endpoints, s->config.app, now_ms, &w);
    site_end(s, now_ms);
    if (w.computed > 0)
        log_info("Warmed the cache: %zu answers in %.1f ms", w.computed,
                 (double)w.took_us / 1000);
}

/* ---- opening -------------------------------------------------------------*/

/* An app may answer a built-in path itself: its route is there first. */
static bool make_routes(struct site *s, struct fault *fault)
{
    const struct app *app = s->config.app;

    s->router = router_new();
    for (size_t i = 0; i < app->endpoint_count; i++) {
        const struct endpoint *e = &app->endpoints[i];
        if (!router_add(s->router, e->method, e->path, OWN_PATHS + (int)i))
            return fault_set(fault, "%s:%d: %s %s is declared twice", e->file,
                             e->line, method_name(e->method), e->path);
    }
    for (int i = 0; i < OWN_PATHS; i++)
        router_add(s->router, own_routes[i].method, own_routes[i].path, i);
    return true;
}

/* A migration whose app does not load would break the generation that still
 * serves: so its statements are prepared before it is committed. */
static bool endpoints_load(void *self, struct db *db, struct fault *fault)
{
    const struct site *s = self;
    const struct endpoints_config alone = {.app = s->config.app, .db = db};
    struct endpoints *es = endpoints_open(&alone, fault);
    bool ok = es != NULL;

    endpoints_close(es);
    return ok;
}

/* The turn is taken only when something is to be done: a worker that starts
 * shall not wait behind writers for nothing. */
static bool migrate_in_turn(struct site *s, struct db *db, struct fault *fault)
{
    const struct site_config *config = &s->config;
    const struct migrate_proof proof = {endpoints_load, s};
    const struct turns turns = {.shared = config->shared,
                                .bells = config->bells,
                                .slot = config->slot,
                                .db = db};
    bool needed;

    if (!migrate_needed(db, config->app, &needed, fault))
        return false;
    const struct turn_work work = {.id = SLICE("migration")};
    /* In vain after that time, SQLite's own lock decides. */
    if (needed && turns_wait(&turns, TURN_MS, config->beat, config->self))
        turns_work(&turns, &work);
    bool ok =
        migrate_proved(db, config->app, config->demo, &proof, fault) &&
        (!needed || db_sync(db) ||
         fault_set(fault, "database %s: %s", db_path(db), db_message(db)));
    turns_pass(&turns);
    return ok;
}

/* On a connection of its own: the one that fills a new database keeps
 * megabytes of its pages, which an idle worker need not hold. */
static bool bring_up_to_date(struct site *s, const char *path,
                             struct fault *fault)
{
    enum db_mode mode = s->config.create ? DB_CREATE : DB_SERVE;
    struct db *db = db_open(path, mode, fault);

    if (db == NULL)
        return false;
    db_on_progress(db, s->config.beat, s->config.self);
    bool ok = migrate_in_turn(s, db, fault);
    db_fold(db);
    db_close(db);
    malloc_trim(0);
    return ok;
}

static bool open_database(struct site *s, const struct site_config *config,
                          struct fault *fault)
{
    const char *path =
        config->database ? config->database : config->app->database;

    if (!bring_up_to_date(s, path, fault))
        return false;
    s->db = db_open(path, DB_SERVE, fault);
    if (s->db == NULL)
        return false;
    db_on_progress(s->db, config->beat, config->self);
    if (config->shared)
        db_watch(s->db, config->shared->names, config->shared->tables,
                 config->slot);
    return true;
}

static void open_encoder(struct site *s)
{
    const struct settings *settings = s->config.settings;
    const struct encoding_config config = {
        .on = strcmp(settings->gzip, "on") == 0,
        .min_length = (size_t)settings->gzip_min_length,
        .level = (int)settings->gzip_comp_level,
    };

    s->encoder = encoder_new(&config);
}

/* The cache was divided when the server started; a reload may want more. */
static void check_entry_max(const struct site *s)
{
    const struct shared *shared = s->config.shared;
    size_t wanted = (size_t)s->config.settings->cache_entry_max;

    if (s->config.first && shared && shared->cache &&
        wanted > cache_largest(shared->cache))
        log_warning("cache-entry-max is %zu bytes, but with this cache-size "
                    "answers of more than %zu are not kept",
                    wanted, cache_largest(shared->cache));
}

static bool open_endpoints(struct site *s, struct fault *fault)
{
    const struct endpoints_config config = {
        .app = s->config.app,
        .db = s->db,
        .encoder = s->encoder,
        .shared = s->config.shared,
        .slot = s->config.slot,
        .bell_fd = s->config.bell_fd,
        .bells = s->config.bells,
        .checkpoint_frames = (int)s->config.settings->wal_autocheckpoint,
        .durable = strcmp(s->config.settings->durability, "full") == 0,
        .entry_max = (size_t)s->config.settings->cache_entry_max,
        .observer = s->config.observer,
        .first = s->config.first,
    };

    check_entry_max(s);
    s->endpoints = endpoints_open(&config, fault);
    return s->endpoints != NULL;
}

static void open_own(struct site *s)
{
    s->own = (struct own_answers){
        .db = s->db,
        .endpoints = s->endpoints,
        .encoder = s->encoder,
        .monitor = {.app = s->config.app,
                    .settings = s->config.settings,
                    .shared = s->config.shared,
                    .db = s->db},
        .chores = {.app = s->config.app,
                   .settings = s->config.settings,
                   .shared = s->config.shared,
                   .bells = s->config.bells,
                   .slot = s->config.slot,
                   .observer = s->config.observer},
    };
    for (int i = 0; i < OWN_ROUTES; i++)
        s->numbers[i] = observer_number(s->config.observer, own_routes[i].name);
}

static bool open_files(struct site *s, struct fault *fault)
{
    const char *web = s->config.app->web;

    if (web == NULL)
        return true;
    s->files = files_open(web, s->encoder);
    return s->files ||
           fault_set(fault, "%s: cannot be opened: %s", web, strerror(errno));
}

struct site *site_open(const struct site_config *config, struct fault *fault)
{
    struct site *s = calloc(1, sizeof *s);

    assert(s != NULL);
    s->config = *config;
    open_encoder(s);
    if (open_database(s, config, fault) && open_endpoints(s, fault) &&
        make_routes(s, fault) && open_files(s, fault)) {
        open_own(s);
        return s;
    }
    site_close(s);
    return NULL;
}

/* Should the file have been replaced since the last look, what SQLite keeps
 * beside it belongs to the former one and must not meet the next worker. */
static void look_once_more(struct site *s)
{
    struct db *db = s->db;

    if (db == NULL)
        return;
    db_suspect(db);
    db_ready(db, loop_clock_ms());
    /* For who is the last, when the keeper has died; but what could not be
     * synced is not trusted with the database. */
    if (s->config.shared == NULL || !syncs_broken(s->config.shared->syncs))
        db_fold(db);
}

void site_close(struct site *s)
{
    if (s == NULL)
        return;
    look_once_more(s);
    files_close(s->files);
    router_free(s->router);
    endpoints_close(s->endpoints);
    db_close(s->db);
    encoder_free(s->encoder);
    own_free(&s->own);
    free(s);
}
