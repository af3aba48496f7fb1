#include <assert.h>
#include <stdio.h>

#include "common/log.h"
#include "common/title.h"
#include "master/daemon.h"

#include "master/reload.h"

void reload_init(struct reload *r, const struct supervisor_config *config,
                 struct crew *crew)
{
    *r = (struct reload){.config = config, .crew = crew};
    r->eras = era_new(&config->first, config->listeners, NULL);
    r->present = r->eras;
    reload_adopt(r);
    if (r->present->is.settings->reload)
        log_warning("Reloader is on. Use in development only!");
}

void reload_adopt(const struct reload *r)
{
    const struct settings *s = r->present->is.settings;
    struct fault fault;

    title_set("master", s);
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

static void say_failed(const char *reason)
{
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
    r->candidate = r->eras;
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
        say_failed(fault.text);
        return;
    }
    era_warn_fixed(r->present, next.settings);
    if (make_candidate(r, &next, &fault))
        return;
    say_failed(fault.text);
    config->release(config->self, &next);
}

/* ---- how it ends ------------------------------------------------------- */

static void promote(struct reload *r)
{
    struct era *old = r->present;

    r->present = r->candidate;
    r->candidate = NULL;
    crew_dismiss(r->crew, old);
    crew_retire_keeper(r->crew);
    crew_absolve(r->crew, r->present);
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

/* The old generation serves, so there is no hurry and no second chance: any
 * death of the proof ends the attempt. */
void reload_judge(struct reload *r)
{
    const struct era *e = r->candidate;
    char reason[96];
    char words[64];

    if (e && e->proven) {
        promote(r);
    } else if (e && e->failed) {
        snprintf(reason, sizeof reason, "worker (pid:%d) %s",
                 (int)e->failure.pid, spawn_words(&e->failure, words));
        say_failed(reason);
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
