#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/framings.h"

/* Feeds `bytes` in pieces of `piece` bytes until that says something. */
static enum request_step feed(struct request *r, struct buf *in,
                              struct slice bytes, size_t piece)
{
    enum request_step step = REQUEST_MORE;

    while (bytes.len > 0 && step == REQUEST_MORE) {
        size_t n = bytes.len < piece ? bytes.len : piece;
        buf_add(in, bytes.ptr, n);
        bytes = (struct slice){bytes.ptr + n, bytes.len - n};
        step = request_feed(r, in);
    }
    return step;
}

static bool is(struct slice s, const char *wanted)
{
    return wanted == NULL || slice_is(s, wanted);
}

/* Whether request and step are what the case wants. */
static bool matches(const struct request *r, enum request_step step,
                    const struct framing *f)
{
    if (f->status)
        return step == REQUEST_REFUSED && request_status(r) == f->status &&
               *request_reason(r) && !request_keep_alive(r);
    return step == REQUEST_COMPLETE && request_status(r) == 0 &&
           request_verb(r) == f->verb && is(request_path(r), f->path) &&
           is(request_raw_query(r), f->query) && is(request_body(r), f->body) &&
           request_keep_alive(r) == !f->close && request_minor(r) == !f->old;
}

#define GARBAGE "\r\n\0 GET\r"

/* How a case is given: every way has the same outcome. */
static const struct manner {
    const char *name;
    bool behind_another; /* pipelined */
    struct slice behind; /* what follows it */
    size_t piece;        /* bytes a feed */
} manners[] = {
    {.name = "whole", .piece = SIZE_MAX},
    {.name = "by bytes", .piece = 1},
    {.name = "by sevens", .piece = 7},
    {.name = "with garbage behind",
     .behind = {GARBAGE, sizeof GARBAGE - 1},
     .piece = SIZE_MAX},
    {.name = "pipelined", .behind_another = true, .piece = SIZE_MAX},
};

static void show(const struct framing *f, const struct manner *m,
                 const struct request *r, enum request_step step)
{
    fprintf(stderr, "%s: step %d, status %d (%s), wanted %d:\n", m->name, step,
            request_status(r), request_reason(r), f->status);
    fwrite(f->bytes, 1, f->len, stderr);
    fail();
}

static void try(struct request *r, const struct framing *f,
                const struct manner *m)
{
    static const char good[] = "GET /good HTTP/1.1\r\nHost: g\r\n\r\n";
    struct buf bytes = {0};
    struct buf in = {0};
    enum request_step step;

    buf_add(&bytes, f->bytes, f->len);
    buf_slice(&bytes, m->behind);
    if (m->behind_another) {
        buf_string(&in, good);
        buf_slice(&in, buf_view(&bytes));
        assert_int_equal(request_feed(r, &in), REQUEST_COMPLETE);
        assert_true(slice_is(request_path(r), "/good"));
        request_next(r, &in);
        step = request_feed(r, &in);
    } else {
        step = feed(r, &in, buf_view(&bytes), m->piece);
    }
    if (!matches(r, step, f))
        show(f, m, r, step);
    if (step == REQUEST_COMPLETE) {
        request_next(r, &in);
        assert_true(slice_equal(buf_view(&in), m->behind));
    }
    request_reset(r);
    buf_free(&bytes);
    buf_free(&in);
}

static void framing(void **state)
{
    struct request *r = request_new(&limits);

    (void)state;
    for (size_t i = 0; i < FRAMINGS; i++)
        for (size_t m = 0; m < sizeof manners / sizeof *manners; m++)
            try(r, &framings[i], &manners[m]);
    request_free(r);
}

/* Incomplete ones want more, and nothing else. */
static void prefixes(void **state)
{
    struct request *r = request_new(&limits);
    struct buf in = {0};

    (void)state;
    for (size_t i = 0; i < FRAMINGS; i++) {
        if (framings[i].status)
            continue;
        for (size_t len = 0; len < framings[i].len; len++) {
            struct slice part = {framings[i].bytes, len};
            assert_int_equal(feed(r, &in, part, len + 1), REQUEST_MORE);
            request_reset(r);
            buf_clear(&in);
        }
    }
    buf_free(&in);
    request_free(r);
}

