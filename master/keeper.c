#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/app.h"
#include "common/board.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/settings.h"
#include "common/vitals.h"
#include "master/lookout.h"
#include "worker/db.h"

#include "master/keeper.h"

enum {
    BEAT_MS = 1000, /* a sign of life at least so often */
    VITALS_MS = 10000,
    OPEN_MS = 10000, /* between two tries to open the database */
};

/* What is to be done each so many ms. */
struct due {
    uint64_t at_ms; /* CLOCK_MONOTONIC */
    uint64_t every_ms;
};

struct keeper {
    const struct heritage *heritage;
    struct loop *loop;
    struct lookout *lookout;
    struct db *db;     /* only held; null: it could not be opened */
    struct watch life; /* end of file: the master is gone */
    bool told;         /* to leave */
    struct due vitals, sample, line, opening;
};

/* ---- what is due ---------------------------------------------------------*/

/* Keeps its rhythm, unless a whole turn was missed. */
static bool is_due(struct due *d, uint64_t now_ms)
{
    if (now_ms < d->at_ms)
        return false;
    d->at_ms += d->every_ms;
    if (d->at_ms <= now_ms)
        d->at_ms = now_ms + d->every_ms;
    return true;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int longest_sleep(const struct keeper *k)
{
    uint64_t now_ms = loop_clock_ms();
    uint64_t next_ms = sooner(k->vitals.at_ms, k->sample.at_ms);

    next_ms = sooner(next_ms, k->line.at_ms);
    if (next_ms <= now_ms)
        return 0;
    return (int)sooner(next_ms - now_ms, BEAT_MS);
}

/* ---- its life ------------------------------------------------------------*/

static void on_signal(void *self, const struct signalfd_siginfo *info)
{
    struct keeper *k = self;

    if (info->ssi_signo != SIGUSR1) {
        k->told = true;
        return;
    }
    lookout_reopen(k->lookout);
    if (!log_reopen())
        log_error("The log cannot be opened again: %s", strerror(errno));
}

static void on_life_end(void *self, unsigned events)
{
    struct keeper *k = self;

    (void)events;
    log_info("Parent changed, shutting down: Keeper (pid: %d)", (int)getpid());
    loop_del(k->loop, &k->life);
    k->told = true;
}

/* What the alerts' commands leave behind is reaped by the kernel; and a limit
 * on the size of files is an error of write, not the end. */
static bool listen_to_signals(struct keeper *k)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGUSR1);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    k->life = (struct watch){on_life_end, k, k->heritage->life_fd};
    return loop_signals(k->loop, &set, on_signal, k) &&
           loop_add(k->loop, &k->life, LOOP_READ);
}

/* Follows a file that was replaced; tries again one that cannot be opened. It
 * never makes one, and is no worse a keeper without. */
static void hold_database(struct keeper *k, uint64_t now_ms)
{
    struct fault fault;

    if (k->db == NULL && is_due(&k->opening, now_ms)) {
        k->db = db_open(k->heritage->app->database, DB_SERVE, &fault);
        if (k->db == NULL)
            log_warning("The keeper cannot hold the database: %s", fault.text);
    }
    bool held = k->db && db_ready(k->db, now_ms);
    atomic_store(&k->heritage->slot->holding, held);
}

static bool set_up(struct keeper *k)
{
    const struct settings *s = k->heritage->settings;
    uint64_t now_ms = loop_clock_ms();
    uint64_t line_ms = (uint64_t)s->performance_interval * 1000;

    k->loop = loop_new();
    if (k->loop == NULL || !listen_to_signals(k)) {
        log_error("Cannot make an event loop: %s", strerror(errno));
        return false;
    }
    k->vitals = (struct due){now_ms, VITALS_MS};
    k->sample = (struct due){now_ms, BOARD_INTERVAL_MS};
    k->line = (struct due){now_ms + line_ms, line_ms};
    k->lookout = lookout_new(k->heritage);
    db_init();
    k->opening = (struct due){now_ms, OPEN_MS};
    hold_database(k, now_ms);
    return k->lookout != NULL;
}

static void take_down(struct keeper *k)
{
    db_close(k->db);
    lookout_free(k->lookout);
    loop_free(k->loop);
}

static void beat(const struct keeper *k)
{
    atomic_store_explicit(&k->heritage->slot->beat_ms, loop_clock_ms(),
                          memory_order_relaxed);
}

static void look_round(struct keeper *k)
{
    uint64_t now_ms = loop_clock_ms();

    if (is_due(&k->vitals, now_ms))
        vitals_tell(k->heritage->slot);
    if (is_due(&k->sample, now_ms))
        lookout_sample(k->lookout);
    if (is_due(&k->line, now_ms))
        lookout_line(k->lookout);
    hold_database(k, now_ms);
}

int keeper_main(const struct heritage *heritage)
{
    struct keeper k = {.heritage = heritage};
    bool ok = set_up(&k);

    if (ok)
        heritage_say_ready(heritage);
    while (ok && !k.told) {
        look_round(&k);
        beat(&k);
        loop_turn(k.loop, longest_sleep(&k));
    }
    take_down(&k);
    return ok ? EXIT_ASKED : EXIT_BOOT;
}
