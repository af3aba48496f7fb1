#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "master/orphans.h"

#include "master/hand.h"

enum {
    BACKOFF_MAX_S = 60, /* doubles from 1 */
    LATE_MS = 500,      /* that a heartbeat, one a second, may be late */
    ABORT_MS = 1000,    /* from SIGABRT to SIGKILL */
    QUIT_MS = 2000,     /* from SIGQUIT to SIGKILL */
    LEAVE_MS = 500,     /* from the end of the grace to SIGKILL */
    STOPPED_MS = 500,   /* one that goes on before is not missed; those who
                           wait for it do so for that long, or twice */
};

static const char *const state_names[] = {
    [SLOT_EMPTY] = "empty",      [SLOT_STARTING] = "starting",
    [SLOT_READY] = "ready",      [SLOT_RETIRING] = "retiring",
    [SLOT_BACKOFF] = "back-off",
};

static bool is_keeper(const struct hand *h)
{
    return h->heritage.number == SLOT_KEEPER;
}

static void become(struct hand *h, enum slot_state state)
{
    log_debug("Slot %u (pid:%d): %s -> %s", h->heritage.number, (int)h->pid,
              state_names[h->state], state_names[state]);
    h->state = state;
}

/* ---- actions ----------------------------------------------------------- */

static void vacate(struct hand *h)
{
    become(h, SLOT_EMPTY);
    orphans_release(h->heritage.slot);
    h->era = NULL;
    h->delay_s = 0; /* a free slot bears no grudge */
}

static void serve(struct hand *h)
{
    become(h, SLOT_READY);
    h->era->proven = true; /* of the keeper's era it is true already */
}

/*
 * A death before the first ready is structural more often than not (a disk
 * that is full, a database that is locked): trying at once would only burn
 * the machine.
 */
static void back_off(struct hand *h)
{
    unsigned doubled = h->delay_s ? h->delay_s * 2 : 1;

    become(h, SLOT_BACKOFF);
    h->delay_s = doubled < BACKOFF_MAX_S ? doubled : BACKOFF_MAX_S;
    h->retry_ms = loop_clock_ms() + h->delay_s * UINT64_C(1000);
    if (is_keeper(h)) {
        log_warning("The keeper died, next try in %u s", h->delay_s);
    } else if (h->era->proven) {
        log_warning("A worker died before it was ready, next try in %u s",
                    h->delay_s);
    } else {
        h->era->failed = true;
        h->era->failure = h->end;
    }
}

/* A worker that served is missed at once. The keeper is not: no request waits
 * for it, and one that dies of its work would die of it again. */
static void lost(struct hand *h)
{
    if (!is_keeper(h)) {
        vacate(h);
        return;
    }
    if (loop_clock_ms() - h->born_ms > BACKOFF_MAX_S * UINT64_C(1000))
        h->delay_s = 0;
    back_off(h);
}

static void kill_by(struct hand *h, uint64_t when_ms)
{
    if (!h->killed && when_ms < h->kill_ms)
        h->kill_ms = when_ms;
}

/* It leaves by itself then; this is for one that cannot. */
static void be_patient(struct hand *h)
{
    uint64_t grace_s = (uint64_t)h->era->is.settings->graceful_timeout;

    kill_by(h, loop_clock_ms() + grace_s * 1000 + LEAVE_MS);
}

static void drain(struct hand *h)
{
    become(h, SLOT_RETIRING);
    atomic_store(&h->heritage.slot->leave, LEAVE_TOLD);
    spawn_signal(h->pid, SIGTERM);
    be_patient(h);
}

static void born(struct hand *h, pid_t pid)
{
    h->pid = pid;
    h->born_ms = loop_clock_ms();
    h->kill_ms = HAND_NEVER;
    h->aborted = false;
    h->killed = false;
    h->unwanted = false;
    h->leave = LEAVE_NOT;
    h->stopped_ms = 0;
    h->missed = false;
    h->forgiven_ms = 0;
    become(h, SLOT_STARTING);
}

