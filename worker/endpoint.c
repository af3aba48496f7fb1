#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/loop.h"
#include "worker/arguments.h"
#include "worker/endpoint.h"
#include "worker/gate.h"
#include "worker/json.h"
#include "worker/listing.h"
#include "worker/plan.h"
#include "worker/problem.h"
#include "worker/token.h"

/* One worker's endpoints, and the state of the one that is running (a worker
 * runs one at a time; the buffers in it are reused). */
struct endpoints {
    const struct app *app;
    struct db *db;
    struct json *reader;
    struct tokens *tokens;
    struct plan **plans;

    struct arguments arguments;
    struct paging paging;
    struct listing listing;
};

/* One run of one endpoint. */
struct run {
    struct endpoints *es;
    const struct plan *plan;
    const struct endpoint *e;
    struct call *call;
    struct response *res;
    struct identity who;
    bool paged;
    size_t set;        /* element of @each at work */
    uint64_t began_us; /* of its SQL */
};

/* ---- what is asked -------------------------------------------------------*/

static struct slice query_fields(const struct request *req)
{
    size_t count;
    const struct pair *pairs = request_query(req, &count);

    for (size_t i = 0; i < count; i++)
        if (slice_is(pairs[i].name, "fields"))
            return pairs[i].value;
    return (struct slice){NULL, 0};
}

/* "?fields=a,b" on reads: only these columns are written. */
static column_set chosen_columns(struct run *r, const struct step *s)
{
    struct slice list = query_fields(r->call->req);
    column_set set = 0;

    if (list.ptr == NULL || r->e->method != METHOD_GET)
        return columns_all(s->columns);
    while (list.ptr) {
        struct slice name = slice_trim(slice_cut(&list, ','));
        if (!columns_find(s->columns, name, &set))
            problem_error(&r->es->arguments.errors, "/fields",
                          "names a column that is not there");
    }
    return set;
}

static const struct step *body_step(const struct run *r)
{
    if (r->paged)
        return &r->plan->steps[r->es->paging.variant];
    return r->plan->body_step < 0 ? NULL : &r->plan->steps[r->plan->body_step];
}

static bool read_request(struct run *r)
{
    struct endpoints *es = r->es;
    struct fault fault;
    int status =
        arguments_read(&es->arguments, es->reader, r->e, r->call->req, &fault);

    if (status && es->arguments.errors.len == 0) {
        problem(r->res, status, fault.text);
        return false;
    }
    if (r->paged)
        paging_read(&es->paging, r->e, r->call->req, &es->arguments.errors);
    const struct step *s = body_step(r);
    es->listing.plan = r->plan;
    es->listing.step = s;
    es->listing.paging = r->paged ? &es->paging : NULL;
    es->listing.form = accept_form(request_header(r->call->req, "accept"));
    if (r->e->each || r->e->shape == SHAPE_VALUE)
        es->listing.form = FORM_JSON;
    es->listing.set = s && s->columns ? chosen_columns(r, s) : 0;
    if (es->arguments.errors.len == 0)
        return true;
    problem_begin(r->res, 400, "The request's values are not acceptable");
    problem_errors(r->res, buf_view(&es->arguments.errors));
    return false;
}

/* ---- the SQL -------------------------------------------------------------*/

static void note_slow(const struct run *r, const struct step *s,
                      uint64_t since_us)
{
    uint64_t took_ms = (loop_clock_us() - since_us) / 1000;

    if (took_ms < (uint64_t)r->es->app->slow_query_ms)
        return;
    log_warning("Slow query: %" PRIu64 " ms in %s %s (%s:%d), parameters "
                "redacted, request %.*s",
                took_ms, method_name(r->e->method), r->e->path, r->e->file,
                s->sql->line, (int)r->res->id_len, r->res->id);
}

/* DB_TOO_BIG when the answer outgrows the app's response_max; but a write that
 * commits as it ends has to be run to its end. */
static enum db_result read_rows(struct run *r, const struct step *s)
{
    struct listing *l = &r->es->listing;
    bool writes = !stmt_readonly(s->stmt);
    bool wanted = true;
    enum db_result result;

    while ((result = stmt_step(s->stmt)) == DB_ROW) {
        if (l->rows == 0 && !columns_refresh(s->columns))
            return DB_ERROR;
        if (wanted)
            wanted = listing_row(l);
        if (!wanted && !writes) /* a write is run to its end */
            return DB_DONE;
        if (l->out->len > (size_t)r->es->app->response_max && !r->plan->alone)
            return DB_TOO_BIG;
    }
    return result;
}

static enum db_result skip_rows(const struct step *s)
{
    enum db_result result;

    while ((result = stmt_step(s->stmt)) == DB_ROW)
        ;
    return result;
}

