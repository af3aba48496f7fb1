#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#include "master/era.h"

struct era *era_new(const struct generation *g, struct listeners *l,
                    struct era *older)
{
    struct era *e = calloc(1, sizeof *e);

    if (e == NULL) {
        log_critical("Out of memory for a generation");
        abort();
    }
    e->is = *g;
    e->listeners = l;
    e->number = older ? older->number + 1 : 1;
    e->wanted = g->settings->workers;
    e->older = older;
    return e;
}

void era_free(struct era *e, const struct supervisor_config *config)
{
    listeners_close(e->listeners);
    config->release(config->self, &e->is);
    free(e);
}

static bool differ(const char *a, const char *b)
{
    return (a == NULL) != (b == NULL) || (a && strcmp(a, b) != 0);
}

void era_warn_fixed(const struct era *present, const struct settings *next)
{
    const struct settings *now = present->is.settings;
    const struct {
        const char *name;
        bool changed;
    } fixed[] = {
        {"daemon", now->daemon != next->daemon},
        {"pidfile", differ(now->pidfile, next->pidfile)},
        {"user", differ(now->user, next->user)},
        {"group", differ(now->group, next->group)},
        {"chdir", differ(now->chdir, next->chdir)},
        {"umask", now->umask != next->umask},
        {"cache-size", now->cache_size != next->cache_size},
    };

    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (fixed[i].changed)
            log_warning("A reload cannot change %s: it stays as it was until "
                        "a restart",
                        fixed[i].name);
}
