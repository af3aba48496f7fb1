#include <assert.h>
#include <string.h>

#include "common/jsonout.h"
#include "common/segment/errands.h"
#include "common/segment/jobboard.h"
#include "worker/backupname.h"
#include "worker/http/problem.h"

#include "worker/chores.h"

/* A call that waits. The job's name is in its request. */
struct chore {
    struct call *call;
    int errand;
    enum errand_kind kind;
    uint64_t until_ms;     /* its patience, loop time */
    struct record noticed; /* what the recorder holds of it meanwhile */
};

/* ---- answers -------------------------------------------------------------*/

/* "/api/jobs/{name}/run" */
static struct slice job_name(const struct call *call)
{
    size_t count;
    const struct slice *segments = request_segments(call->req, &count);

    assert(count == 4);
    return segments[2];
}

static struct jsonout begin(struct call *call, int status)
{
    struct jsonout j = {.out = &call->res->body};

    call->res->status = status;
    call->res->type = "application/json";
    response_header(call->res, "Cache-Control", SLICE("no-store"));
    jsonout_open(&j, NULL, '{');
    return j;
}

static void answer_job(struct call *call, const struct errand_end *end)
{
    struct jsonout j = begin(call, 200);

    jsonout_text(&j, "name", job_name(call));
    jsonout_text(&j, "status", SLICE("done"));
    jsonout_real(&j, "duration_ms", (double)end->took_ns / 1e6, 3);
    jsonout_close(&j, '}');
}

static void answer_backup(struct call *call, const struct errand_end *end)
{
    struct jsonout j = begin(call, 201);

    jsonout_text(&j, "file", slice_of(end->text));
    jsonout_int(&j, "bytes", (int64_t)end->bytes);
    jsonout_real(&j, "duration_ms", (double)end->took_ns / 1e6, 3);
    jsonout_close(&j, '}');
}

static void answer_running(struct call *call, enum errand_kind kind)
{
    struct jsonout j = begin(call, 202);

    if (kind == ERRAND_JOB)
        jsonout_text(&j, "name", job_name(call));
    jsonout_text(&j, "status", SLICE("running"));
    jsonout_close(&j, '}');
}

static void answer_later(struct call *call, const char *detail)
{
    response_header(call->res, "Retry-After", SLICE("1"));
    problem(call->res, 503, detail);
}

static void answer_end(const struct chore *chore, enum errand_state state,
                       const struct errand_end *end)
{
    if (state == ERRAND_NONE)
        answer_later(chore->call, "It was not done; try again");
    else if (state == ERRAND_FAILED && end->busy)
        answer_later(chore->call, end->text);
    else if (state == ERRAND_FAILED)
        problem(chore->call->res, end->full ? 507 : 500, end->text);
    else if (chore->kind == ERRAND_JOB)
        answer_job(chore->call, end);
    else
        answer_backup(chore->call, end);
}

/* Its patience is over: what the keeper has begun goes on, what it has not
 * will not be done. */
static void answer_late(const struct chore *chore, enum errand_state dropped)
{
    if (dropped == ERRAND_ASKED)
        answer_later(chore->call, "The keeper did not come to it");
    else
        answer_running(chore->call, chore->kind);
}

/* ---- asking --------------------------------------------------------------*/

static bool keeper_lives(const struct chores *c)
{
    return atomic_load(&c->shared->slots[SLOT_KEEPER].pid) != 0;
}

static void park(struct chores *c, struct call *call, enum errand_kind kind,
                 int errand)
{
    struct chore chore = {
        .call = call,
        .errand = errand,
        .kind = kind,
        .until_ms = call->now_ms + CHORE_PATIENCE_MS,
    };

    observe_park(c->observer, call, PHASE_QUEUE, &chore.noticed);
    buf_add(&c->list, &chore, sizeof chore);
}

