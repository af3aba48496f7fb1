#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/settings.h"
#include "common/shm.h"
#include "master/spawn.h"

#include "master/crew.h"

enum {
    BACKOFF_MAX_S = 60, /* doubles from 1 */
    ABORT_MS = 1000,    /* from SIGABRT to SIGKILL */
    QUIT_MS = 2000,     /* from SIGQUIT to SIGKILL */
};

#define NEVER UINT64_MAX

enum event {
    EVENT_READY,  /* it said so */
    EVENT_END,    /* its process is gone */
    EVENT_RETIRE, /* it is not wanted any more */
    EVENT_TEND,   /* time has passed */
    EVENT_COUNT
};

/* The master's record of one slot. */
struct worker {
    struct heritage heritage; /* what its process is born with */
    enum slot_state state;    /* changed by become() alone */
    struct era *era;          /* null exactly when empty */
    pid_t pid;                /* 0 exactly when empty or in back-off */
    uint64_t birth;           /* counts up over all: lower is older */
    uint64_t retry_ms;        /* in back-off: when to try again */
    uint64_t kill_ms;         /* when SIGKILL is due; NEVER */
    unsigned delay_s;         /* the last back-off; 0 after a ready life */
    bool aborted;             /* SIGABRT was sent for its silence */
    bool killed;              /* SIGKILL was sent, by us */
    struct spawn_end end;     /* of its last process */
};

struct crew {
    worker_body *body;
    int news_fd;
    int life_fd;
    struct slot *slots; /* shared; one for each worker */
    uint64_t births;
    uint64_t forgiven_ms; /* no heartbeat counts as older than this */
    bool hurrying;
    struct worker workers[SLOTS_MAX];
};

static const char *const state_names[] = {
    [SLOT_EMPTY] = "empty",       [SLOT_STARTING] = "starting",
    [SLOT_READY] = "ready",       [SLOT_RETIRING] = "retiring",
    [SLOT_BACKOFF] = "back-off",
};

static void become(struct worker *w, enum slot_state state)
{
    log_debug("Slot %u (pid:%d): %s -> %s", w->heritage.number, (int)w->pid,
              state_names[w->state], state_names[state]);
    w->state = state;
}

/* ---- actions: what an event does to a slot -------------------------------- */

static void vacate(struct crew *c, struct worker *w)
{
    (void)c;
    become(w, SLOT_EMPTY);
    w->era = NULL;
    w->delay_s = 0; /* a free slot bears no grudge */
}

static void serve(struct crew *c, struct worker *w)
{
    (void)c;
    become(w, SLOT_READY);
    w->delay_s = 0;
    w->era->proven = true;
}

/*
 * A death before the first ready is structural more often than not (a disk
 * that is full, a database that is locked): trying at once would only burn
 * the machine.
 */
static void back_off(struct crew *c, struct worker *w)
{
    unsigned doubled = w->delay_s ? w->delay_s * 2 : 1;

    (void)c;
    become(w, SLOT_BACKOFF);
    w->delay_s = doubled < BACKOFF_MAX_S ? doubled : BACKOFF_MAX_S;
    w->retry_ms = loop_clock_ms() + w->delay_s * UINT64_C(1000);
    if (w->era->proven) {
        log_warning("A worker died before it was ready, next try in %u s",
                    w->delay_s);
        return;
    }
    w->era->failed = true;
    w->era->failure = w->end;
}

static void kill_by(struct worker *w, uint64_t when_ms)
{
    if (!w->killed && when_ms < w->kill_ms)
        w->kill_ms = when_ms;
}

static void drain(struct crew *c, struct worker *w)
{
    uint64_t grace_s = (uint64_t)w->era->is.settings->graceful_timeout;

    (void)c;
    become(w, SLOT_RETIRING);
    spawn_signal(w->pid, SIGTERM);
    kill_by(w, loop_clock_ms() + grace_s * 1000);
}

static void born(struct worker *w, pid_t pid)
{
    w->pid = pid;
    w->kill_ms = NEVER;
    w->aborted = false;
    w->killed = false;
    become(w, SLOT_STARTING);
}

static void start(struct crew *c, struct worker *w)
{
    w->heritage.settings = w->era->is.settings;
    w->heritage.app = w->era->is.app;
    w->heritage.listeners =
        listeners_fds(w->era->listeners, &w->heritage.listener_count);
    w->birth = c->births++;
    pid_t pid = spawn_worker(c->body, &w->heritage);
    if (pid > 0) {
        born(w, pid);
        return;
    }
    log_error("Cannot fork a worker: %s", strerror(errno));
    w->end = (struct spawn_end){.code = -1};
    back_off(c, w);
}

static void try_again(struct crew *c, struct worker *w)
{
    if (loop_clock_ms() >= w->retry_ms)
        start(c, w);
}

static void abort_if_silent(const struct crew *c, struct worker *w,
                            uint64_t now_ms)
{
    uint64_t limit_ms = (uint64_t)w->era->is.settings->timeout * 1000;
    uint64_t beat_ms = atomic_load(&w->heritage.slot->beat_ms);

    if (beat_ms < c->forgiven_ms)
        beat_ms = c->forgiven_ms;
    /* A beat may be younger than our clock reading. */
    if (limit_ms == 0 || w->aborted || now_ms < beat_ms ||
        now_ms - beat_ms <= limit_ms)
        return;
    log_critical("WORKER TIMEOUT (pid:%d)", (int)w->pid);
    w->aborted = true;
    spawn_signal(w->pid, SIGABRT);
    kill_by(w, now_ms + ABORT_MS);
}

static void watch_over(struct crew *c, struct worker *w)
{
    uint64_t now_ms = loop_clock_ms();

    abort_if_silent(c, w, now_ms);
    if (now_ms < w->kill_ms)
        return;
    if (!w->aborted && !c->hurrying)
        log_warning("Worker graceful timeout (pid:%d)", (int)w->pid);
    w->killed = true;
    w->kill_ms = NEVER;
    spawn_signal(w->pid, SIGKILL);
}

/* Nothing stands where an event cannot come or means nothing. */
typedef void action(struct crew *c, struct worker *w);
static action *const actions[][EVENT_COUNT] = {
    [SLOT_EMPTY] = {NULL},
    [SLOT_STARTING] = {[EVENT_READY] = serve,
                       [EVENT_END] = back_off,
                       [EVENT_RETIRE] = drain,
                       [EVENT_TEND] = watch_over},
    [SLOT_READY] = {[EVENT_END] = vacate,
                    [EVENT_RETIRE] = drain,
                    [EVENT_TEND] = watch_over},
    [SLOT_RETIRING] = {[EVENT_END] = vacate, [EVENT_TEND] = watch_over},
    [SLOT_BACKOFF] = {[EVENT_RETIRE] = vacate, [EVENT_TEND] = try_again},
};

static void react(struct crew *c, struct worker *w, enum event event)
{
    action *act = actions[w->state][event];

    if (act)
        act(c, w);
    assert((w->era == NULL) == (w->state == SLOT_EMPTY));
}

/* ---- what is --------------------------------------------------------------- */