static void bequeath(struct hand *h)
{
    struct heritage *heritage = &h->heritage;

    heritage->settings = h->era->is.settings;
    heritage->app = h->era->is.app;
    heritage->may_create = h->era->number == 1 && !h->era->proven;
    atomic_store(&heritage->slot->generation, h->era->number);
    if (is_keeper(h)) /* answers nobody */
        return;
    heritage->listeners = listeners_fds(
        h->era->listeners, &heritage->listener_count, &heritage->admin_count);
}

static void start(struct hand *h)
{
    bequeath(h);
    h->birth = h->orders->births++;
    pid_t pid = spawn_worker(h->role, &h->heritage);
    if (pid > 0) {
        born(h, pid);
        return;
    }
    log_error("Cannot fork a %s: %s", h->role->name, strerror(errno));
    h->end = (struct spawn_end){.code = -1};
    back_off(h);
}

static void try_again(struct hand *h)
{
    if (loop_clock_ms() >= h->retry_ms)
        start(h);
}

static void abort_if_silent(struct hand *h, uint64_t now_ms)
{
    uint64_t limit_ms = (uint64_t)h->era->is.settings->timeout * 1000;
    uint64_t beat_ms = atomic_load(&h->heritage.slot->beat_ms);

    if (beat_ms < h->orders->forgiven_ms)
        beat_ms = h->orders->forgiven_ms;
    if (beat_ms < h->forgiven_ms)
        beat_ms = h->forgiven_ms;
    /* A beat may be younger than our clock reading. */
    if (limit_ms == 0 || h->aborted || now_ms < beat_ms ||
        now_ms - beat_ms <= limit_ms + LATE_MS)
        return;
    log_critical("%s TIMEOUT (pid:%d)", is_keeper(h) ? "KEEPER" : "WORKER",
                 (int)h->pid);
    estate_tell(&h->orders->estate, h->role, h->heritage.number, h->pid);
    h->aborted = true;
    spawn_signal(h->pid, SIGABRT);
    kill_by(h, now_ms + ABORT_MS);
}

static void kill_now(struct hand *h)
{
    h->killed = true;
    h->kill_ms = HAND_NEVER;
    spawn_signal(h->pid, SIGKILL);
}

static void kill_if_due(struct hand *h, uint64_t now_ms)
{
    if (now_ms < h->kill_ms)
        return;
    if (!h->aborted && !h->orders->hurry)
        log_warning("%s graceful timeout (pid:%d)", h->role->title,
                    (int)h->pid);
    kill_now(h);
}

static void look_after_stopped(struct hand *h, uint64_t now_ms)
{
    uint64_t limit_ms = (uint64_t)h->era->is.settings->timeout * 1000;

    if (h->killed || now_ms < h->look_ms)
        return;
    h->look_ms = now_ms + STOPPED_MS;
    h->missed = true;
    estate_suspend(&h->orders->estate, h->heritage.number);
    if (limit_ms && now_ms - h->stopped_ms > limit_ms)
        log_critical("%s TIMEOUT (pid:%d): it is stopped",
                     is_keeper(h) ? "KEEPER" : "WORKER", (int)h->pid);
    else if (estate_holds_up(&h->orders->estate, h->heritage.number))
        log_error("%s (pid:%d) is stopped, and others wait for it",
                  h->role->title, (int)h->pid);
    else
        return;
    estate_tell(&h->orders->estate, h->role, h->heritage.number, h->pid);
    kill_now(h);
}

static void watch_over(struct hand *h)
{
    uint64_t now_ms = loop_clock_ms();

    if (h->stopped_ms)
        look_after_stopped(h, now_ms);
    else
        abort_if_silent(h, now_ms);
    kill_if_due(h, now_ms);
}

