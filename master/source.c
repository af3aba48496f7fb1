#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/app/app.h"
#include "master/daemon.h"
#include "master/sane.h"

#include "master/source.h"

static int here(void)
{
    return open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static enum settings_outcome load(const struct source *source,
                                  struct settings **out, struct fault *fault)
{
    enum settings_outcome outcome =
        settings_load(source->argc, source->argv, out, fault);

    if (outcome == SETTINGS_OK && source->activation)
        activation_apply(source->activation, *out);
    return outcome;
}

enum settings_outcome source_open(struct source *source, struct settings **out,
                                  struct fault *fault)
{
    source->start = here();
    enum settings_outcome outcome = load(source, out, fault);
    if (outcome != SETTINGS_OK)
        return outcome;
    if (sane_addresses(*out, fault) && sane_lists(*out, fault) &&
        daemon_enter(*out, fault) && daemon_identify(*out, fault)) {
        source->home = here();
        return SETTINGS_OK;
    }
    settings_free(*out);
    *out = NULL;
    return SETTINGS_BAD;
}

struct app *source_load_app(const struct settings *s, struct fault *fault)
{
    struct app *app = app_load(s->app, fault);

    if (app && s->database)
        app->database = s->database; /* they live and die together */
    return app;
}

/* In the folder of the start, so that the same words mean the same files. */
static struct settings *read_again(const struct source *source,
                                   struct fault *fault)
{
    struct settings *s = NULL;
    enum settings_outcome outcome = SETTINGS_BAD;

    fault_set(fault, "chdir: the folder of the start is gone");
    if (fchdir(source->start) == 0)
        outcome = load(source, &s, fault);
    if (outcome == SETTINGS_DONE) /* PRONG_CMD_ARGS=--help */
        fault_set(fault, "--help or --version is among the settings");
    if (fchdir(source->home) == 0)
        return s;
    fault_set(fault, "chdir: %s", strerror(errno));
    settings_free(s);
    return NULL;
}

bool source_reload(void *self, struct generation *out, struct fault *fault)
{
    out->settings = read_again(self, fault);
    out->app = out->settings && sane_lists(out->settings, fault)
                   ? source_load_app(out->settings, fault)
                   : NULL;
    if (out->app)
        return true;
    settings_free(out->settings);
    return false;
}

void source_release(void *self, struct generation *g)
{
    (void)self;
    app_free(g->app);
    settings_free(g->settings);
}

uint64_t source_fingerprint(void *self, const struct generation *g)
{
    (void)self;
    return app_fingerprint(g->settings->app);
}
