#include <string.h>

#include "worker/http/problem.h"

#include "worker/endpoint/question.h"

/* ---- reading ------------------------------------------------------------ */

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
static column_set chosen_columns(struct question *q)
{
    struct slice list = query_fields(q->req);
    column_set set = 0;

    if (q->step == NULL || q->step->columns == NULL)
        return 0;
    if (list.ptr == NULL || q->plan->e->method != METHOD_GET)
        return columns_all(q->step->columns);
    while (list.ptr) {
        struct slice name = slice_trim(slice_cut(&list, ','));
        if (!columns_find(q->step->columns, name, &set))
            problem_error(&q->arguments.errors, "/fields",
                          "names a column that is not there");
    }
    return set;
}

static uint64_t present_columns(const struct question *q)
{
    return q->step && q->step->columns ? columns_print(q->step->columns) : 0;
}

static const struct step *body_step(const struct question *q)
{
    if (q->paged)
        return &q->plan->steps[q->paging.variant];
    return q->plan->body_step < 0 ? NULL : &q->plan->steps[q->plan->body_step];
}

static enum form chosen_form(const struct question *q)
{
    if (q->plan->e->each || q->plan->e->shape == SHAPE_VALUE)
        return FORM_JSON;
    return accept_form(request_header(q->req, "accept"));
}

bool question_read(struct question *q, struct json *reader,
                   const struct plan *plan, const struct request *req,
                   struct response *res)
{
    struct fault fault;
    int status = arguments_read(&q->arguments, reader, plan->e, req, &fault);

    q->plan = plan;
    q->req = req;
    if (status && q->arguments.errors.len == 0) {
        problem(res, status, fault.text);
        return false;
    }
    q->paged = paging_on(plan->e);
    if (q->paged)
        paging_read(&q->paging, plan->e, req, &q->arguments.errors);
    q->step = body_step(q);
    q->form = chosen_form(q);
    q->set = chosen_columns(q);
    q->columns = present_columns(q);
    if (q->arguments.errors.len == 0)
        return true;
    problem_begin(res, 400, "The request's values are not acceptable");
    problem_errors(res, buf_view(&q->arguments.errors));
    return false;
}

void question_adopt(struct question *q, const struct plan *plan)
{
    q->plan = plan;
    q->step = body_step(q);
}

void question_free(struct question *q)
{
    arguments_free(&q->arguments);
    paging_free(&q->paging);
}

bool question_stands(const struct question *q)
{
    return q->columns == present_columns(q);
}

/* ---- the key ------------------------------------------------------------ */

static void add_number(struct buf *out, int64_t n)
{
    buf_add(out, &n, sizeof n);
}

/* With its length in front, so that no two lists of texts look the same. */
static void add_text(struct buf *out, struct slice text)
{
    add_number(out, (int64_t)text.len);
    buf_slice(out, text);
}

static void add_value(struct buf *out, const struct value *v)
{
    double real = v->real == 0 ? 0 : v->real; /* -0.0 is 0.0 */

    buf_byte(out, (char)v->kind);
    switch (v->kind) {
    case VALUE_INT: add_number(out, v->integer); break;
    case VALUE_REAL: buf_add(out, &real, sizeof real); break;
    case VALUE_TEXT:
    case VALUE_BLOB: add_text(out, v->text); break;
    case VALUE_NULL:
    default: break;
    }
}

static void add_identity(struct buf *out, const struct identity *who)
{
    buf_byte(out, (char)((who->known ? 1 : 0) | (who->has_user ? 2 : 0)));
    add_number(out, who->has_user ? who->user_id : 0);
    add_text(out, slice_of(who->known ? who->role : ""));
}

static void add_page(struct buf *out, const struct paging *p)
{
    buf_byte(out, (char)((p->count ? 1 : 0) | (p->backwards ? 2 : 0)));
    add_number(out, p->variant);
    add_number(out, p->limit);
    add_number(out, p->offset);
    add_number(out, (int64_t)p->key_count);
    for (size_t i = 0; i < p->key_count; i++)
        add_value(out, &p->keys[i]);
}

void question_key(const struct question *q, struct buf *out)
{
    add_number(out, (int64_t)q->plan->e->fingerprint);
    add_number(out, (int64_t)q->set);
    buf_byte(out, (char)q->form);
    if (q->plan->needs_user)
        add_identity(out, &q->who);
    for (size_t i = 0; i < q->arguments.width; i++)
        add_value(out, arguments_value(&q->arguments, 0, i));
    if (q->paged)
        add_page(out, &q->paging);
}
