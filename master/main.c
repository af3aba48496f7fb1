/*
 * main: the story of a run, and the only file that knows all processes.
 * Settings, app, listening sockets, the shared segment, then the supervisor
 * with worker_main and keeper_main as its children's bodies.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/app.h"
#include "common/app/title.h"
#include "common/log.h"
#include "common/segment/shared.h"
#include "common/settings/settings.h"
#include "master/check_command.h"
#include "master/control/ctl_command.h"
#include "master/control/top_command.h"
#include "master/daemon.h"
#include "master/keeper/keeper.h"
#include "master/listener.h"
#include "master/pidfile.h"
#include "master/show.h"
#include "master/source.h"
#include "master/supervisor.h"
#include "master/upgrade.h"
#include "worker/commands/backup_command.h"
#include "worker/commands/check.h"
#include "worker/commands/restore_command.h"
#include "worker/endpoint/token.h"
#include "worker/worker.h"

static int complain(const struct fault *fault, int code)
{
    fprintf(stderr, "prong: %s\n", fault->text);
    return code;
}

/* The former master tells its operator. */
static int give_up(struct upgrade *u, const struct fault *fault, int code)
{
    upgrade_say_failed(u, fault->text);
    return complain(fault, code);
}

/* Standard error, where the log goes when nothing else is said, leads nowhere
 * from then on. */
static void say_where_logs_go(const struct settings *s)
{
    if (s->errorlog && strcmp(s->errorlog, "-") != 0)
        return;
    fprintf(stderr,
            "prong: in the background without --error-logfile: logs go to "
            "%s\n",
            s->syslog ? "syslog alone" : "/dev/null");
}

/* A master that follows another one was started in the background. */
static bool go_to_background(const struct upgrade *u, const struct settings *s,
                             struct fault *fault)
{
    if (upgrade_follows(u))
        return daemon_silence(fault);
    say_where_logs_go(s);
    return daemon_detach(fault);
}

/* What fails does so on the terminal, before we leave it; and the signals are
 * held before the pid file invites people to send them. */
static bool make_ready(const struct settings *s,
                       struct supervisor_config *config, struct shared *shared,
                       struct fault *fault)
{
    struct upgrade *u = config->upgrade;

    if (!upgrade_is_second(u) && !pidfile_free(s->pidfile, fault))
        return false;
    if (!daemon_log(s, fault))
        return false;
    config->listeners = upgrade_listeners(u, s, fault);
    if (config->listeners == NULL || !upgrade_shared(u, shared, s, fault))
        return false;
    if (s->daemon && !go_to_background(u, s, fault))
        return false;
    supervisor_hold_signals();
    return upgrade_pidfile(u, s->pidfile, fault);
}

static void say_hello(const struct listeners *listeners)
{
    log_info("Starting prong " PRONG_VERSION);
    listeners_log(listeners, NULL);
    log_info("Using worker: epoll");
}

static void say_goodbye(const struct upgrade *u, int code)
{
    enum log_level level = code == EXIT_ASKED ? LOG_INFO : LOG_ERROR;

    log_write(level, "Shutting down: %s", upgrade_name(u));
    if (code == EXIT_BOOT)
        log_write(level, "Reason: Worker failed to boot.");
    if (code == EXIT_NO_APP)
        log_write(level, "Reason: App failed to load.");
}

static int serve(struct source *source, struct generation *first,
                 struct upgrade *upgrade)
{
    struct shared shared = {0};
    struct supervisor_config config = {
        .shared = &shared,
        .body = worker_main,
        .keeper = keeper_main,
        .reload = source_reload,
        .release = source_release,
        .fingerprint = source_fingerprint,
        .self = source,
        .upgrade = upgrade,
    };
    struct fault fault;

    if (!make_ready(first->settings, &config, &shared, &fault)) {
        log_error("%s", fault.text);
        upgrade_say_failed(upgrade, fault.text);
        shared_close(&shared);
        listeners_close(config.listeners);
        source_release(source, first);
        return EXIT_FAILURE;
    }
    daemon_limit(first->settings);
    say_hello(config.listeners);
    config.first = *first;
    /* The first generation may be gone by the end, and its texts with it. */
    const char *path = first->settings->pidfile;
    char *pidfile = path ? strdup(path) : NULL;
    int code = supervisor_run(&config);
    shared_close(&shared);
    pidfile_remove(pidfile);
    free(pidfile);
    say_goodbye(upgrade, code);
    return code;
}

static int refuse_app(struct upgrade *u, const struct settings *s,
                      const struct fault *fault)
{
    give_up(u, fault, EXIT_NO_APP);
    if (s->check_config)
        return EXIT_FAILURE;
    fputs("Reason: App failed to load.\n", stderr);
    return EXIT_NO_APP;
}

/* --print-config and --check-config. */
static int show_and_check(const struct generation *g)
{
    if (g->settings->print_config) {
        settings_print(g->settings, stdout);
        show_app(g->app, stdout);
    }
    if (g->settings->check_config && check_app(g->app, stdout) > 0)
        return EXIT_FAILURE;
    return EXIT_SUCCESS;
}

static int run(struct source *source, struct generation *first,
               struct upgrade *upgrade)
{
    const struct settings *s = first->settings;
    struct fault fault;
    int code;

    first->app = source_load_app(s, &fault);
    if (first->app && !s->print_config && !s->check_config)
        return serve(source, first, upgrade);
    code = first->app ? show_and_check(first) : refuse_app(upgrade, s, &fault);
    source_release(source, first);
    return code;
}

static int begin(struct source *source, struct upgrade *upgrade)
{
    struct generation first = {0};
    struct fault fault;

    switch (source_open(source, &first.settings, &fault)) {
    case SETTINGS_DONE: return EXIT_SUCCESS;
    case SETTINGS_BAD: return give_up(upgrade, &fault, EXIT_USAGE);
    case SETTINGS_OK: break;
    }
    return run(source, &first, upgrade);
}

static int check(int argc, char **argv)
{
    return check_command(argc, argv, check_app);
}

typedef int command(int argc, char **argv);

/* A first word that is not the app's folder; null when it is. */
static command *find_command(const char *name)
{
    static const struct {
        const char *name;
        command *fn;
    } commands[] = {{"token", token_command},     {"backup", backup_command},
                    {"restore", restore_command}, {"check", check},
                    {"ctl", ctl_command},         {"top", top_command}};

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].fn;
    return NULL;
}

int main(int argc, char **argv)
{
    struct source source = {.argc = argc, .argv = title_init(argc, argv)};
    struct fault fault;

    command *fn = find_command(argc > 1 ? source.argv[1] : "");
    if (fn)
        return fn(argc, source.argv);
    struct upgrade *upgrade = upgrade_new(source.argv, &fault);
    if (upgrade == NULL)
        return complain(&fault, EXIT_USAGE);
    source.activation = upgrade_activation(upgrade);
    int code = begin(&source, upgrade);
    upgrade_free(upgrade);
    return code;
}
