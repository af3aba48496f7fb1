#include <string.h>

#include "common/hash.h"
#include "worker/http/conditions.h"
#include "worker/http/problem.h"

#include "worker/http/answer.h"

static void make_tag(char tag[ANSWER_TAG], struct slice body)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t hash = hash_of(body);

    tag[0] = '"';
    for (int i = 16; i > 0; i--, hash >>= 4)
        tag[i] = digits[hash & 15];
    tag[17] = '"';
    tag[18] = '\0';
}

static struct slice tag_of(const struct answer *a, bool gzip,
                           char room[CONDITIONS_TAG])
{
    struct slice tag = slice_of(a->tag);

    return gzip ? conditions_gzip_tag(room, tag) : tag;
}

void answer_take(struct answer *a, const struct response *res,
                 const struct encoder *e)
{
    a->status = res->status;
    a->type = res->type;
    a->headers = (struct slice){NULL, 0};
    a->body = response_body(res);
    a->gzip = (struct slice){NULL, 0};
    a->shrinks = e && encoder_suits(e, a->type, a->body.len);
    make_tag(a->tag, a->body);
}

struct choice answer_choose(const struct answer *a, const struct request *req)
{
    struct choice c = {.status = a->status, .gzip = false};
    char room[CONDITIONS_TAG];

    if (a->shrinks)
        c.gzip = encoding_accepts_gzip(request_header(req, "accept-encoding"));
    int status = conditions_tag(req, tag_of(a, c.gzip, room));
    if (status != 200)
        c.status = status;
    return c;
}

static void put_body(struct response *res, struct slice body)
{
    if (body.ptr == response_body(res).ptr)
        return;
    response_drop_body(res);
    buf_slice(&res->body, body);
}

void answer_give(const struct answer *a, struct choice c, struct response *res)
{
    char room[CONDITIONS_TAG];
    bool gzip = c.gzip && (a->gzip.len > 0 || c.status == 304);

    if (c.status == 412) {
        buf_clear(&res->headers); /* they are of what is not given */
        problem(res, 412, "The representation is another one now");
        return;
    }
    res->status = c.status;
    buf_slice(&res->headers, a->headers);
    buf_slice(&res->headers, SLICE("ETag: "));
    buf_slice(&res->headers, tag_of(a, gzip, room));
    buf_slice(&res->headers, SLICE("\r\n"));
    if (c.status == 304) {
        res->type = NULL;
        response_drop_body(res);
    } else {
        res->type = a->type;
        if (gzip)
            buf_slice(&res->headers, SLICE("Content-Encoding: gzip\r\n"));
        put_body(res, gzip ? a->gzip : a->body);
    }
}

bool answer_compress(struct response *res, const struct request *req,
                     struct encoder *e, struct buf *room)
{
    struct slice body = response_body(res);

    if (e == NULL || res->type == NULL ||
        !encoder_suits(e, res->type, body.len))
        return false;
    if (!encoding_accepts_gzip(request_header(req, "accept-encoding")))
        return true;
    buf_clear(room);
    if (encoder_gzip(e, body, room)) {
        put_body(res, buf_view(room));
        buf_slice(&res->headers, SLICE("Content-Encoding: gzip\r\n"));
    }
    return true;
}
