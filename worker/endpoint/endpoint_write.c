#include <assert.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/segment/heritage.h"
#include "worker/http/problem.h"

#include "worker/endpoint/endpoint_private.h"

/*
 * The way of a write: queued → (the turn) → refused or committed → (the disk)
 * → answered. All that is queued when the turn comes goes through it together
 * (endpoint_group.c), so a turn, a commit and a sync are shared by as many as
 * there are.
 */

enum {
    UNUSED_MAX = 128,     /* writes kept for reuse */
    LOOK_MS = 20,         /* see TURN_LOOK_MS */
    TELL_EVERY_MS = 1000, /* lines about those who waited in vain */
};

/* ---- lists ---------------------------------------------------------------*/

static void append(struct write_list *l, struct write *w)
{
    w->next = NULL;
    *(l->last ? &l->last->next : &l->first) = w;
    l->last = w;
    l->count++;
}

/* `before` is w's predecessor; null: it is the first. */
static void unlink_after(struct write_list *l, struct write *before,
                         struct write *w)
{
    *(before ? &before->next : &l->first) = w->next;
    if (l->last == w)
        l->last = before;
    l->count--;
}

static void destroy(struct write *w)
{
    question_free(&w->question);
    free(w);
}

static struct write *take(struct writes *ws)
{
    struct write *w = ws->unused.first;

    if (w) {
        unlink_after(&ws->unused, NULL, w);
        return w;
    }
    w = calloc(1, sizeof *w);
    assert(w != NULL);
    return w;
}

static void give(struct writes *ws, struct write *w)
{
    if (ws->unused.count < UNUSED_MAX)
        append(&ws->unused, w);
    else
        destroy(w);
}

static void free_list(struct write_list *l)
{
    struct write *w;

    while ((w = l->first)) {
        unlink_after(l, NULL, w);
        destroy(w);
    }
}

void endpoint_free_writes(struct writes *ws)
{
    free_list(&ws->queued);
    free_list(&ws->answered);
    free_list(&ws->unused);
}

/* Whichever thread's endpoints read it. */
void endpoint_adopt(const struct endpoints *es, struct write *w)
{
    w->p = &es->all[w->p->index];
    question_adopt(&w->question, w->p->plan);
}

/* ---- queueing ------------------------------------------------------------*/

static bool is_closed(const struct visit *v)
{
    if (!turns_broken(&v->es->turns))
        return false;
    problem(v->call->res, 503,
            "Nothing can be written: the disk has failed to keep a write");
    return true;
}

static void queue(struct visit *v, struct write *w)
{
    w->state = WRITE_QUEUED;
    w->call = v->call;
    w->p = v->p;
    w->until_ms = v->call->now_ms + (uint64_t)endpoint_of(v)->timeout_ms;
    w->since_ns = loop_clock_ns();
    observe_park(v->es->config.observer, v->call, PHASE_TURN, &w->record);
    append(&v->es->lobby->writes.queued, w);
}

bool endpoint_write(struct visit *v)
{
    struct writes *ws = &v->es->lobby->writes;
    struct write *w = take(ws);

    v->question = &w->question;
    w->keyed = idempotency_asked(v->call->req);
    if (!is_closed(v) && !endpoint_writes_full(v) && !endpoint_sheds(v) &&
        endpoint_admits(v) &&
        (!w->keyed || idempotency_valid(v->call->req, v->call->res))) {
        queue(v, w);
        return false;
    }
    give(ws, w);
    return true;
}

/* ---- answering -----------------------------------------------------------*/

static void answer(struct endpoints *es, struct write *w)
{
    struct call *call = w->call;

    endpoint_adopt(es, w);
    struct visit v = endpoint_visit(es, w->p, call, &w->question);
    observe_unpark(es->config.observer, call, PHASE_FINISH, &w->record);
    if (w->state == WRITE_COMMITTED)
        endpoint_shrink(&v);
    call->res->sql_us = call->trace->sql_ns / 1000;
    give(&es->lobby->writes, w);
    call->done(call);
}

static void say_lost(struct write *w)
{
    struct response *res = w->call->res;

    w->state = WRITE_REFUSED;
    buf_clear(&res->headers);
    w->call->trace->error = COUNT_ERROR_GONE;
    problem(res, 500,
            "The disk failed to keep the write; it may be there or not");
}

/* In the order of the commits: one that is not safe yet keeps those behind it,
 * but not what was refused. */
static void answer_safe(struct endpoints *es)
{
    struct write_list *l = &es->lobby->writes.answered;
    struct write *before = NULL, *next;
    enum safe safe = SAFE;
    uint64_t asked = 0;

    es->lobby->writes.answering = true;
    for (struct write *w = l->first; w; w = next) {
        next = w->next;
        bool written = w->state == WRITE_COMMITTED;
        if (written && safe == SAFE && w->commit > asked)
            safe = turns_safe(&es->turns, asked = w->commit);
        if (written && safe == SAFE_NOT_YET) {
            before = w;
            continue;
        }
        unlink_after(l, before, w);
        if (written && safe == SAFE_NEVER)
            say_lost(w);
        answer(es, w);
    }
    es->lobby->writes.answering = false;
}

/* What the group has left behind: no more queued. */
static void collect(struct writes *ws)
{
    struct write *before = NULL, *next;

    for (struct write *w = ws->queued.first; w; w = next) {
        next = w->next;
        if (w->state == WRITE_QUEUED) {
            before = w;
            continue;
        }
        unlink_after(&ws->queued, before, w);
        append(&ws->answered, w);
    }
}

/* ---- waiting -------------------------------------------------------------*/

