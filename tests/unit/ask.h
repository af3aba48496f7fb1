/*
 * ask: requests made of text, for tests of what stands behind the parser.
 */
#ifndef PRONG_TEST_ASK_H
#define PRONG_TEST_ASK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/request.h"

static const struct request_limits ask_limits = {
    .line = 8190, .fields = 100, .field_size = 8190, .body = 1 << 20};

struct ask {
    struct request *req;
    struct buf in;
};

/* A case's own part of a request. */
struct asked {
    const char *line;   /* "GET /a?b=1" */
    const char *fields; /* "Accept: text/csv\r\n"; null: none */
    const char *json;   /* a body of that type, */
    const char *form;   /* or of that, */
    const char *text;   /* or of what fields say; null: none, and no length */
};

/* Parses it; the request is valid until the next or ask_free. */
static inline const struct request *ask(struct ask *a, const struct asked *q)
{
    const char *body = q->json ? q->json : q->form ? q->form : q->text;

    if (a->req == NULL)
        a->req = request_new(&ask_limits);
    request_reset(a->req);
    buf_clear(&a->in);
    buf_format(&a->in, "%s HTTP/1.1\r\nHost: test\r\n%s", q->line,
               q->fields ? q->fields : "");
    if (q->json || q->form)
        buf_format(&a->in, "Content-Type: application/%s\r\n",
                   q->json ? "json" : "x-www-form-urlencoded");
    if (body)
        buf_format(&a->in, "Content-Length: %zu\r\n", strlen(body));
    buf_format(&a->in, "\r\n%s", body ? body : "");
    if (request_feed(a->req, &a->in) != REQUEST_COMPLETE)
        fail_msg("%s: %s", q->line, request_reason(a->req));
    return a->req;
}

static inline void ask_free(struct ask *a)
{
    request_free(a->req);
    buf_free(&a->in);
    *a = (struct ask){NULL, {NULL, 0, 0}};
}

#endif
