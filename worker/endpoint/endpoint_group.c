#include <assert.h>

#include "worker/endpoint/precondition.h"
#include "worker/http/problem.h"

#include "worker/endpoint/endpoint_private.h"

/*
 * One turn: what is queued, in one transaction. A commit costs 20 µs of CPU
 * and its sync 90 more (measured on ext4), a savepoint 1: sixteen writes
 * together cost a third of sixteen alone.
 *
 * Each has a savepoint of its own, so one that fails is undone alone. But
 * SQLite may take the whole transaction back (disk full, a deadline in the
 * middle of a statement, ON CONFLICT ROLLBACK), and the commit may fail: then
 * those that had gone well are run again, each in a transaction of its own.
 */

enum {
    GROUP_MAX = 64,         /* writes in one transaction */
    GROUP_NS = 10 * 1000000 /* after so long nobody more is taken in */
};

struct group {
    struct endpoints *es;
    struct db *db;
    struct write *at[GROUP_MAX];
    size_t count;
    uint64_t began_ns;
};

/* ---- one write, inside a transaction -------------------------------------*/

/* What the endpoint says, inside the transaction. False: refused. */
static bool run_endpoint(struct visit *v)
{
    struct precondition condition = {
        .run = &v->run, .twin = v->p->twin, .reader = v->es->reader};

    if (precondition_asked(v->call->req)) {
        v->run.allowed = precondition_holds;
        v->run.self = &condition;
    }
    bool good = run_write(&v->run);
    endpoint_note_pace(v);
    if (!good)
        return false;
    endpoint_finish(v);
    return v->call->res->status < 400;
}

/* A repeated one gets the answer that was given to the first. */
static bool run_keyed(struct visit *v)
{
    struct idempotency *i = v->es->idempotency;
    const struct identity *who = &v->question->who;

    switch (idempotency_find(i, v->call, endpoint_of(v), who)) {
    case IDEMPOTENT_NEW: break;
    case IDEMPOTENT_KNOWN: return true;
    case IDEMPOTENT_OTHER:
    case IDEMPOTENT_FAILED:
    default: return false;
    }
    if (!run_endpoint(v))
        return false;
    enum db_result r = idempotency_store(i, v->call, endpoint_of(v), who);
    if (r != DB_DONE)
        run_fail(&v->run, r);
    return r == DB_DONE;
}

/* Foreign keys that are checked at the commit are checked here: at the commit
 * they would be everybody's. */
static bool run_checked(struct visit *v, const struct write *w)
{
    if (!(w->keyed ? run_keyed(v) : run_endpoint(v)))
        return false;
    if (!db_owes(v->es->config.db))
        return true;
    run_fail(&v->run, DB_FOREIGN);
    return false;
}

static void begin(const struct group *g, struct write *w)
{
    const struct call *call = w->call;
    const struct turn_work work = {
        .route = w->p->route,
        .id = {call->res->id, call->res->id_len},
        .waited_ns = loop_clock_ns() - w->since_ns,
    };

    observe_unpark(g->es->config.observer, w->call, PHASE_READ, &w->record);
    turns_work(&g->es->turns, &work);
}

static void end(const struct group *g, struct write *w, enum write_state state)
{
    static const enum phase next[] = {
        [WRITE_QUEUED] = PHASE_TURN,
        [WRITE_REFUSED] = PHASE_FINISH,
        [WRITE_COMMITTED] = PHASE_SYNC,
    };

    w->state = state;
    w->commit = 0;
    observe_park(g->es->config.observer, w->call, next[state], &w->record);
}

static void begin_anew(struct write *w)
{
    struct response *res = w->call->res;
    struct trace *t = w->call->trace;

    w->state = WRITE_QUEUED;
    t->error = 0;
    t->queries = t->rows = 0;
    buf_clear(&res->headers);
    response_drop_body(res);
    res->status = 0;
    res->type = NULL;
}

/* ---- one write in a transaction of its own -------------------------------*/

static bool may_be_alone(const struct write *w)
{
    return w->p->plan->alone && !w->keyed && !precondition_asked(w->call->req);
}

/* The turn is ours, so who has the lock is a stranger, for whom the loop does
 * not wait. */
static enum db_result begin_write(struct db *db)
{
    db_deadline(db, 0); /* that of the one before is not this one's */
    db_patience(db, 0);
    enum db_result r = db_begin_write(db);
    db_patience(db, DB_PATIENCE_MS);
    return r;
}

static enum db_result run_apart(const struct group *g, struct visit *v,
                                struct write *w)
{
    enum db_result r = begin_write(g->db);

    if (r == DB_BUSY)
        return r;
    begin(g, w);
    db_deadline(g->db, w->until_ms);
    if (r == DB_DONE && !run_checked(v, w)) {
        db_rollback(g->db);
        return DB_ERROR;
    }
    if (r == DB_DONE)
        r = db_commit(g->db);
    if (r != DB_DONE) {
        begin_anew(w);
        run_fail(&v->run, r);
    }
    return r == DB_BUSY ? DB_ERROR : r;
}

/* Its one statement is its transaction. */
static enum db_result run_alone(const struct group *g, struct visit *v,
                                struct write *w)
{
    struct db *db = g->db;
    enum db_result r = db_begin_alone(db);

