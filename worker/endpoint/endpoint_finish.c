#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "worker/endpoint/gate.h"
#include "worker/http/answer.h"
#include "worker/http/problem.h"

#include "worker/endpoint/endpoint_private.h"

static bool has_body(const struct visit *v)
{
    const struct endpoint *e = endpoint_of(v);

    return e->shape != SHAPE_NONE && (v->p->plan->body_step >= 0 || e->each);
}

/* {"created": 2, "bookings": [ … ]}: the count is known only at the end, so
 * it is put in front then. */
static void wrap_each(struct visit *v)
{
    static const char *const verbs[] = {
        [METHOD_GET] = "read",       [METHOD_POST] = "created",
        [METHOD_PUT] = "updated",    [METHOD_PATCH] = "updated",
        [METHOD_DELETE] = "deleted",
    };
    const struct endpoint *e = endpoint_of(v);
    struct buf *out = &v->call->res->body;
    size_t rows = response_body(v->call->res).len;
    char head[160];
    int len = snprintf(head, sizeof head, "{\"%s\":%zu", verbs[e->method],
                       v->question->arguments.sets);

    if (rows > 0)
        len += snprintf(head + len, sizeof head - (size_t)len,
                        ",\"%s\":", e->each);
    assert(len > 0 && (size_t)len < sizeof head);
    buf_reserve(out, (size_t)len);
    memmove(out->data + RESPONSE_ROOM + len, out->data + RESPONSE_ROOM, rows);
    memcpy(out->data + RESPONSE_ROOM, head, (size_t)len);
    out->len += (size_t)len;
    buf_byte(out, '}');
}

/* False when counting failed, and the response says so. */
static bool add_page_headers(struct visit *v)
{
    struct question *q = v->question;
    struct response *res = v->call->res;
    char number[24];

    if (q->paging.count) {
        int64_t count = run_count(&v->run);
        if (count < 0)
            return false;
        snprintf(number, sizeof number, "%" PRId64, count);
        response_header(res, "X-Total-Count", slice_of(number));
    }
    struct page_seen seen = listing_seen(&v->es->listing);
    if (endpoint_of(v)->page.on)
        paging_links(&q->paging, endpoint_of(v), v->call->req, &seen,
                     &res->headers);
    return true;
}

static void add_cache_control(const struct visit *v)
{
    const struct endpoint *e = endpoint_of(v);

    if (e->http)
        response_header(v->call->res, "Cache-Control", slice_of(e->http));
    else if (!gate_is_public(e))
        response_header(v->call->res, "Cache-Control", SLICE("no-store"));
}

/* What the answer depends on beside the address (RFC 9110, 12.5.5). */
static void add_vary(const struct visit *v, bool shrinks)
{
    bool reads = endpoint_of(v)->method == METHOD_GET;
    bool form = reads && v->question->step;
    bool user =
        reads && (v->p->plan->needs_user || !gate_is_public(endpoint_of(v)));
    struct buf *out = &v->call->res->headers;

    if (!form && !user && !shrinks)
        return;
    buf_string(out, "Vary:");
    buf_string(out, form ? " Accept" : "");
    buf_string(out, shrinks ? &", Accept-Encoding"[!form] : "");
    buf_string(out, user ? &", Authorization"[!form && !shrinks] : "");
    buf_string(out, "\r\n");
}

/*
 * The gzip form, for a client that takes it.
 *
 * Also of answers that hold secrets beside what the request said: the length
 * of such an answer tells how much of a guess in the request was right (BREACH,
 * 2013), but only to who can have somebody else's browser ask again and again
 * *with that one's credentials*. Browsers send cookies by themselves, which
 * nothing here reads; a bearer token only goes where a page that has it sends
 * it (RFC 6750, 5.3). So who can ask as the victim has the token, and needs no
 * guesses. An app that is put behind a proxy which makes tokens of cookies
 * says "no-transform" in the @http of such endpoints, or has --gzip off.
 */
static void compress(struct visit *v, struct answer *a, const struct choice *c)
{
    if (!c->gzip || c->status != a->status)
        return;
    buf_clear(&v->es->gzip);
    a->shrinks = encoder_gzip(v->p->encoder, a->body, &v->es->gzip);
    a->gzip = buf_view(&v->es->gzip);
    v->call->trace->compressed = a->shrinks;
}

static void keep(struct visit *v, struct answer *a)
{
    const struct kept_item item = {&v->key, a, v->question->form};

    kept_refresh(&v->p->policy, v->p->plan, v->es->config.shared->names);
    if (!question_stands(v->question))
        return;
    a->headers = buf_view(&v->call->res->headers);
    v->call->trace->stored =
        kept_store(v->es->kept, &v->p->policy, &item, loop_clock_ms());
    a->headers.len = 0; /* they are in the response already */
}

/* The answer to a read: its tag, the form that this client gets. */
static void give(struct visit *v)
{
    struct answer a;

    answer_take(&a, v->call->res, v->p->encoder);
    add_vary(v, a.shrinks);
    struct choice c = answer_choose(&a, v->call->req);
    compress(v, &a, &c);
    if (v->keep)
        keep(v, &a);
    kept_say(v->call, 0);
    answer_give(&a, c, v->call->res);
}

void endpoint_finish(struct visit *v)
{
    const struct endpoint *e = endpoint_of(v);
    struct response *res = v->call->res;

    trace_mark(v->call->trace, PHASE_FINISH);
    if (v->question->paged && !add_page_headers(v))
        return;
    add_cache_control(v);
    if (!has_body(v)) {
        response_drop_body(res);
        res->status = e->status ? e->status : 204;
        kept_say(v->call, 0);
        return;
    }
    if (e->each)
        wrap_each(v);
    res->type = form_type(v->question->form);
    res->status = e->status ? e->status : 200;
    if (e->method == METHOD_GET)
        give(v);
}

/* The answer to a write has no tag: it is not what a GET would answer. */
void endpoint_shrink(struct visit *v)
{
    if (response_body(v->call->res).len > 0)
        add_vary(v, answer_compress(v->call->res, v->call->req, v->p->encoder,
                                    &v->es->gzip));
}
