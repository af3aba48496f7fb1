/*
 * main: the story of a run, and the only file that knows both processes.
 * Settings, app, listening sockets, then the supervisor with worker_main as
 * the workers' body.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/app.h"
#include "common/log.h"
#include "common/settings.h"
#include "common/title.h"
#include "master/daemon.h"
#include "master/listener.h"
#include "master/pidfile.h"
#include "master/show.h"
#include "master/supervisor.h"
#include "worker/check.h"
#include "worker/token.h"
#include "worker/worker.h"

/* What it takes to read everything once more, for HUP. */
struct origin {
    int argc;
    char **argv;
    int start; /* folder we were started in; -c and ./prong.conf mean that */
    int home;  /* folder we are in since `chdir`; all other paths mean that */
};

static int complain(const struct fault *fault, int code)
{
    fprintf(stderr, "prong: %s\n", fault->text);
    return code;
}

static struct app *load_app(const struct settings *s, struct fault *fault)
{
    struct app *app = app_load(s->app, fault);

    if (app && s->database)
        app->database = s->database; /* they live and die together */
    return app;
}

static void release(void *self, struct generation *g)
{
    (void)self;
    app_free(g->app);
    settings_free(g->settings);
}

static bool reload(void *self, struct generation *out, struct fault *fault)
{
    const struct origin *origin = self;

    fault_set(fault, "--help or --version is among the settings");
    if (fchdir(origin->start) != 0)
        return fault_set(fault, "chdir: %s", strerror(errno));
    bool read = settings_load(origin->argc, origin->argv, &out->settings,
                              fault) == SETTINGS_OK;
    if (fchdir(origin->home) != 0 && read)
        read = fault_set(fault, "chdir: %s", strerror(errno));
    out->app = read ? load_app(out->settings, fault) : NULL;
    if (out->app)
        return true;
    settings_free(out->settings);
    return false;
}

static uint64_t fingerprint(void *self, const struct generation *g)
{
    (void)self;
    return app_fingerprint(g->settings->app);
}

/* Sockets before the pid file, signals held before both can be acted upon. */
static bool make_ready(const struct settings *s, struct listeners **listeners,
                       struct fault *fault)
{
    if (!pidfile_free(s->pidfile, fault) || !daemon_log(s, fault))
        return false;
    *listeners = listeners_open(s, fault);
    if (*listeners == NULL)
        return false;
    if (s->daemon && !daemon_detach(fault))
        return false;
    supervisor_hold_signals();
    return pidfile_write(s->pidfile, fault);
}

static void say_goodbye(int code)
{
    enum log_level level = code == EXIT_ASKED ? LOG_INFO : LOG_ERROR;

    log_write(level, "Shutting down: Master");
    if (code == EXIT_BOOT)
        log_write(level, "Reason: Worker failed to boot.");
    if (code == EXIT_NO_APP)
        log_write(level, "Reason: App failed to load.");
}

static int serve(struct origin *origin, const struct generation *first)
{
    struct supervisor_config config = {
        .first = *first,
        .body = worker_main,
        .reload = reload,
        .release = release,
        .fingerprint = fingerprint,
        .self = origin,
    };
    char *pidfile = NULL; /* outlives the first generation */
    struct fault fault;

    if (!make_ready(first->settings, &config.listeners, &fault)) {
        log_error("%s", fault.text);
        listeners_close(config.listeners);
        return EXIT_FAILURE;
    }
    if (first->settings->pidfile)
        pidfile = strdup(first->settings->pidfile);
    log_info("Starting prong " PRONG_VERSION);
    log_info("Listening at: %s (%d)", listeners_names(config.listeners),
             (int)getpid());
    log_info("Using worker: epoll");
    int code = supervisor_run(&config);
    pidfile_remove(pidfile);
    free(pidfile);
    say_goodbye(code);
    return code;
}

/* --print-config and --check-config; -1 when neither was asked. */
static int show_or_check(const struct generation *g)
{
    const struct settings *s = g->settings;

    if (s->print_config) {
        settings_print(s, stdout);
        show_app(g->app, stdout);
    }
    if (s->check_config)
        return check_app(g->app, stdout) > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    return s->print_config ? EXIT_SUCCESS : -1;
}

int main(int argc, char **argv)
{
    struct origin origin = {.argc = argc, .argv = title_init(argc, argv)};
    struct generation first = {0};
    struct fault fault;

    if (argc > 1 && strcmp(origin.argv[1], "token") == 0)
        return token_command(argc, origin.argv);

    origin.start = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    switch (settings_load(argc, origin.argv, &first.settings, &fault)) {
    case SETTINGS_DONE: return EXIT_SUCCESS;
    case SETTINGS_BAD: return complain(&fault, EXIT_USAGE);
    case SETTINGS_OK: break;
    }
    if (!daemon_enter(first.settings, &fault) ||
        !daemon_identify(first.settings, &fault))
        return complain(&fault, EXIT_USAGE);
    origin.home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    first.app = load_app(first.settings, &fault);
    if (first.app == NULL) {
        complain(&fault, EXIT_NO_APP);
        fputs("Reason: App failed to load.\n", stderr);
        return first.settings->check_config ? EXIT_FAILURE : EXIT_NO_APP;
    }
    int code = show_or_check(&first);
    if (code < 0)
        return serve(&origin, &first);
    release(NULL, &first);
    return code;
}
