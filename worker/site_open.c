#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/segment/cache.h"
#include "common/segment/syncs.h"
#include "worker/endpoint/turns.h"
#include "worker/migrate.h"

#include "worker/site_private.h"

enum { TURN_MS = 30000 }; /* that a migration waits for its turn */

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

static const char *database_of(const struct site_config *config)
{
    return config->database ? config->database : config->app->database;
}

static bool open_database(struct site *s, struct desk *d, struct fault *fault)
{
    const struct site_config *config = &s->config;

    d->db = db_open(database_of(config), DB_SERVE, fault);
    if (d->db == NULL)
        return false;
    db_on_progress(d->db, config->beat, config->self);
    if (config->shared)
        db_watch(d->db, config->shared->names, config->shared->tables,
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

static bool open_endpoints(struct site *s, struct desk *d, struct fault *fault)
{
    const struct endpoints_config config = {
        .app = s->config.app,
        .db = d->db,
        .lobby = s->lobby,
        .relay = s->config.relay,
        .encoder = s->encoder,
        .shared = s->config.shared,
        .slot = s->config.slot,
        .bell_fd = s->config.bell_fd,
        .bells = s->config.bells,
        .checkpoint_frames = (int)s->config.settings->wal_autocheckpoint,
        .durable = strcmp(s->config.settings->durability, "full") == 0,
        .entry_max = (size_t)s->config.settings->cache_entry_max,
        .limits = {.auth_failures = s->config.settings->limit_auth_failures,
                   .queued_writes = s->config.settings->limit_queued_writes,
                   .shed_ms = s->config.settings->shed_ms},
        .observer = s->config.observer,
        .first = s->config.first && d == s->desks,
    };

    d->endpoints = endpoints_open(&config, fault);
    return d->endpoints != NULL;
}

/* Leaves `taken` alone, which others may read. */
static void close_desk(struct desk *d)
{
    endpoints_close(d->endpoints);
    db_close(d->db);
    d->endpoints = NULL;
    d->db = NULL;
}

bool site_prepare(struct site *s, unsigned thread, struct fault *fault)
{
    struct desk *d = &s->desks[thread];

    bool open = open_database(s, d, fault) && open_endpoints(s, d, fault);

    if (!open)
        close_desk(d);
    atomic_store(&d->prepared, open);
    return open;
}

static void open_own(struct site *s)
{
    s->own = (struct own_answers){
        .encoder = s->encoder,
        .monitor = {.app = s->config.app,
                    .settings = s->config.settings,
                    .shared = s->config.shared},
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
    if (s->files == NULL)
        return fault_set(fault, "%s: cannot be opened: %s", web,
                         strerror(errno));
    files_secure(s->files, s->config.settings);
    return true;
}

struct site *site_open(const struct site_config *config, struct fault *fault)
{
    struct site *s = calloc(1, sizeof *s);

    assert(s != NULL);
    s->config = *config;
    if (config->shared)
        db_belong(config->shared->journals);
    s->lobby = lobby_new(config->app->endpoint_count);
    open_encoder(s);
    check_entry_max(s);
    if (bring_up_to_date(s, database_of(config), fault) &&
        site_prepare(s, 0, fault) && make_routes(s, fault) &&
        open_files(s, fault)) {
        open_own(s);
        s->cors = cors_rules_new(config->app, config->settings);
        site_take(s, 0);
        return s;
    }
    site_close(s);
    return NULL;
}

/* Should the file have been replaced since the last look, what SQLite keeps
 * beside it belongs to the former one and must not meet the next worker. */
static void look_once_more(struct site *s)
{
    struct db *db = s->desks[0].db;

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
    cors_rules_free(s->cors);
    for (size_t i = THREADS_MAX; i > 0; i--) /* the first is the last: it may
                                                fold the WAL */
        close_desk(&s->desks[i - 1]);
    lobby_free(s->lobby);
    encoder_free(s->encoder);
    own_free(&s->own);
    free(s);
}
