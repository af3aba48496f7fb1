#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/vitals/vitals.h"

#include "worker/worker_private.h"

enum {
    BEAT_MS = 1000,    /* a sign of life at least so often */
    VITALS_MS = 10000, /* between two looks at itself: up to 1 ms each */
    WAIT_MS = 20,      /* between two looks at flights, should the bell that
                          ends a wait not ring: its ringer died */
    CANCEL_MS = 1000,  /* that an order to end a request waits for it */
    OVER_MS = 1000,    /* that a statement has to end in, at the end */
};

/* ---- signs of life -------------------------------------------------------*/

void shift_beat(struct worker *w)
{
    atomic_store_explicit(&w->heritage->slot->beat_ms, loop_clock_ms(),
                          memory_order_relaxed);
}

/* What is not at work yet may be so in a moment; but the order does not stand
 * for ever, or no other could be given. */
static bool is_stale(struct worker *w, uint64_t wanted)
{
    uint64_t now_ms = loop_clock_ms();

    if (w->cancel_ns != wanted) {
        w->cancel_ns = wanted;
        w->cancel_ms = now_ms;
    }
    return now_ms - w->cancel_ms >= CANCEL_MS;
}

/* An operator wants a request's statement to end. */
static void obey_cancel(struct worker *w)
{
    _Atomic uint64_t *cancel = &w->heritage->slot->cancel_ns;
    uint64_t wanted = atomic_load_explicit(cancel, memory_order_relaxed);

    if (wanted == 0)
        return;
    if (site_end_request(w->site, wanted))
        log_warning("A request's statement is ended, as an operator wanted");
    else if (!is_stale(w, wanted))
        return;
    atomic_compare_exchange_strong(cancel, &wanted, 0);
}

static uint64_t grace_ms(const struct worker *w)
{
    return (uint64_t)w->heritage->settings->graceful_timeout * 1000;
}

/* With one thread the loop does not turn meanwhile, and hears of no signal;
 * but the master says it in the slot, too. What is cut off here is answered;
 * what the master has to kill is not. */
static void obey_grace(struct worker *w)
{
    const struct slot *slot = w->heritage->slot;

    if (atomic_load_explicit(&slot->leave, memory_order_relaxed) != LEAVE_TOLD)
        return;
    if (w->leave_ms == 0)
        w->leave_ms = loop_clock_ms() + grace_ms(w);
    else if (loop_clock_ms() >= w->leave_ms)
        site_end_all(w->site);
}

void shift_progress(void *self)
{
    struct worker *w = self;

    shift_beat(w);
    if (w->relay || w->site == NULL)
        return; /* what follows is for the thread with the baton */
    site_yield(w->site);
    obey_cancel(w);
    obey_grace(w);
}

/* ---- leaving -------------------------------------------------------------*/

/* Not from within loop_turn: it frees watches for which the turn may hold
 * events. */
static void leave(struct worker *w)
{
    uint64_t now_ms = loop_now(w->loop);

    if (w->leaving)
        return;
    w->leaving = true;
    if (w->leave_ms == 0) /* or it runs already */
        w->leave_ms = now_ms + grace_ms(w);
    conns_drain(w->conns, w->leave_ms > now_ms ? w->leave_ms - now_ms : 0);
}

static bool drained(const struct worker *w)
{
    return w->leaving &&
           (conns_open(w->conns) == 0 || loop_now(w->loop) >= w->leave_ms);
}

/* What cannot wait for a statement that does not end. */
static void end_as_it_stands(void)
{
    log_warning("Worker (pid: %d) ends in the middle of a statement",
                (int)getpid());
    _exit(EXIT_ASKED);
}

/* The worker's first thread ends it. Any other one that finds it has to end
 * asks the statements to, and waits a little for that. */
static bool has_to_end(struct worker *w)
{
    uint64_t now = loop_now(w->loop);

    if (!w->quit && !drained(w))
        return false;
    if (!relay_is_away(w->relay, 0))
        return true;
    site_end_all(w->site);
    if (w->over_ms == 0)
        w->over_ms = now + OVER_MS;
    if (now >= w->over_ms) {
        accesslog_flush(w->access);
        end_as_it_stands();
    }
    return false;
}

/* ---- asking to be replaced -----------------------------------------------*/

static void ask_to_leave(struct worker *w, enum leave_reason why)
{
    if (why != LEAVE_NOT && !w->told && heritage_ask_to_leave(w->heritage, why))
        log_info("Autorestarting worker after current request.");
}

static void count_requests(struct worker *w)
{
    if (w->limits.requests && conns_answered(w->conns) >= w->limits.requests)
        ask_to_leave(w, LEAVE_REQUESTS);
}

/* Overdue by more than --timeout (in a sort SQLite does not look at the clock):
 * nothing stops it but the end of the process. */
