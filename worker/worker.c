#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/app.h"
#include "common/bells.h"
#include "common/digest.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/settings.h"
#include "common/vitals.h"
#include "worker/accesslog.h"
#include "worker/conn.h"
#include "worker/db.h"
#include "worker/observe.h"
#include "worker/site.h"
#include "worker/worker.h"

enum {
    BEAT_MS = 1000,        /* a sign of life at least so often */
    VITALS_MS = 10000,     /* between two looks at itself: up to 1 ms each */
    WAIT_MS = 20,          /* between two looks at flights, should the bell that
                              ends a wait not ring: its ringer died */
    OWN_DESCRIPTORS = 168, /* beside connections: listeners, logs, bells, the
                              database, files of web/ that are held open */
};

struct worker {
    const struct heritage *heritage;
    struct loop *loop;
    struct site *site;
    struct accesslog *access;
    struct observer *observer; /* null: --monitoring off */
    struct conns *conns;
    struct watch bell;     /* see heritage.h; watched while calls wait */
    struct watch own_bell; /* see bells.h */
    bool first;            /* of its generation */
    bool listens;          /* the bell is watched */
    uint64_t vitals_ms;    /* when it looked at itself last */
    uint64_t predecessors; /* connections that workers in its slot took */
    struct watch life;     /* end of file: the master is gone */
    bool quit;             /* now, as things stand */
    bool told;             /* to leave; begun after the turn (see leave) */
    bool leaving;          /* once everything is answered */
    uint64_t leave_ms;     /* when patience for that ends */
    uint64_t max_requests; /* after which it leaves; 0: never */
};

static void beat(void *self)
{
    struct worker *w = self;

    atomic_store_explicit(&w->heritage->slot->beat_ms, loop_clock_ms(),
                          memory_order_relaxed);
}

/* From inside long statements. */
static void on_progress(void *self)
{
    struct worker *w = self;

    beat(w);
    if (w->site)
        site_yield(w->site);
}

/* Not from within loop_turn: it frees watches for which the turn may hold
 * events. */
static void leave(struct worker *w)
{
    uint64_t grace_ms =
        (uint64_t)w->heritage->settings->graceful_timeout * 1000;

    if (w->leaving)
        return;
    w->leaving = true;
    w->leave_ms = loop_now(w->loop) + grace_ms;
    conns_drain(w->conns, grace_ms);
}

static void on_signal(void *self, const struct signalfd_siginfo *info)
{
    struct worker *w = self;

    switch (info->ssi_signo) {
    case SIGTERM: w->told = true; break;
    case SIGINT:
    case SIGQUIT: w->quit = true; break;
    case SIGUSR1:
        accesslog_flush(w->access);
        accesslog_reopen(w->access);
        if (!log_reopen())
            log_error("The log cannot be opened again: %s", strerror(errno));
        break;
    default: break;
    }
}

static void on_life_end(void *self, unsigned events)
{
    struct worker *w = self;

    (void)events;
    log_info("Parent changed, shutting down: Worker (pid: %d)", (int)getpid());
    loop_del(w->loop, &w->life);
    w->told = true;
}

static void answer(void *self, struct call *call)
{
    struct worker *w = self;

    site_answer(w->site, call);
}

static bool cancel(void *self, struct call *call)
{
    struct worker *w = self;

    return site_cancel(w->site, call);
}

/* ---- setting up ----------------------------------------------------------*/

static void on_bell(void *self, unsigned events)
{
    (void)self;
    (void)events; /* it only woke us */
}

static bool listen_to_bell(struct worker *w)
{
    const struct heritage *h = w->heritage;

    if (h->bells == NULL)
        return true;
    w->own_bell = (struct watch){on_bell, w, bells_fd(h->bells, h->number)};
    return loop_add(w->loop, &w->own_bell, LOOP_READ | LOOP_EDGE);
}

static bool listen_to_signals(struct worker *w)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGUSR1);
    signal(SIGPIPE, SIG_IGN);
    w->life = (struct watch){on_life_end, w, w->heritage->life_fd};
    return loop_signals(w->loop, &set, on_signal, w) &&
           loop_add(w->loop, &w->life, LOOP_READ) && listen_to_bell(w);
}

