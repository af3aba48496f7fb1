#include <assert.h>

#include "common/app/title.h"
#include "common/log.h"
#include "common/segment/cache.h"
#include "common/segment/shared.h"
#include "master/changes.h"
#include "master/daemon.h"
#include "master/upgrade.h"

#include "master/reload.h"

/* Out of one sequence for all masters of the segment: workers compare theirs
 * with others' (worker.c, is_first). */
static unsigned draw_number(const struct supervisor_config *config)
{
    struct slot *master = &config->shared->slots[SLOT_MASTER];

    return atomic_fetch_add(&master->generation, 1) + 1;
}

/* One that failed leaves none, unless another one was drawn meanwhile. */
static void give_back_number(const struct supervisor_config *config,
                             unsigned number)
{
    struct slot *master = &config->shared->slots[SLOT_MASTER];

    atomic_compare_exchange_strong(&master->generation, &number, number - 1);
}

void reload_init(struct reload *r, const struct supervisor_config *config,
                 struct crew *crew)
{
    *r = (struct reload){.config = config, .crew = crew};
    r->eras = era_new(&config->first, config->listeners, NULL);
    r->eras->number = draw_number(config);
    r->present = r->eras;
    reload_adopt(r);
    if (r->present->is.settings->reload)
        log_warning("Reloader is on. Use in development only!");
}

void reload_adopt(const struct reload *r)
{
    const struct settings *s = r->present->is.settings;
    struct fault fault;

    title_set(upgrade_title(r->config->upgrade), s);
    if (!daemon_log(s, &fault))
        log_error("%s; the log stays as it was", fault.text);
}

static void close_listeners(struct era *e)
{
    listeners_close(e->listeners);
    e->listeners = NULL;
}

void reload_close_listeners(struct reload *r)
{
    close_listeners(r->present);
}

/* ---- asking for one ---------------------------------------------------- */

void reload_look(struct reload *r)
{
    const struct supervisor_config *config = r->config;

    if (!r->present->is.settings->reload || config->fingerprint == NULL)
        return;
    uint64_t now = config->fingerprint(config->self, &r->present->is);
    bool changed = r->fingerprint != 0 && now != r->fingerprint;
    r->fingerprint = now;
    if (!changed)
        return;
    log_info("Worker reloading: app modified");
    r->asked = true;
}

static void say_failed(struct reload *r, const char *reason)
{
    r->news.over++;
    r->news.failed = true;
    fault_set(&r->news.words, "%s", reason);
    log_error("Reload failed: %s, still serving the old configuration", reason);
}

/* Sockets that are new are opened beside the present ones, which stay as they
 * are until the proof has come. */
static bool make_candidate(struct reload *r, const struct generation *next,
                           struct fault *fault)
{
    const struct listeners *present = r->present->listeners;
    struct listeners *listeners = NULL;

    if (present) {
        listeners = listeners_next(present, next->settings, fault);
        if (listeners == NULL)
            return false;
    }
    r->eras = era_new(next, listeners, r->eras);
    r->eras->number = draw_number(r->config);
    r->candidate = r->eras;
    era_follow(r->candidate, r->present);
    return true;
}

void reload_begin(struct reload *r)
{
    const struct supervisor_config *config = r->config;
    struct generation next = {0};
    struct fault fault;

    if (!r->asked || r->candidate)
        return;
    r->asked = false;
    if (!config->reload(config->self, &next, &fault)) {
        say_failed(r, fault.text);
        return;
    }
    era_keep_fixed(r->present, &next);
    if (make_candidate(r, &next, &fault))
        return;
    say_failed(r, fault.text);
    config->release(config->self, &next);
}

/* ---- how it ends ------------------------------------------------------- */

static void log_changes(struct reload *r, const struct era *old)
{
    const struct cache *cache = r->config->shared->cache;
    struct cache_stats stats = {0};
    struct buf summary = {0};
    struct changes changes = changes_find(old->is.app, r->present->is.app);

    if (cache)
        cache_stats(cache, &stats);
    changes_add_settings(&changes, old->is.settings, r->present->is.settings);
    changes_log(&changes, stats.entries);
    changes_summary(&changes, &summary);
    fault_set(&r->news.words, "%s", buf_text(&summary));
    buf_free(&summary);
    changes_free(&changes);
}

static void promote(struct reload *r)
{
    struct era *old = r->present;

    r->present = r->candidate;
    r->candidate = NULL;
    r->news.over++;
    r->news.failed = false;
    r->news.generation = r->present->number;
    crew_dismiss(r->crew, old);
    crew_retire_keeper(r->crew);
    crew_absolve(r->crew, r->present);
    log_changes(r, old);
    listeners_log(r->present->listeners, old->listeners);
    close_listeners(old);
    reload_adopt(r);
}

void reload_drop(struct reload *r)
{
    struct era *e = r->candidate;

    if (e == NULL)
        return;
    r->candidate = NULL;
    crew_dismiss(r->crew, e);
    close_listeners(e);
}

/* Its own words, with file and line; or else how it ended. */
static void say_why(const struct spawn_end *end, struct fault *reason)
{
    char words[64];

    if (end->signal == 0 && end->last_words && *end->last_words)
        fault_set(reason, "%.*s", LAST_WORDS - 1, end->last_words);
    else
        fault_set(reason, "worker (pid:%d) %s", (int)end->pid,
                  spawn_words(end, words));
}

/* The old generation serves, so there is no hurry and no second chance: any
 * death of the proof ends the attempt. */
void reload_judge(struct reload *r)
{
    const struct era *e = r->candidate;
    struct fault reason;

    if (e && e->proven) {
        promote(r);
    } else if (e && e->failed) {
        say_why(&e->failure, &reason);
        say_failed(r, reason.text);
        reload_drop(r);
    }
}

void reload_sweep(struct reload *r)
{
    struct era **link = &r->eras;

    while (*link) {
        struct era *e = *link;
        if (e == r->present || e == r->candidate || crew_uses(r->crew, e)) {
            link = &e->older;
            continue;
        }
        *link = e->older;
        if (!e->proven)
            give_back_number(r->config, e->number);
        era_free(e, r->config);
    }
}

void reload_end(struct reload *r)
{
    assert(r->crew == NULL || crew_is_gone(r->crew));
    r->present = NULL;
    r->candidate = NULL;
    while (r->eras) {
        struct era *e = r->eras;
        r->eras = e->older;
        era_free(e, r->config);
    }
}