static void what_was_asked(void **state)
{
    static const char bytes[] = "POST /a%20b/c?x=1+2&y&x=%26 HTTP/1.1\r\n"
                                "Host: a\r\nX-Mixed:  v w \r\n"
                                "Content-Length: 3\r\n\r\nabcNEXT";
    struct request *r = request_new(&limits);
    struct buf in = {0};
    struct pair field = {.name = {NULL, 0}};
    size_t count;

    (void)state;
    assert_false(request_begun(r));
    buf_string(&in, bytes);
    assert_int_equal(request_feed(r, &in), REQUEST_COMPLETE);
    assert_true(request_begun(r) && request_head_done(r));
    assert_true(
        slice_is(request_line(r), "POST /a%20b/c?x=1+2&y&x=%26 HTTP/1.1"));
    assert_true(slice_is(request_method(r), "POST"));
    assert_true(slice_is(request_target(r), "/a%20b/c?x=1+2&y&x=%26"));
    assert_true(slice_is(request_raw_path(r), "/a%20b/c"));
    assert_true(slice_is(request_path(r), "/a b/c"));
    const struct slice *segments = request_segments(r, &count);
    assert_int_equal(count, 2);
    assert_true(slice_is(segments[0], "a b") && slice_is(segments[1], "c"));
    const struct pair *query = request_query(r, &count);
    assert_int_equal(count, 3);
    assert_true(slice_is(query[0].value, "1 2"));
    assert_true(slice_is(query[1].name, "y") && query[1].value.len == 0);
    assert_true(slice_is(query[2].value, "&"));
    assert_true(slice_is(request_header(r, "x-mixed"), "v w"));
    assert_null(request_header(r, "x-mixe").ptr);
    assert_true(request_field(r, 1, &field));
    assert_true(slice_is(field.name, "X-Mixed"));
    assert_false(request_field(r, 3, &field));
    assert_true(request_says_length(r));
    assert_true(slice_is(request_body(r), "abc"));
    request_next(r, &in);
    assert_true(slice_equal(buf_view(&in), SLICE("NEXT")));
    assert_false(request_says_length(r));
    buf_free(&in);
    request_free(r);
}

/* "100 Continue" is wanted once, and not by who has sent the body already. */
static void expectations(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\n"
                               "Expect: 100-Continue \r\n"
                               "Content-Length: 3\r\n\r\n";
    struct request *r = request_new(&limits);
    struct buf in = {0};

    (void)state;
    buf_string(&in, head);
    assert_int_equal(request_feed(r, &in), REQUEST_CONTINUE);
    assert_int_equal(request_feed(r, &in), REQUEST_MORE);
    buf_string(&in, "a");
    assert_int_equal(request_feed(r, &in), REQUEST_MORE);
    buf_string(&in, "bc");
    assert_int_equal(request_feed(r, &in), REQUEST_COMPLETE);
    request_next(r, &in);
    buf_string(&in, head);
    buf_string(&in, "a");
    assert_int_equal(request_feed(r, &in), REQUEST_MORE);
    request_reset(r);
    buf_clear(&in);
    buf_string(&in, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                    "Content-Length: 21\r\n\r\n");
    assert_int_equal(request_feed(r, &in), REQUEST_REFUSED);
    assert_int_equal(request_status(r), 413);
    buf_free(&in);
    request_free(r);
}

/* Bytes that say nothing cannot go on for ever. */
static void floods(void **state)
{
    static const struct {
        const char *head;
        const char *again;
        int status;
        size_t most;
    } cases[] = {
        {"G", "G", 414, 200},
        {"GET / HTTP/1.1\r\n", "X: y\r\n", 431, REQUEST_HEAD_MAX + 100},
        {"GET / HTTP/1.1\r\nX:", " ", 431, 200},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
         "0", 431, REQUEST_FRAME_MAX + 200},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;",
         "x", 431, REQUEST_FRAME_MAX + 200},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n",
         "T: v\r\n", 431, REQUEST_FRAME_MAX + 200},
    };
    struct request *r = request_new(&limits);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf in = {0};
        enum request_step step = REQUEST_MORE;
        buf_string(&in, cases[i].head);
        while (step == REQUEST_MORE && in.len < cases[i].most) {
            buf_string(&in, cases[i].again);
            step = request_feed(r, &in);
        }
        assert_int_equal(step, REQUEST_REFUSED);
        assert_int_equal(request_status(r), cases[i].status);
        request_reset(r);

        /* All at once it is no better. */
        buf_clear(&in);
        buf_string(&in, cases[i].head);
        while (in.len < cases[i].most)
            buf_string(&in, cases[i].again);
        buf_string(&in, "\r\n\r\n0\r\n\r\n");
        assert_int_equal(request_feed(r, &in), REQUEST_REFUSED);
        request_reset(r);
        buf_free(&in);
    }
    request_free(r);
}

/* Many small chunks take no more memory than their data. */
static void small_chunks(void **state)
{
    const struct request_limits wide = {
        .line = 100, .fields = 4, .field_size = 60, .body = 100000};
    struct request *r = request_new(&wide);
    struct buf in = {0};
    enum request_step step = REQUEST_MORE;

    (void)state;
    buf_string(&in, "POST / HTTP/1.1\r\nHost: a\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 100000 && step == REQUEST_MORE; i++) {
        buf_format(&in, "1;extension=%d\r\n%c\r\n", i, 'a' + i % 26);
        step = request_feed(r, &in);
        assert_true(in.len <= 100 + (size_t)i + 1);
    }
    assert_int_equal(step, REQUEST_MORE);
    buf_string(&in, "0\r\n\r\n");
    assert_int_equal(request_feed(r, &in), REQUEST_COMPLETE);
    assert_int_equal(request_body(r).len, 100000);
    for (size_t i = 0; i < 100000; i++)
        assert_int_equal(request_body(r).ptr[i], 'a' + (int)i % 26);
    buf_free(&in);
    request_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framing),        cmocka_unit_test(prefixes),
        cmocka_unit_test(what_was_asked), cmocka_unit_test(expectations),
        cmocka_unit_test(floods),         cmocka_unit_test(small_chunks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