/* Nothing stands where an event cannot come or means nothing. */
typedef void action(struct hand *h);
static action *const actions[][HAND_EVENTS] = {
    [SLOT_EMPTY] = {NULL},
    [SLOT_STARTING] = {[HAND_READY] = serve,
                       [HAND_ENDED] = back_off,
                       [HAND_RETIRED] = drain,
                       [HAND_TENDED] = watch_over},
    [SLOT_READY] = {[HAND_ENDED] = lost,
                    [HAND_RETIRED] = drain,
                    [HAND_TENDED] = watch_over},
    [SLOT_RETIRING] = {[HAND_ENDED] = vacate, [HAND_TENDED] = watch_over},
    [SLOT_BACKOFF] = {[HAND_RETIRED] = vacate, [HAND_TENDED] = try_again},
};

/* ---- what the crew calls ----------------------------------------------- */

void hand_react(struct hand *h, enum hand_event event)
{
    action *act = actions[h->state][event];

    if (act)
        act(h);
    assert((h->era == NULL) == (h->state == SLOT_EMPTY));
}

bool hand_claim(struct hand *h)
{
    return h->state == SLOT_EMPTY && orphans_claim(h->heritage.slot);
}

void hand_sign_on(struct hand *h, struct era *e)
{
    assert(h->state == SLOT_EMPTY && h->pid == 0);
    h->era = e;
    start(h);
}

bool hand_serves(const struct hand *h)
{
    return h->state == SLOT_READY && h->stopped_ms == 0;
}

bool hand_is_due(const struct hand *h)
{
    return hand_serves(h) && (h->unwanted || h->leave != LEAVE_NOT);
}

bool hand_is_there(const struct hand *h)
{
    return h->state == SLOT_STARTING || h->state == SLOT_BACKOFF ||
           (h->state == SLOT_READY && !h->missed);
}

uint64_t hand_next_ms(const struct hand *h)
{
    if (h->state == SLOT_EMPTY)
        return HAND_NEVER;
    if (h->state == SLOT_BACKOFF)
        return h->retry_ms;
    if (h->stopped_ms && !h->killed && h->look_ms < h->kill_ms)
        return h->look_ms;
    return h->kill_ms;
}

static void hear_wish(struct hand *h)
{
    static const char *const reasons[] = {
        [LEAVE_REQUESTS] = "max-requests",
        [LEAVE_MEMORY] = "max-worker-memory",
        [LEAVE_LIFETIME] = "max-worker-lifetime",
        [LEAVE_STUCK] = "a statement that does not end",
    };
    uint32_t why = atomic_load(&h->heritage.slot->leave);

    if (h->leave != LEAVE_NOT || why == LEAVE_NOT || why > LEAVE_STUCK)
        return;
    h->leave = why;
    log_info("Worker (pid:%d) is to be replaced: %s", (int)h->pid,
             reasons[why]);
}

void hand_look(struct hand *h)
{
    if (h->state == SLOT_STARTING && spawn_is_ready(&h->heritage))
        hand_react(h, HAND_READY);
    if (h->state == SLOT_READY && !is_keeper(h))
        hear_wish(h);
}

void hand_stop(struct hand *h)
{
    if (h->stopped_ms)
        return;
    h->stopped_ms = loop_clock_ms();
    h->look_ms = h->stopped_ms + STOPPED_MS;
    log_warning("%s (pid:%d) was stopped", h->role->title, (int)h->pid);
    estate_suspend(&h->orders->estate, h->heritage.number);
}

/* If it was told to go meanwhile, it hears of it only now. */
void hand_continue(struct hand *h)
{
    if (h->stopped_ms == 0)
        return;
    h->stopped_ms = 0;
    h->missed = false;
    h->forgiven_ms = loop_clock_ms();
    log_info("%s (pid:%d) goes on", h->role->title, (int)h->pid);
    if (h->state != SLOT_RETIRING || h->killed || h->orders->hurry)
        return;
    h->kill_ms = HAND_NEVER;
    be_patient(h);
}

void hand_quit(struct hand *h)
{
    if (spawn_signal(h->pid, SIGQUIT))
        kill_by(h, loop_clock_ms() + QUIT_MS);
}