static void open_observer(struct worker *w)
{
    const struct heritage *h = w->heritage;
    const struct observer_config config = {
        .shared = h->shared,
        .slot = h->number,
        .slow_ns = (uint64_t)h->app->slow_request_ms * 1000000,
    };

    if (strcmp(h->settings->monitoring, "on") == 0)
        w->observer = observer_new(&config);
}

/* The first worker of a generation has to prove it; the others are started
 * when it is ready. */
static bool is_first(const struct heritage *h)
{
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        const struct slot *slot = &h->shared->slots[i];
        if (slot != h->slot && atomic_load(&slot->ready) &&
            atomic_load(&slot->pid) &&
            atomic_load(&slot->generation) == atomic_load(&h->slot->generation))
            return false;
    }
    return true;
}

static bool open_site(struct worker *w)
{
    struct fault fault;

    w->first = is_first(w->heritage);
    const struct site_config config = {
        .app = w->heritage->app,
        .database = w->heritage->settings->database,
        .create = w->heritage->may_create,
        .demo = w->heritage->settings->demo,
        .settings = w->heritage->settings,
        .shared = w->heritage->shared,
        .slot = w->heritage->number,
        .bell_fd = w->heritage->bell_fd,
        .bells = w->heritage->bells,
        .observer = w->observer,
        .first = w->first,
        .beat = on_progress,
        .self = w,
    };

    w->site = site_open(&config, &fault);
    if (w->site == NULL)
        log_error("%s", fault.text);
    return w->site != NULL;
}

static bool open_access_log(struct worker *w)
{
    const struct settings *s = w->heritage->settings;
    bool ok;

    w->access = accesslog_open(s->accesslog, s->access_log_format,
                               strcmp(s->log_format, "json") == 0, &ok);
    if (!ok)
        log_error("%s: %s", s->accesslog, strerror(errno));
    return ok;
}

static bool open_connections(struct worker *w)
{
    const struct heritage *h = w->heritage;
    const struct conns_config config = {
        .loop = w->loop,
        .settings = h->settings,
        .listeners = h->listeners,
        .listener_count = h->listener_count,
        .admin_count = h->admin_count,
        .number = h->number,
        .access = w->access,
        .observer = w->observer,
        .answer = answer,
        .cancel = cancel,
        .self = w,
    };

    w->conns = conns_new(&config);
    if (w->conns == NULL)
        log_error("Cannot watch the listening sockets: %s", strerror(errno));
    return w->conns != NULL;
}

/* Workers that began together must not all leave together. */
static uint64_t choose_max_requests(const struct settings *s)
{
    uint64_t jitter = 0;

    if (s->max_requests == 0)
        return 0;
    if (s->max_requests_jitter > 0) {
        digest_random(&jitter, sizeof jitter);
        jitter %= (uint64_t)s->max_requests_jitter + 1;
    }
    return (uint64_t)s->max_requests + jitter;
}

/* A shell's limit of 1024 descriptors is not what worker-connections meant:
 * it is raised as far as the system lets it. */
static void want_descriptors(const struct settings *s)
{
    struct rlimit r;
    rlim_t wanted = (rlim_t)s->worker_connections + OWN_DESCRIPTORS;

    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= wanted)
        return;
    r.rlim_cur = wanted < r.rlim_max ? wanted : r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur < wanted)
        log_warning("worker-connections is %lld, but the limit of open files "
                    "is %llu",
                    (long long)s->worker_connections,
                    (unsigned long long)r.rlim_cur);
}

static bool set_up(struct worker *w)
{
    db_init();
    want_descriptors(w->heritage->settings);
    w->max_requests = choose_max_requests(w->heritage->settings);
    w->predecessors = atomic_load(&w->heritage->slot->accepted);
    atomic_store(&w->heritage->slot->busy_then_ns,
                 atomic_load(&w->heritage->slot->busy_ns));
    w->loop = loop_new();
    if (w->loop == NULL || !listen_to_signals(w)) {
        log_error("Cannot make an event loop: %s", strerror(errno));
        return false;
    }
    open_observer(w);
    return open_site(w) && open_access_log(w) && open_connections(w);
}

static void take_down(struct worker *w)
{
    conns_free(w->conns);
    accesslog_close(w->access);
    site_close(w->site);
    observer_free(w->observer);
    loop_free(w->loop);
}

/* ---- what it tells of itself ---------------------------------------------*/

