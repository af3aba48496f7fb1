#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"
#include "worker/http/problem.h"

#include "worker/endpoint/run.h"

/* ---- failures ------------------------------------------------------------*/

static enum counter error_of(enum db_result result)
{
    switch (result) {
    case DB_CANCELLED:
    case DB_STOPPED:
    case DB_DEADLINE: return COUNT_ERROR_DEADLINE;
    case DB_BUSY: return COUNT_ERROR_BUSY;
    case DB_FULL: return COUNT_ERROR_FULL;
    case DB_GONE:
    case DB_CORRUPT:
    case DB_READONLY: return COUNT_ERROR_GONE;
    case DB_ROW:
    case DB_DONE:
    case DB_UNIQUE:
    case DB_FOREIGN:
    case DB_NOT_NULL:
    case DB_CHECK:
    case DB_RAISED:
    case DB_TOO_BIG:
    case DB_ERROR:
    default: return COUNT_ERROR_SQL;
    }
}

void run_failed(struct call *call, enum db_result result, const char *message)
{
    problem_sql(call->res, result, message);
    if (call->res->status >= 500)
        call->trace->error = error_of(result);
}

static const struct endpoint *endpoint_of(const struct run *r)
{
    return r->question->plan->e;
}

/* The failure as an answer; what nobody but us can mend is logged. */
static void answer_failure(struct run *r, enum db_result result)
{
    const struct endpoint *e = endpoint_of(r);
    const struct response *res = r->call->res;
    const char *message = db_message(r->db);

    if (result == DB_TOO_BIG && e->method == METHOD_GET) {
        message = "The answer is larger than this server sends";
        problem(r->call->res, 500, message);
    } else {
        run_failed(r->call, result, message);
    }
    /* Of the one lockout.h tells, of the other who wanted it. */
    if (res->status >= 500 && result != DB_BUSY && result != DB_CANCELLED)
        log_error("Error handling request %s %s: %s: %s, request %.*s",
                  method_name(e->method), e->path, db_result_name(result),
                  message, (int)res->id_len, res->id);
}

/* Inside @each the client wants to know which element it was. */
static void point_to_element(struct run *r)
{
    const struct endpoint *e = endpoint_of(r);
    struct response *res = r->call->res;
    struct buf errors = {0};
    char pointer[160];

    if (e->each == NULL || res->status >= 500)
        return;
    snprintf(pointer, sizeof pointer, "/%s/%zu", e->each, r->set);
    problem_error(&errors, pointer, status_phrase(res->status));
    res->body.len--; /* the closing brace */
    problem_errors(res, buf_view(&errors));
    buf_free(&errors);
}

void run_fail(struct run *r, enum db_result result)
{
    r->result = result;
    answer_failure(r, result);
    point_to_element(r);
}

/* A transaction that writes is the caller's, who may share it with others. */
static void end_snapshot(struct run *r)
{
    if (!db_is_writing(r->db))
        db_rollback(r->db);
}

static bool fail(struct run *r, enum db_result result)
{
    run_fail(r, result);
    end_snapshot(r);
    return false;
}

static bool miss(struct run *r)
{
    problem(r->call->res, 404, "There is no such row");
    return false;
}

/* ---- statements ----------------------------------------------------------*/

static void note_slow(const struct run *r, const struct step *s, uint64_t ns)
{
    const struct endpoint *e = endpoint_of(r);
    const struct response *res = r->call->res;

    if (ns / 1000000 < (uint64_t)r->app->slow_query_ms)
        return;
    log_warning("Slow query: %" PRIu64 " ms in %s %s (%s:%d), parameters "
                "redacted, request %.*s",
                ns / 1000000, method_name(e->method), e->path, e->file,
                s->sql->line, (int)res->id_len, res->id);
}

/* DB_TOO_BIG when the answer outgrows the app's response_max; but a write that
 * commits as it ends has to be run to its end. */
static enum db_result read_rows(struct run *r, const struct step *s)
{
    struct listing *l = r->listing;
    bool writes = !stmt_readonly(s->stmt);
    bool wanted = true;
    enum db_result result;

    while ((result = stmt_step(s->stmt)) == DB_ROW) {
        if (l->rows == 0 && !columns_refresh(s->columns))
            return DB_ERROR;
        if (wanted)
            wanted = listing_row(l);
        if (l->out->len > (size_t)r->app->response_max &&
            !r->question->plan->alone)
            return DB_TOO_BIG;
        if (!wanted && !writes) /* a write is run to its end */
            return DB_DONE;
    }
    if (l->rows == 0) /* other columns would show at the first row only */
        columns_refresh(s->columns);
    return result;
}

