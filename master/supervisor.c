#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/bells.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/shared.h"
#include "master/crew.h"
#include "master/reload.h"
#include "master/self.h"

#include "master/supervisor.h"

enum {
    TICK_MS = 1000,
    OVERSLEPT_MS = 2000, /* later than planned by this: we were stopped */
    SELF_TICKS = 10,     /* between two looks at ourselves */
    EXIT_NO_MASTER = 1,
};

enum stop { STOP_NOT, STOP_GRACEFUL, STOP_QUICK };

struct supervisor {
    struct loop *loop;
    struct crew *crew;
    struct reload generations;
    struct slot *slot; /* the master's own figures */
    struct watch news; /* eventfd: somebody became ready */
    int bell;          /* eventfd: see heritage.bell_fd */
    struct bells *bells;
    int life[2];      /* pipe: its write end is the master's life */
    uint64_t tick_ms; /* when the next tick is due */
    unsigned ticks;   /* so far */
    enum stop stop;
    int exit_code;
};

/* ---- stopping ---------------------------------------------------------- */

static void begin_stop(struct supervisor *s, enum stop how)
{
    reload_drop(&s->generations);
    if (s->stop == STOP_NOT) {
        /* Ours are closed first: once the workers have emptied the backlog
         * and closed theirs, a new connection is refused, not left hanging. */
        reload_close_listeners(&s->generations);
        crew_retire_all(s->crew);
    }
    if (how == STOP_QUICK && s->stop != STOP_QUICK)
        crew_hurry(s->crew);
    s->stop = how;
}

/* ---- verdicts ---------------------------------------------------------- */

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
        begin_stop(s, STOP_QUICK);
        return;
    }
    log_warning("The first worker %s before it was ready, trying again",
                spawn_words(&e->failure, words));
}

/* ---- making it so ------------------------------------------------------ */

/* Until its proof has come an era gets one worker. */
static int64_t quota(const struct supervisor *s, const struct era *e)
{
    if (e->proven)
        return e->wanted;
    return e == s->generations.candidate || e->wanted > 0 ? 1 : 0;
}

static void fill(struct supervisor *s, struct era *e)
{
    while (crew_strength(s->crew, e) < quota(s, e) && crew_start(s->crew, e))
        ;
}

/*
 * Whatever happened before: starts who is missing, retires who is too many.
 * A roll-over needs no other rule: each worker of the new era that becomes
 * ready makes one ready worker too many, and the oldest goes.
 */
static void maintain(struct supervisor *s)
{
    struct era *e = s->generations.present;

    fill(s, e);
    if (e->proven)
        crew_start_keeper(s->crew, e);
    if (s->generations.candidate)
        fill(s, s->generations.candidate);
    while (crew_strength(s->crew, e) > quota(s, e) &&
           crew_retire_unready(s->crew, e))
        ;
    while (crew_count(s->crew, NULL, SLOT_READY) > e->wanted)
        crew_retire_oldest(s->crew);
}

/* ---- signals ----------------------------------------------------------- */

/* A candidate inherits the wish, or its promotion would undo it. */
static void want(struct supervisor *s, int64_t count)
{
    int64_t most = SLOTS_MAX / 2; /* room for two generations */

    s->generations.present->wanted = count < most ? count : most;
    if (s->generations.candidate)
        s->generations.candidate->wanted = s->generations.present->wanted;
}

static void on_term(struct supervisor *s)
{
    if (s->stop == STOP_NOT)
        begin_stop(s, STOP_GRACEFUL);
}

static void on_int(struct supervisor *s)
{
    if (s->stop == STOP_QUICK)
        return;
    if (s->stop == STOP_GRACEFUL)
        log_info("Quick shutdown requested");
    begin_stop(s, STOP_QUICK);
}

static void on_hup(struct supervisor *s)
{
    log_info("Hang up: Master");
    s->generations.asked = true;
}

static void on_ttin(struct supervisor *s)
{
    want(s, s->generations.present->wanted + 1);
}

static void on_ttou(struct supervisor *s)
{
    if (s->generations.present->wanted > 1)
        want(s, s->generations.present->wanted - 1);
}

/* From a terminal it only means that a window was resized. */
static void on_winch(struct supervisor *s)
{
    if (!s->generations.present->is.settings->daemon && isatty(STDIN_FILENO)) {
        log_debug("SIGWINCH ignored. Not daemonized");
        return;
    }
    log_info("graceful stop of workers");
    want(s, 0);
}

/* The master first: it may have to give the new file to the others. */
static void on_usr1(struct supervisor *s)
{
    reload_adopt(&s->generations);
    crew_signal(s->crew, SIGUSR1);
}

static void on_usr2(struct supervisor *s)
{
    (void)s;
    log_info("Binary upgrade is not available in this version");
}

static const struct {
    const char *name;
    void (*act)(struct supervisor *s);
} signals[] = {
    [SIGTERM] = {"term", on_term},    [SIGINT] = {"int", on_int},
    [SIGQUIT] = {"quit", on_int},     [SIGHUP] = {"hup", on_hup},
    [SIGTTIN] = {"ttin", on_ttin},    [SIGTTOU] = {"ttou", on_ttou},
    [SIGWINCH] = {"winch", on_winch}, [SIGUSR1] = {"usr1", on_usr1},
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
}

static int wait_ms(const struct supervisor *s)
{
    uint64_t now_ms = loop_clock_ms();
    uint64_t next_ms = crew_next_ms(s->crew);

    if (s->tick_ms < next_ms)
        next_ms = s->tick_ms;
    return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}

static void turn(struct supervisor *s)
{
    loop_turn(s->loop, wait_ms(s));
    tick(s);
    crew_look(s->crew);
    judge_first(s);
    reload_judge(&s->generations);
    crew_tend(s->crew);
    if (s->stop == STOP_NOT) {
        reload_begin(&s->generations);
        maintain(s);
    }
    reload_sweep(&s->generations);
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
    s->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    s->bells = bells_new();
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
           loop_signals(s->loop, &set, on_signal, s);
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void tear_down(struct supervisor *s)
{
    crew_free(s->crew);
    loop_free(s->loop);
    close_if_open(s->news.fd);
    close_if_open(s->bell);
    bells_free(s->bells);
    close_if_open(s->life[0]);
    close_if_open(s->life[1]);
}

static void run(struct supervisor *s)
{
    self_enter(s->slot);
    s->tick_ms = loop_clock_ms() + TICK_MS;
    reload_look(&s->generations);
    maintain(s);
    while (s->stop == STOP_NOT || !crew_is_gone(s->crew))
        turn(s);
}

int supervisor_run(const struct supervisor_config *config)
{
    struct supervisor s = {0};

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