static void tell_vitals(struct worker *w)
{
    vitals_tell(w->heritage->slot);
    w->vitals_ms = loop_now(w->loop);
}

/* Once a second or so. */
static void tell_queue(struct worker *w)
{
    struct slot *slot = w->heritage->slot;

    atomic_store_explicit(&slot->backlog, conns_backlog(w->conns),
                          memory_order_relaxed);
    if (loop_now(w->loop) - w->vitals_ms >= VITALS_MS)
        tell_vitals(w);
}

/* Each turn: how much it had to do. */
static void tell_turn(struct worker *w)
{
    struct slot *slot = w->heritage->slot;
    uint64_t spent = loop_clock_ns() - loop_now_ns(w->loop);

    /* One writer: a load and a store are enough. */
    atomic_store_explicit(
        &slot->busy_ns,
        atomic_load_explicit(&slot->busy_ns, memory_order_relaxed) + spent,
        memory_order_relaxed);
    atomic_store_explicit(&slot->requests, conns_answered(w->conns),
                          memory_order_relaxed);
    atomic_store_explicit(&slot->connections, (uint32_t)conns_open(w->conns),
                          memory_order_relaxed);
    atomic_store_explicit(&slot->accepted,
                          w->predecessors + conns_accepted(w->conns),
                          memory_order_relaxed);
}

/* ---- serving -------------------------------------------------------------*/

/* The bell is heard by those who wait for it, and wakes nobody else. */
static void follow_bell(struct worker *w)
{
    bool wanted = site_waiting(w->site) > 0;

    if (wanted == w->listens)
        return;
    w->listens = wanted;
    if (!wanted) {
        loop_del(w->loop, &w->bell);
        return;
    }
    w->bell = (struct watch){on_bell, w, w->heritage->bell_fd};
    if (!loop_add(w->loop, &w->bell, LOOP_READ | LOOP_EDGE))
        w->listens = false; /* looking each WAIT_MS is enough */
}

static void answer_requests(struct worker *w)
{
    size_t waiting = site_waiting(w->site);
    size_t pending = conns_pending(w->conns) + waiting;

    if (pending == 0)
        return;
    site_begin(w->site, pending);
    if (waiting > 0)
        site_resume(w->site, loop_now(w->loop));
    conns_serve(w->conns);
    site_end(w->site, loop_now(w->loop));
    follow_bell(w);
}

/* Has it had its share of requests? */
static void count_requests(struct worker *w)
{
    if (w->max_requests == 0 || w->told ||
        conns_answered(w->conns) < w->max_requests)
        return;
    log_info("Autorestarting worker after current request.");
    w->told = true;
}

static bool drained(const struct worker *w)
{
    return w->leaving &&
           (conns_open(w->conns) == 0 || loop_now(w->loop) >= w->leave_ms);
}

/* No longer than until the next sign of life, or the end of its patience. */
static int longest_sleep(const struct worker *w)
{
    uint64_t now = loop_now(w->loop);

    if (site_waiting(w->site) > 0)
        return site_patience(w->site, now, WAIT_MS);
    if (!w->leaving || w->leave_ms >= now + BEAT_MS)
        return BEAT_MS;
    return w->leave_ms > now ? (int)(w->leave_ms - now) : 0;
}

static void serve(struct worker *w)
{
    uint64_t flushed_ms = 0;

    while (!w->quit && !drained(w)) {
        int patience = conns_sweep(w->conns, longest_sleep(w));
        loop_turn(w->loop, conns_pending(w->conns) ? 0 : patience);
        answer_requests(w);
        count_requests(w);
        if (w->told)
            leave(w);
        beat(w);
        tell_turn(w);
        if (loop_now(w->loop) - flushed_ms >= BEAT_MS) {
            accesslog_flush(w->access);
            tell_queue(w);
            flushed_ms = loop_now(w->loop);
        }
    }
}

int worker_main(const struct heritage *heritage)
{
    struct worker w = {.heritage = heritage};
    bool ok = set_up(&w);

    if (ok) {
        if (w.first)
            site_warm(w.site, loop_now(w.loop));
        heritage_say_ready(heritage);
        tell_vitals(&w);
        serve(&w);
    }
    take_down(&w);
    return ok ? EXIT_ASKED : EXIT_BOOT;
}