/* Whose fault it is, once a second. Of a stranger who has the lock the log
 * was told already (lockout.h). */
static void say_late(struct endpoints *es, size_t late, uint64_t now_ms)
{
    struct writes *ws = &es->lobby->writes;
    struct turn_holder h;

    ws->late += late;
    if (ws->late_told_ms && now_ms - ws->late_told_ms < TELL_EVERY_MS)
        return;
    if (lockout_stands(&ws->lockout))
        log_warning("Writes given up, as they had the lock not in time: %zu",
                    ws->late);
    else if (es->turns.shared &&
             turnstile_holder(es->turns.shared->turnstile, &h))
        log_warning("Writes given up, as they had no turn in time: %zu; %s "
                    "%d has held it for %.3f s, at %s",
                    ws->late, h.slot == SLOT_KEEPER ? "keeper" : "worker",
                    (int)h.pid, (double)h.held_ns / 1e9,
                    h.id[0] ? h.id : "a job");
    else
        log_warning("Writes given up, as they had no turn in time: %zu",
                    ws->late);
    ws->late_told_ms = now_ms;
    ws->late = 0;
}

static void give_up_late(struct endpoints *es, uint64_t now_ms)
{
    size_t late = 0;

    for (struct write *w = es->lobby->writes.queued.first; w; w = w->next) {
        if (now_ms < w->until_ms)
            continue;
        w->state = WRITE_REFUSED;
        run_failed(w->call, DB_BUSY, NULL);
        late++;
    }
    if (late == 0)
        return;
    collect(&es->lobby->writes);
    say_late(es, late, now_ms);
}

/* Who would hold up the worker by a long statement runs none. */
static bool must_not_write(const struct endpoints *es)
{
    const struct lobby *l = es->lobby;

    if (es->config.relay == NULL || relay_spare(es->config.relay) > 0)
        return false;
    for (const struct write *w = l->writes.queued.first; w; w = w->next)
        if (!endpoint_is_quick(l, w->p))
            return true;
    return false;
}

static void write_now(struct endpoints *es, uint64_t now_ms)
{
    struct lockout *lockout = &es->lobby->writes.lockout;
    const char *path = db_path(es->config.db);

    if (lockout_stands(lockout) && now_ms < lockout->retry_ms)
        return;
    es->lobby->writes.running = true;
    bool through = endpoint_group(es);
    es->lobby->writes.running = false;
    if (!through) {
        lockout_note(lockout, path, loop_clock_ms());
        return; /* the turn stays ours */
    }
    if (lockout_stands(lockout))
        lockout_over(lockout, path, now_ms);
    collect(&es->lobby->writes);
    turns_pass(&es->turns);
}

static void take_turn(struct endpoints *es, uint64_t now_ms)
{
    struct writes *ws = &es->lobby->writes;

    turns_queue(&es->turns, (uint32_t)ws->queued.count);
    if (must_not_write(es)) {
        turns_pass(&es->turns); /* others may be able to use it */
        return;
    }
    if (turns_ask(&es->turns) || turns_ours(&es->turns))
        write_now(es, now_ms);
    if (ws->queued.count > 0 && !lockout_stands(&ws->lockout))
        turns_ask(&es->turns); /* those behind the limit: another turn */
    turns_queue(&es->turns, (uint32_t)ws->queued.count);
}

/* Nobody is left who waits for the turn that we asked for. */
static void leave_queue(struct endpoints *es)
{
    turns_queue(&es->turns, 0);
    turns_pass(&es->turns);
}

static void go_on(struct endpoints *es, uint64_t now_ms)
{
    struct writes *ws = &es->lobby->writes;
    bool queued = ws->queued.count > 0;

    give_up_late(es, now_ms);
    if (ws->queued.count > 0)
        take_turn(es, now_ms);
    else if (queued)
        leave_queue(es);
}

void endpoints_write(struct endpoints *es, uint64_t now_ms)
{
    struct writes *ws = &es->lobby->writes;
    if (ws->queued.count == 0 && ws->answered.count == 0)
        return;
    if (!ws->running)
        go_on(es, now_ms);
    if (!ws->answering)
        answer_safe(es);
}

int endpoints_patience(const struct endpoints *es, uint64_t now_ms, int most)
{
    const struct writes *ws = &es->lobby->writes;
    const struct lockout *lockout = &ws->lockout;

    if (ws->queued.count == 0 || most == 0)
        return most;
    if (ws->running || must_not_write(es))
        return most < LOOK_MS ? most : LOOK_MS;
    if (lockout_stands(lockout)) {
        uint64_t left =
            lockout->retry_ms > now_ms ? lockout->retry_ms - now_ms : 0;
        return left < (uint64_t)most ? (int)left : most;
    }
    if (turns_ours(&es->turns))
        return 0;
    return most < LOOK_MS ? most : LOOK_MS;
}

void endpoints_yield(struct endpoints *es)
{
    const struct turns *t = &es->turns;

    if (es->lobby->writes.queued.count > 0 && !es->lobby->writes.running &&
        t->shared && turnstile_ours(t->shared->turnstile, t->slot))
        turns_pass(t);
}

bool endpoints_cancel(struct endpoints *es, struct call *call)
{
    struct write_list *l = &es->lobby->writes.queued;
    struct write *before = NULL, *w = l->first;

    if (waiting_drop(&es->lobby->waiting, call) ||
        waiting_drop(&es->lobby->held, call))
        return true;
    for (; w && w->call != call; w = w->next)
        before = w;
    if (w == NULL || es->lobby->writes.running)
        return false;
    unlink_after(l, before, w);
    give(&es->lobby->writes, w);
    if (l->count == 0)
        leave_queue(es);
    return true;
}
