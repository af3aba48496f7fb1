#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/backlog.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/segment/bells.h"
#include "common/segment/shared.h"
#include "master/control/console.h"
#include "master/self.h"
#include "master/staffing.h"
#include "master/supervisor_private.h"
#include "master/upgrade.h"

#include "master/supervisor.h"

enum {
    TICK_MS = 1000,
    OVERSLEPT_MS = 2000, /* later than planned by this: we were stopped */
    SELF_TICKS = 10,     /* between two looks at ourselves */
    EXIT_NO_MASTER = 1,
};

/* ---- verdicts ---------------------------------------------------------- */

/* What it said itself, or how it ended. */
static const char *words_of(const struct spawn_end *end, char words[64])
{
    bool spoke = end->last_words && *end->last_words;

    return spoke ? end->last_words : spawn_words(end, words);
}

/* A configuration that can never start must not be tried for ever. A crash
 * may pass: the slot's back-off tries it again. */
static void judge_first(struct supervisor *s)
{
    struct era *e = s->generations.present;
    char words[64];

    if (!e->failed || e->proven || s->stop != STOP_NOT)
        return;
    e->failed = false;
    if (e->failure.code == EXIT_BOOT || e->failure.code == EXIT_NO_APP) {
        s->exit_code = e->failure.code;
        upgrade_say_failed(s->config->upgrade, words_of(&e->failure, words));
        orders_stop(s, STOP_QUICK);
        return;
    }
    log_warning("The first worker %s before it was ready, trying again",
                spawn_words(&e->failure, words));
}

/* ---- signals ----------------------------------------------------------- */

static void on_term(struct supervisor *s)
{
    orders_stop(s, STOP_GRACEFUL);
}

static void on_int(struct supervisor *s)
{
    orders_stop(s, STOP_QUICK);
}

/* With another master there that serves, nobody is in a hurry: as TERM, so that
 * no request is lost. A second one means what it says. */
static void on_quit(struct supervisor *s)
{
    bool followed = upgrade_successor(s->config->upgrade) != 0;

    orders_stop(s,
                followed && s->stop == STOP_NOT ? STOP_GRACEFUL : STOP_QUICK);
}

static void on_hup(struct supervisor *s)
{
    log_info("Hang up: %s", upgrade_name(s->config->upgrade));
    orders_reload(s);
}

static void on_ttin(struct supervisor *s)
{
    orders_scale(s, 1);
}

static void on_ttou(struct supervisor *s)
{
    orders_scale(s, -1);
}

/* From a terminal it only means that a window was resized. */
static void on_winch(struct supervisor *s)
{
    if (!s->generations.present->is.settings->daemon && isatty(STDIN_FILENO)) {
        log_debug("SIGWINCH ignored. Not daemonized");
        return;
    }
    log_info("graceful stop of workers");
    staffing_want(&s->generations, 0);
}

static void on_usr2(struct supervisor *s)
{
    struct fault logged;

    succession_start(s, &logged);
}

static const struct {
    const char *name;
    void (*act)(struct supervisor *s);
} signals[] = {
    [SIGTERM] = {"term", on_term},    [SIGINT] = {"int", on_int},
    [SIGQUIT] = {"quit", on_quit},    [SIGHUP] = {"hup", on_hup},
    [SIGTTIN] = {"ttin", on_ttin},    [SIGTTOU] = {"ttou", on_ttou},
    [SIGWINCH] = {"winch", on_winch}, [SIGUSR1] = {"usr1", orders_reopen},
    [SIGUSR2] = {"usr2", on_usr2},
};
enum { SIGNALS = sizeof signals / sizeof *signals };

/* SIGCHLD is in no table: it wakes the loop, and each turn looks around. */
static void on_signal(void *self, const struct signalfd_siginfo *info)
{
    struct supervisor *s = self;

    if (info->ssi_signo >= SIGNALS || signals[info->ssi_signo].act == NULL)
        return;
    log_info("Handling signal: %s", signals[info->ssi_signo].name);
    signals[info->ssi_signo].act(s);
}

static void on_news(void *self, unsigned events)
{
    struct supervisor *s = self;
    uint64_t count;

    (void)events;
    ssize_t ignored = read(s->news.fd, &count, sizeof count);
    (void)ignored; /* it only woke us; crew_look reads the slots */
}

/* ---- the loop ---------------------------------------------------------- */

/* Nobody may be wanted at all (WINCH): then no load changes that. */
static void follow_load(struct supervisor *s)
{
    struct era *e = s->generations.present;
    struct scaling_limits limits = scaling_limits(e->is.settings);
    size_t count, admins;

    if (e->is.settings->workers_max == 0 || e->wanted == 0 || !e->proven)
        return;
    const int *fds = listeners_fds(e->listeners, &count, &admins);
    const struct scaling_sample now = {
        .wanted = e->wanted,
        .serving = crew_serving(s->crew),
        .busy = load_look(&s->load, s->crew, s->config->shared),
        .backlog = backlog_of(fds, count - admins),
    };
    int64_t wanted = scaling_follow(&s->scaling, &limits, &now);
    if (wanted == e->wanted)
        return;
    log_info("Scaling: %lld -> %lld workers (busy %u %%, %u connections "
             "waiting)",
             (long long)e->wanted, (long long)wanted, now.busy, now.backlog);
    staffing_want(&s->generations, wanted);
}

