#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/app/app.h"
#include "common/digest.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/segment/bells.h"
#include "common/settings/settings.h"
#include "worker/confine.h"
#include "worker/db/db.h"
#include "worker/endpoint/demo.h"

#include "worker/worker_private.h"

enum {
    OWN_DESCRIPTORS = 168, /* beside connections: listeners, logs, bells, the
                              database, files of web/ that are held open */
};

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

static bool listen_to_bell(struct worker *w)
{
    const struct heritage *h = w->heritage;

    if (h->bells == NULL)
        return true;
    w->own_bell = (struct watch){loop_woken, w, bells_fd(h->bells, h->number)};
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
        .relay = w->relay,
        .beat = shift_progress,
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
        log_error("accesslog: %s: %s", s->accesslog, strerror(errno));
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
        .shared = h->shared,
        .bells = h->bells,
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

static struct recycle choose_limits(const struct settings *s)
{
    uint64_t chance;

    digest_random(&chance, sizeof chance);
    return recycle_limits(s, chance);
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
    if (w->heritage->settings->threads > 1)
        db_init_threads();
    else
        db_init();
    db_spill_beside(heritage_database(w->heritage));
    want_descriptors(w->heritage->settings);
    w->limits = choose_limits(w->heritage->settings);
    w->predecessors = atomic_load(&w->heritage->slot->accepted);
    atomic_store(&w->heritage->slot->busy_then_ns,
                 atomic_load(&w->heritage->slot->busy_ns));
    w->loop = loop_new();
    if (w->loop == NULL || !listen_to_signals(w) || !shift_prepare(w)) {
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

/* ---- its life ------------------------------------------------------------*/

int worker_main(const struct heritage *heritage)
{
    struct worker w = {.heritage = heritage, .wake = {.fd = -1}};
    bool ok = set_up(&w);

    if (ok) {
        if (w.first)
            site_warm(w.site, loop_now(w.loop));
        demo_begin(heritage, w.first);
        confine_worker(heritage, w.first);
        heritage_say_ready(heritage);
        shift_run(&w);
    }
    shift_end(&w);
    take_down(&w);
    return ok ? EXIT_ASKED : EXIT_BOOT;
}
