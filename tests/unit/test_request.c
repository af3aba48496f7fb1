#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/request.h"

static const struct request_limits limits = {
    .line = 100, .fields = 4, .field_size = 60, .body = 20};

/* Raw bytes and what becomes of them. A literal may hold a NUL. */
struct framing {
    const char *bytes;
    size_t len;
    int status; /* of the refusal; 0: complete */
    enum request_verb verb;
    const char *path;  /* decoded; null is not looked at */
    const char *query; /* as sent */
    const char *body;
    bool close; /* the connection must end */
    int old;    /* 1: HTTP/1.0 */
};

#define RAW(s)        .bytes = (s), .len = sizeof(s) - 1
#define LINE(s)       RAW(s "\r\nHost: a\r\n\r\n")
#define BODY(s, body) RAW("POST / HTTP/1.1\r\nHost: a\r\n" s "\r\n" body)
#define FIELD(s)      BODY(s, "")
#define LENGTH(s)     BODY("Content-Length:" s "\r\n", "abcde")
#define CODING(s)     BODY("Transfer-Encoding:" s "\r\n", "0\r\n\r\n")
#define CHUNKS(s)     BODY("Transfer-Encoding: chunked\r\n", s)

static const struct framing framings[] = {
    /* request lines */
    {LINE("GET / HTTP/1.1"), .path = "/"},
    {LINE("HEAD /a/b HTTP/1.1"), .verb = VERB_HEAD, .path = "/a/b"},
    {LINE("PATCH /a HTTP/1.1"), .verb = VERB_PATCH},
    {LINE("PROPFIND /a HTTP/1.1"), .verb = VERB_OTHER},
    {RAW("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")},
    {LINE("GET / HTTP/1.0"), .close = true, .old = 1},
    {RAW("GET / HTTP/1.0\r\n\r\n"), .close = true, .old = 1},
    {RAW("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), .old = 1},
    {RAW("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), .close = true,
     .old = 1},
    {RAW("GET /\r\n\r\n"), .status = 505},
    {LINE("GET / HTTP/0.9"), .status = 505},
    {LINE("GET / HTTP/1.2"), .status = 505},
    {LINE("GET / HTTP/2.0"), .status = 505},
    {LINE("GET / HTTP/1.1x"), .status = 505},
    {LINE("GET / HTTP/1.1 "), .status = 505},
    {RAW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), .status = 505},
    {LINE("GET / http/1.1"), .status = 400},
    {LINE("GET / RTSP/1.0"), .status = 400},
    {LINE("OPTIONS / RTSP/1.0"), .status = 400},
    {LINE("SOURCE / ICE/1.0"), .status = 400},
    {LINE("GET  / HTTP/1.1"), .status = 400},
    {LINE("GET /  HTTP/1.1"), .status = 400},
    {LINE("GET /a b HTTP/1.1"), .status = 400},
    {LINE("GET /\tHTTP/1.1"), .status = 400},
    {LINE("GET\t/ HTTP/1.1"), .status = 501},
    {LINE(" GET / HTTP/1.1"), .status = 400},
    {LINE("get / HTTP/1.1"), .status = 400},
    {LINE("GETT / HTTP/1.1"), .status = 501},
    {LINE("BREW / HTTP/1.1"), .status = 501},
    {LINE("CONNECT a:80 HTTP/1.1"), .status = 501},
    {LINE("TRACE / HTTP/1.1"), .status = 501},
    {RAW("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), .status = 400},
    {RAW("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"), .status = 400},
    {RAW("\x16\x03\x01\x02"), .status = 400}, /* TLS */
    {RAW("\0GET / HTTP/1.1\r\nHost: a\r\n\r\n"), .status = 400},

    /* targets */
    {LINE("GET /a?b=c?d HTTP/1.1"), .path = "/a", .query = "b=c?d"},
    {LINE("GET /%41/../b%2Fc/. HTTP/1.1"), .path = "/b/c/"},
    {LINE("GET http://h:80/a?b HTTP/1.1"), .path = "/a", .query = "b"},
    {LINE("GET HTTPS://h HTTP/1.1"), .path = "/"},
    {LINE("GET http://h?b HTTP/1.1"), .path = "/", .query = "b"},
    {LINE("OPTIONS * HTTP/1.1"), .verb = VERB_OPTIONS, .path = "/"},
    {LINE("GET * HTTP/1.1"), .status = 400},
    {LINE("OPTIONS *x HTTP/1.1"), .status = 400},
    {LINE("GET a HTTP/1.1"), .status = 400},
    {LINE("GET http:///a HTTP/1.1"), .status = 400},
    {LINE("GET http://u@h/a HTTP/1.1"), .status = 400},
    {LINE("GET ftp://h/a HTTP/1.1"), .status = 400},
    {LINE("GET /a#b HTTP/1.1"), .status = 400},
    {LINE("GET /a\x01 HTTP/1.1"), .status = 400},
    {LINE("GET /a\0 HTTP/1.1"), .status = 400},
    {LINE("GET /\xc3\xa9 HTTP/1.1"), .status = 400},
    {LINE("GET /a%0 HTTP/1.1"), .status = 400},
    {LINE("GET /a%00 HTTP/1.1"), .status = 400},
    {LINE("GET /a?b=%0g HTTP/1.1"), .status = 400},
    {LINE("GET /a/../.. HTTP/1.1"), .status = 400},
    {LINE("GET /%2e%2E HTTP/1.1"), .status = 400},

    /* fields */
    {FIELD("X:y\r\n"), .verb = VERB_POST},
    {FIELD("X: \xff\r\n"), .verb = VERB_POST},
    {FIELD("X:\r\n"), .verb = VERB_POST},
    {RAW("GET / HTTP/1.1\r\nhOST:\t a:80 \t\r\n\r\n")},
    {RAW("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n")},
    {RAW("GET / HTTP/1.1\r\nHost:\r\n\r\n")},
    {RAW("GET / HTTP/1.1\r\n\r\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\nHost: a\x80\r\n\r\n"), .status = 400},
    {FIELD("Host: a\r\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), .status = 400},
    {FIELD("X: y\r\n z\r\n"), .status = 400},
    {FIELD("X: y\r\n\tz\r\n"), .status = 400},
    {FIELD("X\r\n"), .status = 400},
    {FIELD(": y\r\n"), .status = 400},
    {FIELD("X(): y\r\n"), .status = 400},
    {FIELD("X\x80: y\r\n"), .status = 400},
    {FIELD("X: \0\r\n"), .status = 400},
    {FIELD("X: \x01\r\n"), .status = 400},
    {FIELD("X: \x7f\r\n"), .status = 400},
    {FIELD("X: y\n"), .status = 400},
    {FIELD("X: y\r"), .status = 400},
    {FIELD("X: y\rZ: y\r\n"), .status = 400},
    {FIELD("X: y\r\r\n"), .status = 400},
    {FIELD("\n"), .status = 400},
    {RAW("GET / HTTP/1.1\nHost: a\n\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\nHost: a\r\n\n"), .status = 400},
    {FIELD("Connection: close\r\n"), .verb = VERB_POST, .close = true},
    {FIELD("Connection: x , Close\r\n"), .verb = VERB_POST, .close = true},
    {FIELD("Connection: Upgrade\r\nUpgrade: h2c\r\n"), .verb = VERB_POST},
    {FIELD("Expect: nothing\r\n"), .status = 417},
    {FIELD("Content-Type: a/b\r\nContent-Type: a/b\r\n"), .status = 400},

    /* lengths */
    {LENGTH(" 5"), .verb = VERB_POST, .body = "abcde"},
    {LENGTH("\t005 "), .verb = VERB_POST, .body = "abcde"},
    {LENGTH(" 5\r\nConnection: Upgrade\r\nUpgrade: x"), .verb = VERB_POST,
     .body = "abcde"},
    {FIELD("Content-Length: 0\r\n"), .verb = VERB_POST, .body = ""},
    {LENGTH(" 21"), .status = 413},
    {LENGTH(" 18446744073709551615"), .status = 413},
    {LENGTH(" 18446744073709551621"), .status = 400},
    {LENGTH(" -5"), .status = 400},
    {LENGTH(" +5"), .status = 400},
    {LENGTH(" 0x5"), .status = 400},
    {LENGTH(" 5.0"), .status = 400},
    {LENGTH(" 5 5"), .status = 400},
    {LENGTH(" 5, 5"), .status = 400},
    {LENGTH(" 5,"), .status = 400},
    {LENGTH(""), .status = 400},
    {LENGTH(" "), .status = 400},
    {LENGTH(" five"), .status = 400},
    {LENGTH(" 5\r\nContent-Length: 5"), .status = 400},
    {LENGTH(" 5\r\nContent-Length: 6"), .status = 400},
    {LENGTH(" 5\r\nTransfer-Encoding: chunked"), .status = 400},
    {LENGTH(" 5\r\nTransfer-Encoding: identity"), .status = 400},
    {BODY("Content-Length : 5\r\n", "abcde"), .status = 400},

    /* codings */
    {CODING(" chunked"), .verb = VERB_POST, .body = ""},
    {CODING("\tCHUNKED  "), .verb = VERB_POST, .body = ""},
    {CODING(" "), .status = 501},
    {CODING(" identity"), .status = 501},
    {CODING(" gzip, chunked"), .status = 501},
    {CODING(" chunked, chunked"), .status = 400},
    {CODING(" chunked, gzip"), .status = 400},
    {CODING(" chunked,"), .status = 400},
    {CODING(" xchunked"), .status = 501},
    {CODING(" chunked;q=1"), .status = 501},
    {CODING(" \x0b"
            "chunked"),
     .status = 400},
    {CODING(" \"chunked\""), .status = 501},
    {CODING(" chunked\r\nTransfer-Encoding: chunked"), .status = 400},
    {CODING(" chunked\r\nTransfer-Encoding: x"), .status = 400},
    {CODING(" chunked\r\nContent-Length: 5"), .status = 400},
    {RAW("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     .status = 400},

    /* chunks */
    {CHUNKS("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), .verb = VERB_POST,
     .body = "abcde"},
    {CHUNKS("3;a=b;c\r\nabc\r\n00;x\r\nT: v\r\nU:\r\n\r\n"), .verb = VERB_POST,
     .body = "abc"},
    {CHUNKS("a\r\n0\r\n\r\n12345\r\nA\r\n6789012345\r\n0\r\n\r\n"),
     .verb = VERB_POST, .body = "0\r\n\r\n123456789012345"},
    {CHUNKS("0000000000000000000000003\r\nabc\r\n0\r\n\r\n"), .verb = VERB_POST,
     .body = "abc"},
    {CHUNKS("0\r\nContent-Length: 9\r\nHost: b\r\n\r\n"), .verb = VERB_POST,
     .body = ""},
    {CHUNKS("15\r\n"), .status = 413},
    {CHUNKS("14\r\n01234567890123456789\r\n1\r\n"), .status = 413},
    {CHUNKS("ffffffffffffffff\r\n"), .status = 413},
    {CHUNKS("10000000000000003\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3\rabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3;a\nb\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3;a\r\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3;a=\"\n\"\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3 \r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS(" 3\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("0x3\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("-3\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("+3\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS(";a\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3\r\nabcd\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3\r\nabc0\r\n\r\n"), .status = 400},
    {CHUNKS("3\r\nabc\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3\r\nabc\r0\r\n\r\n"), .status = 400},
    {CHUNKS("0\n\r\n"), .status = 400},
    {CHUNKS("0\r\n\n"), .status = 400},
    {CHUNKS("0\r\nT: v\n\r\n"), .status = 400},
    {CHUNKS("0\r\nT: v\r\n w\r\n\r\n"), .status = 400},
    {CHUNKS("0\r\nT\r\n\r\n"), .status = 400},
    {CHUNKS("0\r\nTransfer-Encoding: chunked\r\n\r\n"), .status = 400},

    /* limits: line 100, field 60, fields 4, body 20 */
    {LINE("GET /01234567890123456789012345678901234567890123456789012345678901"
          "2345678901234567890123456 HTTP/1.1")},
    {LINE("GET /01234567890123456789012345678901234567890123456789012345678901"
          "23456789012345678901234567 HTTP/1.1"),
     .status = 414},
    {FIELD("X: 012345678901234567890123456789012345678901234567890123456\r\n"),
     .verb = VERB_POST},
    {FIELD("X: 0123456789012345678901234567890123456789012345678901234567\r\n"),
     .status = 431},
    {FIELD("A: 1\r\nB: 2\r\nC: 3\r\n"), .verb = VERB_POST},
    {FIELD("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n"), .status = 431},
};

enum { FRAMINGS = sizeof framings / sizeof *framings };

/* Feeds `bytes` in pieces of `piece` bytes until that says something. */
static enum request_step feed(struct request *r, struct buf *in,
                              struct slice bytes, size_t piece)
{
    enum request_step step = REQUEST_MORE;

    for (size_t at = 0; at < bytes.len && step == REQUEST_MORE; at += piece) {
        size_t left = bytes.len - at;
        buf_add(in, bytes.ptr + at, left < piece ? left : piece);
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

static void show(const struct framing *f, const char *how,
                 const struct request *r, enum request_step step)
{
    fprintf(stderr, "%s, step %d, status %d (%s), wanted %d:\n", how, step,
            request_status(r), request_reason(r), f->status);
    fwrite(f->bytes, 1, f->len, stderr);
    fail();
}

/* Whole; byte by byte; with more behind it; and behind another request. */
static void framing(void **state)
{
    static const char good[] = "GET /good HTTP/1.1\r\nHost: g\r\n\r\n";
    static const char garbage[] = "\r\n\x00 GET\r";
    struct request *r = request_new(&limits);
    struct buf in = {0};
    struct buf more = {0};

    (void)state;
    for (size_t i = 0; i < FRAMINGS; i++) {
        const struct framing *f = &framings[i];
        struct slice bytes = {f->bytes, f->len};
        enum request_step step = feed(r, &in, bytes, bytes.len);
        if (!matches(r, step, f))
            show(f, "whole", r, step);

        request_reset(r);
        buf_clear(&in);
        step = feed(r, &in, bytes, 1);
        if (!matches(r, step, f))
            show(f, "by bytes", r, step);
        if (step == REQUEST_COMPLETE) {
            request_next(r, &in);
            assert_int_equal(in.len, 0);
        }

        request_reset(r);
        buf_clear(&in);
        buf_clear(&more);
        buf_slice(&more, bytes);
        buf_add(&more, garbage, sizeof garbage - 1);
        step = feed(r, &in, buf_view(&more), more.len);
        if (!matches(r, step, f))
            show(f, "with garbage behind", r, step);
        if (step == REQUEST_COMPLETE) {
            request_next(r, &in);
            assert_int_equal(in.len, sizeof garbage - 1);
            assert_memory_equal(in.data, garbage, in.len);
        }

        request_reset(r);
        buf_clear(&in);
        buf_string(&in, good);
        buf_slice(&in, bytes);
        assert_int_equal(request_feed(r, &in), REQUEST_COMPLETE);
        assert_true(slice_is(request_path(r), "/good"));
        request_next(r, &in);
        step = request_feed(r, &in);
        if (!matches(r, step, f))
            show(f, "pipelined", r, step);
        request_reset(r);
        buf_clear(&in);
    }
    buf_free(&in);
    buf_free(&more);
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
    struct pair field;
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
