#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/app/app.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/segment/bells.h"
#include "common/segment/board.h"
#include "common/segment/shared.h"
#include "common/segment/syncs.h"
#include "common/segment/turnstile.h"
#include "common/settings/settings.h"
#include "common/vitals/vitals.h"
#include "master/keeper/keeper_backups.h"
#include "master/keeper/keeper_confine.h"
#include "master/keeper/keeper_errands.h"
#include "master/keeper/keeper_jobs.h"
#include "master/keeper/keeper_statsd.h"
#include "master/keeper/keeper_wal.h"
#include "master/lookout.h"
#include "worker/db/db.h"

#include "master/keeper/keeper.h"

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
    struct db *db; /* null: it could not be opened */
    bool held;     /* and it can be used */
    bool writes;   /* and written to: durability is not lost (syncs.h) */
    struct keeper_wal *wal;
    struct keeper_jobs *jobs;
    struct keeper_backups *backups;
    struct keeper_statsd *statsd; /* null: none */
    struct watch life;            /* end of file: the master is gone */
    struct watch bell; /* a worker wants something, or it is our turn */
    bool told;         /* to leave */
    bool asked;        /* by anybody: see on_signal */
    bool waits;        /* for its turn */
    bool busy;         /* there may be more to do at once */
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

/* What waits for the turn, or for the database, is not due by the clock. */
static uint64_t next_of_all(const struct keeper *k)
{
    uint64_t next_ms = sooner(k->vitals.at_ms, k->sample.at_ms);

    next_ms = sooner(next_ms, k->line.at_ms);
    next_ms = sooner(next_ms, keeper_backups_next(k->backups));
    next_ms = sooner(next_ms, keeper_statsd_next(k->statsd));
    if (k->held)
        next_ms = sooner(next_ms, keeper_wal_next(k->wal));
    if (k->writes && !k->waits)
        next_ms = sooner(next_ms, keeper_jobs_next(k->jobs));
    return next_ms;
}

static int longest_sleep(const struct keeper *k)
{
    uint64_t now_ms = loop_clock_ms();
    uint64_t next_ms = next_of_all(k);

    if (k->busy || next_ms <= now_ms)
        return 0;
    return (int)sooner(next_ms - now_ms, k->waits ? TURN_LOOK_MS : BEAT_MS);
}

/* ---- its life ------------------------------------------------------------*/

static void beat(void *self)
{
    const struct keeper *k = self;

    atomic_store_explicit(&k->heritage->slot->beat_ms, loop_clock_ms(),
                          memory_order_relaxed);
}

/*
 * A terminal's Ctrl-C and systemd tell everybody to leave; the keeper does when
 * the master says so, which is when all that was written is in its care. But
 * signals of one number do not queue, so the master's may be the one that is
 * lost: then it leaves when no worker is left.
 */
