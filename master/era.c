#include <stdlib.h>
#include <string.h>

#include "common/app/app.h"
#include "common/log.h"
#include "master/scaling.h"

#include "master/era.h"

struct era *era_new(const struct generation *g, struct listeners *l,
                    struct era *older)
{
    struct scaling_limits limits = scaling_limits(g->settings);
    struct era *e = calloc(1, sizeof *e);

    if (e == NULL) {
        log_critical("Out of memory for a generation");
        abort();
    }
    e->is = *g;
    e->listeners = l;
    e->number = older ? older->number + 1 : 1;
    e->wanted = scaling_clip(&limits, g->settings->workers);
    e->older = older;
    return e;
}

void era_free(struct era *e, const struct supervisor_config *config)
{
    listeners_close(e->listeners);
    config->release(config->self, &e->is);
    free(e);
}

/* Growing once more what the load had made grow would cost requests. */
void era_follow(struct era *next, const struct era *present)
{
    const struct settings *s = next->is.settings;
    const struct settings *before = present->is.settings;
    struct scaling_limits limits = scaling_limits(s);

    if (s->workers_max && before->workers_max &&
        s->workers == before->workers && present->wanted > 0)
        next->wanted = scaling_clip(&limits, present->wanted);
}

static void say_fixed(const char *what)
{
    log_warning("A reload cannot change %s: it stays as it was until a restart",
                what);
}

static void keep_settings(const struct settings *present, struct settings *next)
{
    const struct settings_change *changes;
    struct arena *arena = arena_new();
    size_t count = settings_compare(present, next, arena, &changes);

    for (size_t i = 0; i < count; i++)
        if (changes[i].fixed)
            say_fixed(changes[i].key);
    arena_free(arena);
    settings_keep_fixed(next, present);
}

/* The segment is about one database: versions, the cache, turns, syncs. */
static void keep_database(const struct generation *present,
                          struct generation *next)
{
    if (present->app == NULL || next->app == NULL ||
        strcmp(present->app->database, next->app->database) == 0)
        return;
    say_fixed("database");
    next->app->database =
        arena_text(next->app->arena, slice_of(present->app->database));
    next->settings->database = next->app->database;
}

void era_keep_fixed(const struct era *present, struct generation *next)
{
    keep_settings(present->is.settings, next->settings);
    keep_database(&present->is, next);
}