static enum db_result run_step(struct run *r, const struct step *s)
{
    const struct bindings b = {
        .arguments = &r->es->arguments,
        .set = r->set,
        .who = &r->who,
        .paging = &r->es->paging,
    };
    uint64_t since_us = loop_clock_us();
    enum db_result result;

    step_bind(s, &b);
    result =
        s == r->es->listing.step && s->columns ? read_rows(r, s) : skip_rows(s);
    stmt_reset(s->stmt);
    note_slow(r, s, since_us);
    return result;
}

static enum db_result run_statements(struct run *r)
{
    enum db_result result = DB_DONE;

    if (r->paged)
        return run_step(r, r->es->listing.step);
    for (size_t i = 0; i < r->plan->step_count && result == DB_DONE; i++)
        result = run_step(r, &r->plan->steps[i]);
    return result;
}

/* The failure as an answer; what nobody but us can mend is logged. */
static void answer_failure(struct run *r, enum db_result result)
{
    const char *message = db_message(r->es->db);

    if (result == DB_TOO_BIG && r->e->method == METHOD_GET)
        problem(r->res, 500, "The answer is larger than this server sends");
    else
        problem_sql(r->res, result, message);
    if (r->res->status >= 500)
        log_error("Error handling request %s %s: %s: %s, request %.*s",
                  method_name(r->e->method), r->e->path, db_result_name(result),
                  message, (int)r->res->id_len, r->res->id);
}

/* Inside @each the client wants to know which element it was. */
static void point_to_element(struct run *r)
{
    struct buf *errors = &r->es->arguments.errors;
    struct buf *body = &r->res->body;
    char pointer[160];

    if (r->e->each == NULL || r->res->status >= 500)
        return;
    snprintf(pointer, sizeof pointer, "/%s/%zu", r->e->each, r->set);
    buf_clear(errors);
    problem_error(errors, pointer, status_phrase(r->res->status));
    body->len--; /* the closing brace */
    problem_errors(r->res, buf_view(errors));
}

static bool lacks_row(const struct run *r)
{
    enum shape shape = r->e->shape;

    return (shape == SHAPE_ONE || shape == SHAPE_VALUE) &&
           r->es->listing.rows == 0;
}

static bool fail(struct run *r, enum db_result result)
{
    answer_failure(r, result);
    db_rollback(r->es->db);
    point_to_element(r);
    return false;
}

static bool miss(struct run *r)
{
    if (r->plan->writes)
        db_rollback(r->es->db);
    problem(r->res, 404, "There is no such row");
    return false;
}

/* Every element is one set of values; without @each there is one. */
static bool run_sets(struct run *r)
{
    enum db_result result = DB_DONE;

    for (r->set = 0; r->set < r->es->arguments.sets; r->set++) {
        result = run_statements(r);
        if (result != DB_DONE)
            return fail(r, result);
    }
    return !lacks_row(r) || miss(r);
}

static bool write_alone(struct run *r)
{
    enum db_result result = db_begin_alone(r->es->db);

    return result == DB_DONE ? run_sets(r) : fail(r, result);
}

static bool write_all(struct run *r)
{
    enum db_result result;

    if (r->plan->alone)
        return write_alone(r);
    result = db_begin_write(r->es->db);

    if (result != DB_DONE)
        return fail(r, result);
    if (!run_sets(r))
        return false;
    result = db_commit(r->es->db);
    return result == DB_DONE || fail(r, result);
}

/* Several statements see one snapshot; it ends with the turn of the loop. */
static bool read_all(struct run *r)
{
    bool several = r->paged ? r->es->paging.count : r->plan->step_count > 1;
    enum db_result result;

    if (several)
        db_share_reads(r->es->db);
    result = db_begin_read(r->es->db);
    return result == DB_DONE ? run_sets(r) : fail(r, result);
}

/* ---- the answer ----------------------------------------------------------*/

static bool has_body(const struct run *r)
{
    return r->e->shape != SHAPE_NONE && (r->plan->body_step >= 0 || r->e->each);
}

/* {"created": 2, "bookings": [ … ]}: the count is known only at the end, so
 * it is put in front then. */
static void wrap_each(struct run *r)
{
    static const char *const verbs[] = {
        [METHOD_GET] = "read",       [METHOD_POST] = "created",
        [METHOD_PUT] = "updated",    [METHOD_PATCH] = "updated",
        [METHOD_DELETE] = "deleted",
    };
    struct buf *out = &r->res->body;
    size_t rows = response_body(r->res).len;
    char head[160];
    int len = snprintf(head, sizeof head, "{\"%s\":%zu", verbs[r->e->method],
                       r->es->arguments.sets);

    if (rows > 0)
        len += snprintf(head + len, sizeof head - (size_t)len,
                        ",\"%s\":", r->e->each);
    assert(len > 0 && (size_t)len < sizeof head);
    buf_reserve(out, (size_t)len);
    memmove(out->data + RESPONSE_ROOM + len, out->data + RESPONSE_ROOM, rows);
    memcpy(out->data + RESPONSE_ROOM, head, (size_t)len);
    out->len += (size_t)len;
    buf_byte(out, '}');
}