static bool is_stuck(const struct worker *w)
{
    uint64_t timeout_ns = (uint64_t)w->heritage->settings->timeout * 1000000000;

    return timeout_ns && w->relay &&
           site_overdue_ns(w->site, loop_now_ns(w->loop)) > timeout_ns;
}

static void look_at_age(struct worker *w)
{
    const struct recycle_state now = {
        .requests = conns_answered(w->conns),
        .pss_kb = atomic_load(&w->heritage->slot->pss_kb),
        .age_ms = loop_now(w->loop) - w->born_ms,
    };

    ask_to_leave(w, is_stuck(w) ? LEAVE_STUCK : recycle_due(&w->limits, &now));
}

/* ---- what it tells of itself ---------------------------------------------*/

static void tell_vitals(struct worker *w)
{
    vitals_tell(w->heritage->slot);
    w->vitals_ms = loop_now(w->loop);
}

/* Once a second or so. */
static void tell(struct worker *w)
{
    struct slot *slot = w->heritage->slot;

    accesslog_flush(w->access);
    atomic_store_explicit(&slot->backlog, conns_backlog(w->conns),
                          memory_order_relaxed);
    if (loop_now(w->loop) - w->vitals_ms >= VITALS_MS)
        tell_vitals(w);
    look_at_age(w);
    site_look(w->site, loop_now(w->loop));
    w->told_ms = loop_now(w->loop);
}

/* Each turn: how much it had to do. A turn in which a statement was long counts
 * for all of it, beside the turns that other threads made meanwhile. */
static void tell_turn(struct worker *w, uint64_t began_ns)
{
    struct slot *slot = w->heritage->slot;
    uint64_t spent = loop_clock_ns() - began_ns;

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
    atomic_store_explicit(&slot->away, relay_away(w->relay),
                          memory_order_relaxed);
}

/* ---- a turn --------------------------------------------------------------*/

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
    w->bell = (struct watch){loop_woken, w, w->heritage->bell_fd};
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

/* No longer than until the next sign of life, or the end of its patience. */
static int longest_sleep(const struct worker *w)
{
    uint64_t now = loop_now(w->loop);

    if (site_waiting(w->site) > 0)
        return site_patience(w->site, now, WAIT_MS);
    if (w->over_ms)
        return WAIT_MS;
    if (!w->leaving || w->leave_ms >= now + BEAT_MS)
        return BEAT_MS;
    return w->leave_ms > now ? (int)(w->leave_ms - now) : 0;
}

static void turn(struct worker *w)
{
    int patience = conns_sweep(w->conns, longest_sleep(w));

    loop_turn(w->loop, conns_pending(w->conns) ? 0 : patience);
    uint64_t began_ns = loop_now_ns(w->loop);
    obey_cancel(w);
    answer_requests(w);
    count_requests(w);
    if (w->told)
        leave(w);
    shift_beat(w);
    tell_turn(w, began_ns);
    if (loop_now(w->loop) - w->told_ms >= BEAT_MS)
        tell(w);
}

static void turn_on(void *self)
{
    struct worker *w = self;

    while (!has_to_end(w)) {
        turn(w);
        if (!relay_turn_over(w->relay))
            return;
    }
}

/* ---- the other threads ---------------------------------------------------*/

static bool prepare(void *self, unsigned thread)
{
    struct worker *w = self;
    struct fault fault;

    if (site_prepare(w->site, thread, &fault))
        return true;
    log_error("No thread for long statements: %s", fault.text);
    return false;
}

static void on_take(void *self, unsigned thread)
{
    struct worker *w = self;

    site_take(w->site, thread);
}

static void work(void *self, void *job)
{
    struct worker *w = self;

    site_resume_given(w->site, job, loop_now(w->loop));
}

static void wake(void *self)
{
    const struct worker *w = self;
    const uint64_t one = 1;
    ssize_t ignored = write(w->wake.fd, &one, sizeof one);

    (void)ignored; /* full, it is readable already */
}

bool shift_prepare(struct worker *w)
{
    const struct relay_config config = {
        .threads = (unsigned)w->heritage->settings->threads,
        .prepare = prepare,
        .on_take = on_take,
        .run = turn_on,
        .work = work,
        .wake = wake,
        .self = w,
    };

    if (config.threads < 2)
        return true;
    w->wake =
        (struct watch){loop_woken, w, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    w->relay = relay_new(&config);
    return w->wake.fd >= 0 &&
           loop_add(w->loop, &w->wake, LOOP_READ | LOOP_EDGE);
}

void shift_end(struct worker *w)
{
    accesslog_flush(w->access);
    if (w->site)
        site_end_all(w->site);
    if (!relay_stop(w->relay, OVER_MS))
        end_as_it_stands();
    relay_free(w->relay);
    w->relay = NULL;
    if (w->wake.fd >= 0)
        close(w->wake.fd);
}

void shift_run(struct worker *w)
{
    w->born_ms = loop_clock_ms();
    tell_vitals(w);
    relay_start(w->relay);
    turn_on(w);
}