static enum db_result skip_rows(const struct step *s, size_t *rows)
{
    enum db_result result;

    while ((result = stmt_step(s->stmt)) == DB_ROW)
        (*rows)++;
    return result;
}

static void bind(const struct run *r, const struct step *s)
{
    const struct question *q = r->question;
    const struct bindings b = {
        .arguments = &q->arguments,
        .set = r->set,
        .who = &q->who,
        .paging = &q->paging,
    };

    step_bind(s, &b);
}

/* From here on this thread touches only what is its own: the statement, the
 * answer's body. */
static void enter_lane(const struct run *r)
{
    struct lane *lane = r->lane;

    if (lane == NULL)
        return;
    lane->came_ns = r->call->trace->came_ns;
    lane->since_ns = r->call->trace->phase_ns;
    lane->endpoint = endpoint_of(r);
    relay_leave(lane->relay);
}

static void leave_lane(const struct run *r)
{
    struct lane *lane = r->lane;

    if (lane == NULL)
        return;
    relay_return(lane->relay);
    lane->came_ns = 0;
}

static enum db_result run_step(struct run *r, const struct step *s)
{
    struct trace *t = r->call->trace;
    bool gives = s->columns && s == r->question->step;
    size_t before = r->listing->rows;
    size_t rows = 0;

    trace_sql(t, t->queries + 1);
    bind(r, s);
    enter_lane(r);
    enum db_result result = gives ? read_rows(r, s) : skip_rows(s, &rows);
    stmt_reset(s->stmt);
    leave_lane(r);
    if (gives)
        rows = r->listing->rows - before;
    trace_waited(t, db_waited_ns(r->db));
    note_slow(r, s, trace_sql_end(t, s->sql->line, rows));
    return result;
}

static enum db_result run_statements(struct run *r)
{
    const struct plan *plan = r->question->plan;
    enum db_result result = DB_DONE;

    if (r->question->paged)
        return run_step(r, &plan->steps[r->question->paging.variant]);
    for (size_t i = 0; i < plan->step_count && result == DB_DONE; i++)
        result = run_step(r, &plan->steps[i]);
    return result;
}

static bool lacks_row(const struct run *r)
{
    enum shape shape = endpoint_of(r)->shape;

    return (shape == SHAPE_ONE || shape == SHAPE_VALUE) &&
           r->listing->rows == 0;
}

/* Every element is one set of values; without @each there is one. */
static bool run_sets(struct run *r)
{
    enum db_result result = DB_DONE;

    for (r->set = 0; r->set < r->question->arguments.sets; r->set++) {
        result = run_statements(r);
        if (result != DB_DONE)
            return fail(r, result);
    }
    return !lacks_row(r) || miss(r);
}

/* ---- the whole -----------------------------------------------------------*/

static void begin_listing(struct run *r)
{
    const struct question *q = r->question;
    struct listing *l = r->listing;

    r->result = DB_DONE;
    l->plan = q->plan;
    l->step = q->step;
    l->paging = q->paged ? &q->paging : NULL;
    l->form = q->form;
    l->set = q->set;
    l->rows = 0;
    if (q->step)
        listing_begin(l, &r->call->res->body);
}

/* Several statements see one snapshot; it ends with the turn of the loop. */
bool run_read(struct run *r)
{
    const struct question *q = r->question;
    bool several = q->paged ? q->paging.count : q->plan->step_count > 1;

    begin_listing(r);
    if (several)
        db_share_reads(r->db);
    enum db_result result = db_begin_read(r->db);
    if (result != DB_DONE)
        return fail(r, result);
    if (!run_sets(r))
        return false;
    if (q->step)
        listing_end(r->listing);
    return true;
}

bool run_write(struct run *r)
{
    begin_listing(r);
    if (r->allowed && !r->allowed(r->self))
        return false;
    if (!run_sets(r))
        return false;
    if (r->question->step)
        listing_end(r->listing);
    return true;
}

int64_t run_count(struct run *r)
{
    const struct plan *plan = r->question->plan;
    const struct step *s = &plan->steps[paging_count_variant(plan->e)];
    struct trace *t = r->call->trace;
    int64_t count = -1;

    r->set = 0;
    trace_sql(t, t->queries + 1);
    bind(r, s);
    enter_lane(r);
    enum db_result result = stmt_step(s->stmt);
    if (result == DB_ROW)
        count = stmt_int(s->stmt, 0);
    stmt_reset(s->stmt);
    leave_lane(r);
    trace_sql_end(t, s->sql->line, 1);
    if (result != DB_ROW)
        fail(r, result);
    return count;
}
