#include <string.h>

#include "common/log.h"
#include "common/loop.h"

#include "worker/warm.h"

static void on_done(struct call *call)
{
    (void)call; /* endpoints_answer has returned by then, and nobody waits */
}

/* A request as a browser would make it, so that the gzip form is made too. */
static void ask(struct request *req, struct buf *bytes, const char *path)
{
    buf_clear(bytes);
    buf_format(
        bytes,
        "GET %s HTTP/1.1\r\nHost: prong\r\nAccept-Encoding: gzip\r\n\r\n",
        path);
    request_reset(req);
    request_feed(req, bytes);
}

struct asking {
    struct endpoints *es;
    struct request *req;
    struct response res;
    struct buf bytes;
    uint64_t now_ms;
};

static void count(struct warmed *out, const struct trace *t,
                  const struct response *res, const char *path)
{
    if (res->status >= 400) {
        out->failed++;
        log_warning("Warming %s: status %d", path, res->status);
    } else if (t->stored || t->cache == CACHE_HIT) {
        out->items++;
        out->computed += t->stored;
    }
}

static void warm_one(struct asking *a, size_t index, const char *path,
                     struct warmed *out)
{
    struct trace trace = {.came_ns = loop_clock_ns()};
    struct call call = {
        .req = a->req,
        .res = &a->res,
        .trace = &trace,
        .inside = true,
        .now_ms = a->now_ms,
        .done = on_done,
    };

    ask(a->req, &a->bytes, path);
    response_reset(&a->res);
    endpoints_answer(a->es, index, &call);
    count(out, &trace, &a->res, path);
}

void warm(struct endpoints *es, const struct app *app, uint64_t now_ms,
          struct warmed *out)
{
    static const struct request_limits limits = {
        .line = 8190, .fields = 16, .field_size = 8190, .body = 1};
    struct asking a = {.es = es, .now_ms = now_ms};
    uint64_t began_us = loop_clock_us();

    *out = (struct warmed){0};
    a.req = request_new(&limits);
    response_init(&a.res);
    for (size_t i = 0; i < app->endpoint_count; i++) {
        if (!app->endpoints[i].warm)
            continue;
        out->endpoints++;
        warm_one(&a, i, app->endpoints[i].path, out);
    }
    request_free(a.req);
    response_free(&a.res);
    buf_free(&a.bytes);
    out->took_us = loop_clock_us() - began_us;
}