/* True when it was refused. */
static bool ask_keeper(struct chores *c, struct call *call,
                       enum errand_kind kind, struct slice what)
{
    if (!keeper_lives(c)) {
        answer_later(call, "The keeper is not there at present");
        return true;
    }
    int errand = errands_ask(c->shared->errands, c->slot, kind, what);
    if (errand < 0) {
        answer_later(call, "The keeper has too much to do");
        return true;
    }
    bells_ring(c->bells, SLOT_KEEPER);
    park(c, call, kind, errand);
    return false;
}

static bool is_on_board(const struct jobboard *board, struct slice name)
{
    struct job_figures f;

    for (int i = 0; i < JOBS_MAX; i++)
        if (jobboard_read(board, i, &f) && f.present && slice_is(name, f.name))
            return true;
    return false;
}

/* The server's own jobs stand on the board alone; and the app's too, but for
 * those beyond its room, and before the keeper came to it. */
static bool is_job(const struct chores *c, struct slice name)
{
    for (size_t i = 0; i < c->app->job_count; i++)
        if (slice_is(name, c->app->jobs[i].name))
            return true;
    return is_on_board(c->shared->jobboard, name);
}

bool chores_run_job(struct chores *c, struct call *call)
{
    struct slice name = job_name(call);

    if (is_job(c, name))
        return ask_keeper(c, call, ERRAND_JOB, name);
    problem(call->res, 404, "There is no such job");
    return true;
}

bool chores_back_up(struct chores *c, struct call *call)
{
    char name[BACKUPNAME_ROOM];
    struct fault why;

    if (c->settings->backup_dir == NULL) {
        problem(call->res, 409,
                "There is no folder for backups: the setting backup_dir "
                "names one");
        return true;
    }
    if (backupname_read(call->req, name, &why))
        return ask_keeper(c, call, ERRAND_BACKUP, slice_of(name));
    problem(call->res, 400, why.text);
    return true;
}

/* ---- waiting -------------------------------------------------------------*/

size_t chores_waiting(const struct chores *c)
{
    return c->list.len / sizeof(struct chore);
}

static void remove_at(struct chores *c, size_t at)
{
    char *gone = c->list.data + at;

    memmove(gone, gone + sizeof(struct chore),
            c->list.len - at - sizeof(struct chore));
    c->list.len -= sizeof(struct chore);
}

static bool is_pending(enum errand_state state)
{
    return state == ERRAND_ASKED || state == ERRAND_RUNNING;
}

/* Takes one that has ended, or whose patience is over, and how it stands. */
static bool take(struct chores *c, uint64_t now_ms, struct chore *out,
                 enum errand_state *state, struct errand_end *end)
{
    for (size_t at = 0; at < c->list.len; at += sizeof *out) {
        memcpy(out, c->list.data + at, sizeof *out);
        *state = errands_look(c->shared->errands, out->errand, end);
        if (is_pending(*state) && now_ms < out->until_ms)
            continue;
        remove_at(c, at);
        return true;
    }
    return false;
}

void chores_resume(struct chores *c, uint64_t now_ms)
{
    size_t most = chores_waiting(c);
    enum errand_state state;
    struct errand_end end;
    struct chore chore;

    while (most-- > 0 && take(c, now_ms, &chore, &state, &end)) {
        enum errand_state dropped =
            errands_drop(c->shared->errands, chore.errand);
        observe_unpark(c->observer, chore.call, PHASE_FINISH, &chore.noticed);
        if (is_pending(state))
            answer_late(&chore, dropped);
        else
            answer_end(&chore, state, &end);
        chore.call->done(chore.call);
    }
}

bool chores_cancel(struct chores *c, const struct call *call)
{
    struct chore chore;

    for (size_t at = 0; at < c->list.len; at += sizeof chore) {
        memcpy(&chore, c->list.data + at, sizeof chore);
        if (chore.call != call)
            continue;
        remove_at(c, at);
        errands_drop(c->shared->errands, chore.errand);
        return true;
    }
    return false;
}

void chores_free(struct chores *c)
{
    struct chore chore;

    for (size_t at = 0; at < c->list.len; at += sizeof chore) {
        memcpy(&chore, c->list.data + at, sizeof chore);
        errands_drop(c->shared->errands, chore.errand);
    }
    buf_free(&c->list);
}