static void tick(struct supervisor *s)
{
    uint64_t now_ms = loop_now(s->loop);

    if (now_ms < s->tick_ms)
        return;
    if (now_ms - s->tick_ms > OVERSLEPT_MS) /* so were the workers, perhaps */
        crew_forgive(s->crew);
    s->tick_ms = now_ms + TICK_MS;
    if (++s->ticks % SELF_TICKS == 0)
        self_look(s->slot);
    reload_look(&s->generations);
    if (s->stop == STOP_NOT)
        follow_load(s);
}

static int wait_ms(const struct supervisor *s)
{
    uint64_t now_ms = loop_clock_ms();
    uint64_t next_ms = crew_next_ms(s->crew);

    if (s->tick_ms < next_ms)
        next_ms = s->tick_ms;
    if (succession_next_ms(s) < next_ms)
        next_ms = succession_next_ms(s);
    if (console_next_ms(s->console) < next_ms)
        next_ms = console_next_ms(s->console);
    return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}

static void turn(struct supervisor *s)
{
    loop_turn(s->loop, wait_ms(s));
    succession_look(s);
    tick(s);
    crew_look(s->crew);
    judge_first(s);
    reload_judge(&s->generations);
    crew_tend(s->crew);
    if (s->stop == STOP_NOT) {
        reload_begin(&s->generations);
        staffing_maintain(s->crew, &s->generations);
    }
    reload_sweep(&s->generations);
    succession_look(s);
    console_turn(s->console);
}

/* ---- set-up ------------------------------------------------------------ */

static void handled_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    for (int i = 1; i < SIGNALS; i++)
        if (signals[i].act)
            sigaddset(set, i);
}

void supervisor_hold_signals(void)
{
    sigset_t set;

    handled_signals(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGCHLD, SIG_DFL); /* inherited as ignored, it would reap for us */
    signal(SIGPIPE, SIG_IGN); /* a log that is a broken pipe */
}

static bool open_descriptors(struct supervisor *s)
{
    s->life[0] = s->life[1] = -1;
    s->news = (struct watch){.fn = on_news, .self = s};
    s->news.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!upgrade_bells(s->config->upgrade, &s->bells, &s->bell)) {
        s->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        s->bells = bells_new();
    }
    return s->news.fd >= 0 && s->bell >= 0 && s->bells &&
           pipe2(s->life, O_CLOEXEC) == 0;
}

static bool hire(struct supervisor *s, const struct supervisor_config *config)
{
    const struct crew_config of = {
        .shared = config->shared,
        .body = config->body,
        .keeper = config->keeper,
        .news_fd = s->news.fd,
        .life_fd = s->life[0],
        .bell_fd = s->bell,
        .bells = s->bells,
        .on_stranger = succession_ended,
        .self = s,
    };

    s->crew = crew_new(&of);
    return s->crew != NULL;
}

static bool set_up(struct supervisor *s, const struct supervisor_config *config)
{
    sigset_t set;

    handled_signals(&set);
    s->slot = &config->shared->slots[SLOT_MASTER];
    return open_descriptors(s) && hire(s, config) && (s->loop = loop_new()) &&
           loop_add(s->loop, &s->news, LOOP_READ) &&
           loop_signals(s->loop, &set, on_signal, s) && succession_open(s);
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* But for the write end of the life pipe, which ends with the process: who
 * follows us takes our pid file over then, and not while we remove it. */
static void tear_down(struct supervisor *s)
{
    crew_free(s->crew);
    loop_free(s->loop);
    close_if_open(s->news.fd);
    close_if_open(s->bell);
    bells_free(s->bells);
    close_if_open(s->life[0]);
}

static void run(struct supervisor *s)
{
    succession_look(s);
    s->tick_ms = loop_clock_ms() + TICK_MS;
    reload_look(&s->generations);
    s->console = console_new(s);
    console_turn(s->console);
    staffing_maintain(s->crew, &s->generations);
    while (s->stop == STOP_NOT || !crew_is_gone(s->crew))
        turn(s);
    console_free(s->console);
    succession_close(s);
}

int supervisor_run(const struct supervisor_config *config)
{
    struct supervisor s = {.config = config};

    supervisor_hold_signals();
    bool able = set_up(&s, config);
    if (!able)
        log_critical("The master cannot start: %s", strerror(errno));
    reload_init(&s.generations, config, s.crew);
    if (able)
        run(&s);
    reload_end(&s.generations);
    tear_down(&s);
    return able ? s.exit_code : EXIT_NO_MASTER;
}