    begin(g, w);
    if (r != DB_DONE) {
        run_fail(&v->run, r);
        return r;
    }
    db_deadline(db, w->until_ms);
    db_patience(db, 0);
    bool good = run_write(&v->run);
    endpoint_note_pace(v);
    db_patience(db, DB_PATIENCE_MS);
    if (good)
        endpoint_finish(v);
    if (!good && v->run.result == DB_DONE) /* no row: nothing was written */
        v->run.result = DB_ERROR;
    if (v->run.result == DB_BUSY) {
        begin_anew(w);
        end(g, w, WRITE_QUEUED);
    }
    return v->run.result;
}

/* False when a stranger has the lock, and it stays queued. That is found out
 * once by trying; from then on the lock is taken before the work begins. */
static bool run_single(const struct group *g, struct write *w)
{
    struct visit v = endpoint_visit(g->es, w->p, w->call, &w->question);
    bool locked = lockout_stands(&g->es->lobby->writes.lockout);
    enum db_result r =
        may_be_alone(w) && !locked ? run_alone(g, &v, w) : run_apart(g, &v, w);

    if (r == DB_BUSY)
        return false;
    end(g, w, r == DB_DONE ? WRITE_COMMITTED : WRITE_REFUSED);
    if (r == DB_DONE)
        w->commit = turns_commit(&g->es->turns);
    return true;
}

/* ---- several in one ------------------------------------------------------*/

/* False when the whole transaction is gone. */
static bool run_member(const struct group *g, struct write *w)
{
    struct visit v = endpoint_visit(g->es, w->p, w->call, &w->question);
    bool good = false;

    begin(g, w);
    db_deadline(g->db, 0);
    enum db_result r = db_savepoint(g->db);
    db_deadline(g->db, w->until_ms);
    if (r != DB_DONE)
        run_fail(&v.run, r);
    else
        good = run_checked(&v, w);
    if (good && (r = db_release(g->db)) != DB_DONE) {
        begin_anew(w);
        run_fail(&v.run, r);
        good = false;
    }
    end(g, w, good ? WRITE_COMMITTED : WRITE_REFUSED);
    return good || db_undo(g->db);
}

/* Runs as many as there is time for; false when the transaction is gone. */
static bool run_members(struct group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        if (i > 0 && loop_clock_ns() - g->began_ns > GROUP_NS) {
            g->count = i;
            return true;
        }
        if (!run_member(g, g->at[i])) {
            g->count = i + 1;
            return false;
        }
    }
    return true;
}

static void number(const struct group *g)
{
    uint64_t commit = turns_commit(&g->es->turns);

    for (size_t i = 0; i < g->count; i++)
        if (g->at[i]->state == WRITE_COMMITTED)
            g->at[i]->commit = commit;
}

/*
 * Each for itself, from the first that had gone well on: a refusal that came
 * after it may have been on its account. The time that was lost is given back
 * to them. Whom a stranger now locks out stays queued.
 */
static void run_again(const struct group *g, const struct write *culprit)
{
    uint64_t lost_ms = (loop_clock_ns() - g->began_ns) / 1000000;
    bool after_good = false;

    for (size_t i = 0; i < g->count; i++) {
        after_good |= g->at[i]->state == WRITE_COMMITTED;
        if (!after_good || g->at[i] == culprit)
            continue;
        begin_anew(g->at[i]);
        g->at[i]->until_ms += lost_ms;
    }
    for (size_t i = 0; i < g->count; i++)
        if (g->at[i]->state == WRITE_QUEUED && !run_single(g, g->at[i]))
            return;
}

static void refuse_all(const struct group *g, enum db_result r)
{
    for (size_t i = 0; i < g->count; i++) {
        struct write *w = g->at[i];
        struct visit v = endpoint_visit(g->es, w->p, w->call, &w->question);
        run_fail(&v.run, r);
        w->state = WRITE_REFUSED;
    }
}

static bool run_together(struct group *g)
{
    enum db_result r = begin_write(g->db);

    if (r == DB_BUSY)
        return false;
    if (r != DB_DONE) {
        refuse_all(g, r);
        return true;
    }
    bool whole = run_members(g);
    const struct write *culprit = whole ? NULL : g->at[g->count - 1];
    if (whole)
        whole = db_commit(g->db) == DB_DONE;
    else
        db_rollback(g->db);
    if (whole)
        number(g);
    else
        run_again(g, culprit);
    return true;
}

/* ---- the turn ------------------------------------------------------------*/

static void gather(struct group *g)
{
    struct write *w = g->es->lobby->writes.queued.first;

    for (; w && g->count < GROUP_MAX; w = w->next) {
        endpoint_adopt(g->es, w);
        g->at[g->count++] = w;
    }
}

bool endpoint_group(struct endpoints *es)
{
    struct group g = {
        .es = es, .db = es->config.db, .began_ns = loop_clock_ns()};

    gather(&g);
    assert(g.count > 0);
    if (turns_broken(&es->turns) || !db_ready(g.db, loop_clock_ms())) {
        refuse_all(&g, DB_GONE);
        return true;
    }
    return g.count == 1 ? run_single(&g, g.at[0]) : run_together(&g);
}