static bool count_rows(struct run *r)
{
    const struct step *s = &r->plan->steps[paging_count_variant(r->e)];
    const struct bindings b = {.arguments = &r->es->arguments,
                               .who = &r->who,
                               .paging = &r->es->paging};
    enum db_result result;
    char number[24];

    step_bind(s, &b);
    result = stmt_step(s->stmt);
    if (result == DB_ROW)
        snprintf(number, sizeof number, "%" PRId64, stmt_int(s->stmt, 0));
    stmt_reset(s->stmt);
    if (result != DB_ROW) {
        buf_clear(&r->res->headers); /* links of a page that is not sent */
        return fail(r, result);
    }
    response_header(r->res, "X-Total-Count", slice_of(number));
    return true;
}

static bool add_page_headers(struct run *r)
{
    struct page_seen seen = listing_seen(&r->es->listing);

    if (r->e->page.on)
        paging_links(&r->es->paging, r->e, r->call->req, &seen,
                     &r->res->headers);
    return !r->es->paging.count || count_rows(r);
}

static void add_headers(struct run *r)
{
    if (r->e->http)
        response_header(r->res, "Cache-Control", slice_of(r->e->http));
    else if (!gate_is_public(r->e))
        response_header(r->res, "Cache-Control", SLICE("no-store"));
    if (r->e->method == METHOD_GET && r->es->listing.step)
        response_header(r->res, "Vary", SLICE("Accept"));
}

static void finish(struct run *r)
{
    if (r->paged && !add_page_headers(r))
        return;
    add_headers(r);
    if (!has_body(r)) {
        response_drop_body(r->res);
        r->res->status = r->e->status ? r->e->status : 204;
        return;
    }
    if (r->es->listing.step)
        listing_end(&r->es->listing);
    if (r->e->each)
        wrap_each(r);
    r->res->type = form_type(r->es->listing.form);
    r->res->status = r->e->status ? r->e->status : 200;
}

static void run_all(struct run *r)
{
    const struct gate gate = {r->es->db, r->es->tokens};
    bool ok;

    if (!gate_pass(&gate, r->plan, r->call, &r->who) || !read_request(r))
        return;
    if (r->es->listing.step)
        listing_begin(&r->es->listing, &r->res->body);
    else
        r->es->listing.rows = 0;
    ok = r->plan->writes ? write_all(r) : read_all(r);
    if (ok)
        finish(r);
    else if (r->res->status < 400)
        problem(r->res, 500, NULL);
}

void endpoints_answer(struct endpoints *es, size_t index, struct call *call)
{
    const struct plan *plan = es->plans[index];
    struct run r = {
        .es = es,
        .plan = plan,
        .e = plan->e,
        .call = call,
        .res = call->res,
        .paged = paging_on(plan->e),
        .began_us = loop_clock_us(),
    };

    call->res->route = plan->e->path;
    db_deadline(es->db, r.began_us / 1000 + (uint64_t)plan->e->timeout_ms);
    run_all(&r);
    call->res->sql_us = loop_clock_us() - r.began_us;
    call->done(call);
}

/* ---- opening -------------------------------------------------------------*/

static bool make_plans(struct endpoints *es, struct fault *fault)
{
    es->plans = calloc(es->app->endpoint_count + 1, sizeof(struct plan *));
    assert(es->plans != NULL);
    for (size_t i = 0; i < es->app->endpoint_count; i++) {
        es->plans[i] =
            plan_new(es->db, es->reader, &es->app->endpoints[i], fault);
        if (es->plans[i] == NULL)
            return false;
    }
    return true;
}

struct endpoints *endpoints_open(const struct app *app, struct db *db,
                                 struct fault *fault)
{
    struct endpoints *es = calloc(1, sizeof *es);

    assert(es != NULL);
    es->app = app;
    es->db = db;
    es->reader = json_new(fault);
    if (es->reader)
        es->tokens = tokens_open(db, fault);
    if (es->tokens && make_plans(es, fault))
        return es;
    endpoints_close(es);
    return NULL;
}

void endpoints_close(struct endpoints *es)
{
    if (es == NULL)
        return;
    for (size_t i = 0; es->plans && i < es->app->endpoint_count; i++)
        plan_free(es->plans[i]);
    free(es->plans);
    tokens_close(es->tokens);
    json_free(es->reader);
    arguments_free(&es->arguments);
    paging_free(&es->paging);
    listing_free(&es->listing);
    free(es);
}
