/*
 * Requests from hostile bytes. Whole or in pieces, the outcome is the same;
 * every slice lies where it should; and what was understood, written down
 * anew, is understood as the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "worker/http/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small, so that inputs reach them. */
static const struct request_limits limits = {
    .line = 200, .fields = 10, .field_size = 100, .body = 500};

/* Everything that a connection said, and how it ended. */
struct outcome {
    struct buf said;
    size_t requests;
    enum request_step last;
    int status;
};

static void check_inside(const struct buf *in, struct slice s)
{
    const char *end = in->data + in->len;

    if (s.len > 0)
        assert(s.ptr >= in->data && s.ptr <= end &&
               s.len <= (size_t)(end - s.ptr));
}

static void check_path(struct slice path, const struct slice *segments,
                       size_t count)
{
    assert(count > 0 && count <= TARGET_SEGMENTS_MAX);
    assert(path.len > 0 && path.ptr[0] == '/');
    assert(memchr(path.ptr, '\0', path.len) == NULL);
    for (size_t i = 0; i < count; i++) {
        assert(!slice_is(segments[i], ".") && !slice_is(segments[i], ".."));
        assert(segments[i].ptr > path.ptr &&
               segments[i].ptr + segments[i].len <= path.ptr + path.len);
    }
}

static void check_request(const struct request *r, const struct buf *in)
{
    struct pair field;
    size_t count;

    check_inside(in, request_line(r));
    check_inside(in, request_method(r));
    check_inside(in, request_target(r));
    check_inside(in, request_body(r));
    for (size_t i = 0; request_field(r, i, &field); i++) {
        assert(i < limits.fields);
        check_inside(in, field.name);
        check_inside(in, field.value);
        assert(field.name.len > 0 && field.value.len <= limits.field_size);
        assert(slice_trim(field.value).len == field.value.len);
    }
    assert(request_body(r).len <= limits.body);
    assert(request_minor(r) == 0 || request_header(r, "host").ptr);
    const struct slice *segments = request_segments(r, &count);
    check_path(request_path(r), segments, count);
    request_query(r, &count);
    assert(count <= TARGET_PAIRS_MAX);
}

/* The request in its plainest form, its body with a length. */
static void write_down(const struct request *r, struct buf *out)
{
    static const char *const framing[] = {"content-length", "transfer-encoding",
                                          "expect"};
    struct pair field;

    buf_slice(out, request_method(r));
    buf_byte(out, ' ');
    buf_slice(out, request_target(r));
    buf_format(out, " HTTP/1.%d\r\n", request_minor(r));
    for (size_t i = 0; request_field(r, i, &field); i++) {
        bool skip = false;
        for (size_t k = 0; k < 3; k++)
            skip = skip || slice_is_nocase(field.name, framing[k]);
        if (skip)
            continue;
        buf_slice(out, field.name);
        buf_byte(out, ':');
        buf_slice(out, field.value);
        buf_string(out, "\r\n");
    }
    if (request_says_length(r))
        buf_format(out, "Content-Length:%zu\r\n", request_body(r).len);
    buf_string(out, "\r\n");
    buf_slice(out, request_body(r));
}

/* Feeds what is there until it wants more; false once it is refused. */
static bool drive(struct request *r, struct buf *in, struct outcome *o)
{
    while ((o->last = request_feed(r, in)) == REQUEST_COMPLETE) {
        check_request(r, in);
        write_down(r, &o->said);
        buf_byte(&o->said, request_keep_alive(r) ? 'k' : 'c');
        o->requests++;
        request_next(r, in);
    }
    o->status = request_status(r);
    assert((o->last == REQUEST_REFUSED) == (o->status != 0));
    check_inside(in, request_line(r)); /* it is logged all the same */
    check_inside(in, request_target(r));
    assert(*request_reason(r) || o->status == 0);
    return o->last != REQUEST_REFUSED;
}

/* `stir` chooses the sizes of the pieces; 0: all at once. */
static struct outcome run(const uint8_t *data, size_t size, unsigned stir)
{
    struct request *r = request_new(&limits);
    struct outcome o = {.last = REQUEST_MORE};
    struct buf in = {0};
    bool going = true;

    while (going && size > 0) {
        size_t piece = stir ? 1 + stir % 37 : size;
        stir = stir ? stir * 1103515245 + 12345 : 0;
        piece = piece < size ? piece : size;
        buf_add(&in, data, piece);
        data += piece;
        size -= piece;
        going = drive(r, &in, &o);
    }
    buf_free(&in);
    request_free(r);
    return o;
}

static bool is_size(int status)
{
    return status == 414 || status == 431;
}

/* A line can be both too long and malformed; which is said may differ. */
static void check_same(const struct outcome *a, const struct outcome *b)
{
    assert(a->requests == b->requests);
    assert(slice_equal(buf_view(&a->said), buf_view(&b->said)));
    assert((a->last == REQUEST_REFUSED) == (b->last == REQUEST_REFUSED));
    assert(a->status == b->status || is_size(a->status) || is_size(b->status));
}

/* One written-down request is one request, and the same when written again. */
static void check_again(const uint8_t *data, size_t size)
{
    struct request *r = request_new(&limits);
    struct buf in = {0};
    struct buf once = {0};
    struct buf twice = {0};

    buf_add(&in, data, size);
    if (request_feed(r, &in) == REQUEST_COMPLETE) {
        write_down(r, &once);
        request_reset(r);
        buf_clear(&in);
        buf_slice(&in, buf_view(&once));
        enum request_step step = request_feed(r, &in);
        assert(step == REQUEST_COMPLETE);
        write_down(r, &twice);
        assert(slice_equal(buf_view(&once), buf_view(&twice)));
        request_next(r, &in);
        assert(in.len == 0);
    }
    buf_free(&in);
    buf_free(&once);
    buf_free(&twice);
    request_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    unsigned stir = data[0] + 1U;
    struct outcome whole = run(data + 1, size - 1, 0);
    struct outcome pieces = run(data + 1, size - 1, stir);

    check_same(&whole, &pieces);
    check_again(data + 1, size - 1);
    buf_free(&whole.said);
    buf_free(&pieces.said);
    return 0;
}
