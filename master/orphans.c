#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/settings/settings.h"
#include "master/spawn.h"
#include "master/stranger.h"

#include "master/orphans.h"

enum {
    STOPPED_MS = 500, /* these three as with our own, see hand.c */
    LATE_MS = 500,
    LEAVE_MS = 500,
    BIRTH_MS = 100, /* from the first heartbeat, the master's, to the fork */
    ANOTHER_MS = 60000, /* born so long after a heartbeat it is another one */
};

bool orphans_claim(struct slot *slot)
{
    int32_t nobody = 0;

    return atomic_compare_exchange_strong(&slot->master, &nobody, getpid()) ||
           nobody == getpid();
}

void orphans_release(struct slot *slot)
{
    int32_t own = getpid();

    atomic_compare_exchange_strong(&slot->master, &own, 0);
}

/* A look around: with what, and when. */
struct round {
    struct orphans *orphans;
    const struct estate *estate;
    const struct settings *limits;
    uint64_t now_ms;
};

static const struct role *role_of(unsigned number)
{
    static const struct role roles[] = {{NULL, "worker", "Worker"},
                                        {NULL, "keeper", "Keeper"},
                                        {NULL, "master", "Master"}};

    return &roles[number < SLOTS_MAX ? 0 : number - SLOT_KEEPER + 1];
}

static struct slot *slot_of(const struct round *r, unsigned number)
{
    return &r->estate->shared->slots[number];
}

static uint64_t beat_of(const struct round *r, unsigned number)
{
    return atomic_load(&slot_of(r, number)->beat_ms);
}

/* ---- those that do not leave --------------------------------------------- */

/* Nobody waits for what others can do in its place. */
static void note_stopped(const struct round *r, unsigned number, bool stopped)
{
    struct orphan *o = &r->orphans->at[number];

    if (!stopped) {
        o->stopped_ms = 0;
        return;
    }
    if (o->stopped_ms && r->now_ms - o->look_ms < STOPPED_MS)
        return;
    if (o->stopped_ms == 0)
        o->stopped_ms = r->now_ms;
    o->look_ms = r->now_ms;
    estate_suspend(r->estate, number);
}

static bool is_silent(const struct round *r, unsigned number)
{
    uint64_t limit_ms = (uint64_t)r->limits->timeout * 1000;
    uint64_t beat_ms = beat_of(r, number);

    return limit_ms && r->now_ms > beat_ms &&
           r->now_ms - beat_ms > limit_ms + LATE_MS;
}

/* Why it has to be ended; null: it need not yet. */
static const char *why_not(const struct round *r, unsigned number)
{
    const struct orphan *o = &r->orphans->at[number];
    uint64_t grace_ms = (uint64_t)r->limits->graceful_timeout * 1000;

    if (o->stopped_ms && r->now_ms - o->stopped_ms >= STOPPED_MS &&
        estate_holds_up(r->estate, number))
        return "is stopped, and others wait for it";
    if (is_silent(r, number))
        return "gives no sign of life";
    if (r->now_ms - o->since_ms >= grace_ms + LEAVE_MS)
        return "does not leave";
    return NULL;
}

/* Who has its id and was born after its last sign of life is somebody else. */
static void condemn(const struct round *r, unsigned number, const char *why)
{
    struct orphan *o = &r->orphans->at[number];
    const struct role *role = role_of(number);

    o->condemned = true;
    estate_tell(r->estate, role, number, o->pid);
    o->killed = stranger_kill(o->pid, beat_of(r, number) + BIRTH_MS);
    if (o->killed)
        log_error("%s (pid:%d) of a former master %s: it was killed",
                  role->title, (int)o->pid, why);
    else
        log_error("%s (pid:%d) of a former master %s, and cannot be killed: "
                  "%s",
                  role->title, (int)o->pid, why, strerror(errno));
}

static void press(const struct round *r, unsigned number, pid_t pid,
                  bool stopped)
{
    struct orphan *o = &r->orphans->at[number];

    if (o->pid != pid)
        *o = (struct orphan){.pid = pid, .since_ms = r->now_ms};
    if (o->condemned)
        return;
    note_stopped(r, number, stopped);
    const char *why = why_not(r, number);
    if (why)
        condemn(r, number, why);
}

/* ---- those that have left ------------------------------------------------ */

static void settle(const struct round *r, unsigned number, pid_t pid)
{
    const struct orphan *o = &r->orphans->at[number];
    const bool killed = o->pid == pid && o->killed;
    /* Of the others nobody knows how they ended. */
    const struct spawn_end end = {.pid = pid, .signal = killed ? SIGKILL : 0};
    const struct death death = {
        .end = &end,
        .role = role_of(number),
        .number = number,
    };

    log_debug("%s (pid:%d) of a former master has left", death.role->title,
              (int)pid);
    estate_settle(r->estate, &death);
}

/* Whether it still runs; and whether it is stopped, as far as that is to be
 * seen. */
static bool is_there(const struct round *r, unsigned number, pid_t pid,
                     bool *stopped)
{
    struct stranger s;

    if (pid == 0 || spawn_gone(pid))
        return false;
    bool seen = stranger_look(pid, &s);
    *stopped = seen && s.stopped;
    return !seen || s.born_ms < beat_of(r, number) + ANOTHER_MS;
}

/* True when it is none any more. The slot goes last: until then another look
 * does it again. */
static bool look_at(const struct round *r, unsigned number, pid_t master)
{
    struct slot *slot = slot_of(r, number);
    pid_t pid = atomic_load(&slot->pid);
    bool stopped;

    if (is_there(r, number, pid, &stopped)) {
        press(r, number, pid, stopped);
        return false;
    }
    settle(r, number, pid);
    r->orphans->at[number].pid = 0;
    atomic_compare_exchange_strong(&slot->master, &master, 0);
    return true;
}

/* Of two slots in a row most have the same master: it is asked after once. */
size_t orphans_look(struct orphans *o, const struct estate *e,
                    const struct settings *limits, uint64_t now_ms)
{
    const struct round r = {o, e, limits, now_ms};
    pid_t known = getpid();
    bool gone = false;
    size_t left = 0;

    for (unsigned i = 0; i < SLOTS_ALL; i++) {
        pid_t master = atomic_load(&slot_of(&r, i)->master);
        if (master == 0)
            continue;
        if (master != known) {
            known = master;
            gone = master != getpid() && spawn_gone(master);
        }
        if (gone && !look_at(&r, i, master))
            left++;
    }
    return left;
}