static void on_signal(void *self, const struct signalfd_siginfo *info)
{
    struct keeper *k = self;

    if (info->ssi_signo != SIGUSR1) {
        if (info->ssi_pid == (uint32_t)k->heritage->master)
            k->told = true;
        k->asked = true;
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
    return loop_signals(k->loop, &set, on_signal, k);
}

/* The bell only wakes it: it looks at everything after each turn. */
static bool watch_others(struct keeper *k)
{
    const struct heritage *h = k->heritage;

    k->life = (struct watch){on_life_end, k, h->life_fd};
    k->bell = (struct watch){loop_woken, k, bells_fd(h->bells, h->number)};
    return loop_add(k->loop, &k->life, LOOP_READ) &&
           loop_add(k->loop, &k->bell, LOOP_READ | LOOP_EDGE);
}

/* ---- the database --------------------------------------------------------*/

static void open_database(struct keeper *k)
{
    const struct heritage *h = k->heritage;
    struct fault fault;

    k->db = db_open(heritage_database(h), DB_SERVE, &fault);
    if (k->db == NULL) {
        log_warning("The keeper cannot hold the database: %s", fault.text);
        return;
    }
    db_watch(k->db, h->shared->names, h->shared->tables, h->number);
    db_on_progress(k->db, beat, k);
}

/* Follows a file that was replaced; tries again one that cannot be opened. It
 * never makes one, and is no worse a keeper without. */
static void hold_database(struct keeper *k, uint64_t now_ms)
{
    if (k->db == NULL && is_due(&k->opening, now_ms))
        open_database(k);
    k->held = k->db && db_ready(k->db, now_ms);
    atomic_store(&k->heritage->slot->holding, k->held);
}

/* ---- the turn ------------------------------------------------------------*/

static bool wants_turn(const struct keeper *k)
{
    return k->writes &&
           (keeper_wal_wants_turn(k->wal) || keeper_jobs_wants_turn(k->jobs));
}

/* Others are let in between two jobs, and what a job has written is synced
 * soon. */
static void use_turn(struct keeper *k)
{
    const struct heritage *h = k->heritage;
    const struct turn_work work = {.id = SLICE("checkpoint")};

    if (keeper_wal_wants_turn(k->wal))
        turnstile_work(h->shared->turnstile, h->number, &work);
    keeper_wal_turn(k->wal, k->db);
    if (keeper_jobs_wants_turn(k->jobs))
        keeper_jobs_turn(k->jobs, k->db);
    k->busy = true;
}

static void take_turn(struct keeper *k)
{
    const struct heritage *h = k->heritage;
    struct turnstile *turnstile = h->shared->turnstile;

    k->waits = wants_turn(k);
    if (k->waits && !turnstile_ask(turnstile, h->number, h->bells)) {
        turnstile_tend(turnstile, h->bells);
        return;
    }
    if (k->waits)
        use_turn(k);
    k->waits = false;
    turnstile_pass(turnstile, h->number, h->bells);
}

/* ---- its rhythm ----------------------------------------------------------*/

/* For others: what they wait for comes first. */
static void serve(struct keeper *k, uint64_t now_ms)
{
    const struct heritage *h = k->heritage;

    k->busy = false;
    if (k->held)
        keeper_wal_look(k->wal, k->db, now_ms);
    k->writes = k->held && !syncs_broken(h->shared->syncs);
    keeper_errands(h, k->jobs, k->backups);
    keeper_jobs_look(k->jobs, k->writes ? k->db : NULL, now_ms);
    keeper_backups_look(k->backups, now_ms);
    take_turn(k);
}

static void look_round(struct keeper *k, uint64_t now_ms)
{
    if (is_due(&k->vitals, now_ms))
        vitals_tell(k->heritage->slot);
    if (is_due(&k->sample, now_ms))
        lookout_sample(k->lookout);
    if (is_due(&k->line, now_ms))
        lookout_line(k->lookout);
    keeper_statsd_look(k->statsd, now_ms);
}

/* Whoever rings while it sleeps is served at once; while it is at something
 * else workers sync for themselves. */
static void rest(struct keeper *k)
{
    struct syncs *syncs = k->heritage->shared->syncs;

    beat(k);
    int sleep_ms = longest_sleep(k);
    syncs_offer(syncs, k->held);
    loop_turn(k->loop, sleep_ms);
    syncs_offer(syncs, false);
}

/* ---- beginning and end ---------------------------------------------------*/

static void set_rhythm(struct keeper *k, uint64_t now_ms)
{
    const struct settings *s = k->heritage->settings;
    uint64_t line_ms = (uint64_t)s->performance_interval * 1000;

    k->vitals = (struct due){now_ms, VITALS_MS};
    k->sample = (struct due){now_ms, BOARD_INTERVAL_MS};
    k->line = (struct due){now_ms + line_ms, line_ms};
    k->opening = (struct due){now_ms, OPEN_MS};
}

static bool set_up(struct keeper *k)
{
    uint64_t now_ms = loop_clock_ms();

    k->loop = loop_new();
    if (k->loop == NULL || !listen_to_signals(k) || !watch_others(k)) {
        log_error("Cannot make an event loop: %s", strerror(errno));
        return false;
    }
    set_rhythm(k, now_ms);
    k->lookout = lookout_new(k->heritage);
    k->wal = keeper_wal_new(k->heritage);
    k->jobs = keeper_jobs_new(k->heritage);
    k->backups = keeper_backups_new(k->heritage, k->loop);
    k->statsd = keeper_statsd_new(k->heritage);
    db_init();
    db_spill_beside(heritage_database(k->heritage));
    db_spill_sweep(heritage_database(k->heritage));
    db_belong(k->heritage->shared->journals);
    hold_database(k, now_ms);
    return k->lookout && k->wal && k->jobs && k->backups;
}

static void take_down(struct keeper *k)
{
    const struct heritage *h = k->heritage;

    turnstile_pass(h->shared->turnstile, h->number, h->bells);
    keeper_statsd_free(k->statsd);
    keeper_backups_free(k->backups);
    keeper_jobs_free(k->jobs);
    if (k->held && k->wal)
        keeper_wal_leave(k->wal, k->db);
    keeper_wal_free(k->wal);
    db_close(k->db);
    lookout_free(k->lookout);
    loop_free(k->loop);
}

int keeper_main(const struct heritage *heritage)
{
    struct keeper k = {.heritage = heritage};
    bool ok = set_up(&k);

    if (ok) {
        keeper_confine(heritage);
        heritage_say_ready(heritage);
    }
    while (ok && !k.told && !(k.asked && heritage_is_last(heritage))) {
        uint64_t now_ms = loop_clock_ms();
        hold_database(&k, now_ms);
        serve(&k, now_ms);
        look_round(&k, now_ms);
        rest(&k);
    }
    take_down(&k);
    return ok ? EXIT_ASKED : EXIT_BOOT;
}
