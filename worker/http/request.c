#include <assert.h>
#include <llhttp.h>
#include <stdlib.h>
#include <string.h>

#include "worker/http/framing.h"
#include "worker/http/request_private.h"

static const char only_http_1[] = "Only HTTP/1.0 and HTTP/1.1 are spoken here";
static const char frame_too_large[] =
    "A chunk header or the trailers are too large";
static const char too_large[] = "The body is larger than this server accepts";

void request_refuse(struct request *r, int status, const char *reason)
{
    if (r->status == 0) {
        r->status = status;
        r->reason = reason;
    }
}

static int refuse(struct request *r, int status, const char *reason)
{
    request_refuse(r, status, reason);
    return HPE_USER;
}

static struct span span_of(const struct request *r, const char *at, size_t len)
{
    return (struct span){(size_t)(at - r->in->data), len};
}

/* The parser gets a head in one piece, so each span comes whole. */
static int on_url(llhttp_t *p, const char *at, size_t len)
{
    struct request *r = p->data;

    r->url = span_of(r, at, len);
    return 0;
}

static bool is_hint(const char *name, size_t len)
{
    char c = (char)(len > 0 ? name[0] | 0x20 : 0);

    return c == 'x' || c == 'f';
}

/* Fields behind the body (trailers) are parsed and dropped: RFC 9110, 6.5.1
 * lets a recipient do so, and nothing here needs them. */
static int on_name(llhttp_t *p, const char *at, size_t len)
{
    struct request *r = p->data;

    if (r->head_done)
        return 0;
    if (r->field_count >= r->limits->fields)
        return refuse(r, 431, "Too many header fields");
    r->hinted = r->hinted || is_hint(at, len);
    r->fields[r->field_count++] =
        (struct field){span_of(r, at, len), span_of(r, at, 0)};
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t len)
{
    struct request *r = p->data;

    if (r->head_done)
        return 0;
    /* llhttp takes off the blanks in front only (RFC 9110, 5.5). */
    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    r->fields[r->field_count - 1].value = span_of(r, at, len);
    return 0;
}

/* What a head must not have more than once, or must have. */
static int check_fields(struct request *r)
{
    size_t hosts = 0;
    size_t lengths = 0;
    size_t codings = 0;
    size_t types = 0;
    size_t tokens = 0;

    for (size_t i = 0; i < r->field_count; i++) {
        struct slice name = request_bytes(r, r->fields[i].name);
        struct slice value = request_bytes(r, r->fields[i].value);
        if (name.len == 0)
            return refuse(r, 400, "A header field without a name");
        if (slice_is_nocase(name, "host")) {
            if (hosts++ > 0 || !framing_host(value))
                return refuse(r, 400, "Bad or repeated Host");
        } else if (slice_is_nocase(name, "content-length")) {
            lengths++;
        } else if (slice_is_nocase(name, "content-type")) {
            types++;
        } else if (slice_is_nocase(name, "authorization")) {
            tokens++;
        } else if (slice_is_nocase(name, "transfer-encoding")) {
            codings++;
            if (!slice_is_nocase(value, "chunked"))
                return refuse(r, 501, "Only the chunked coding is known");
        } else if (slice_is_nocase(name, "expect")) {
            if (!slice_is_nocase(value, "100-continue"))
                return refuse(r, 417, "Unknown expectation");
            r->wants_continue = r->minor >= 1;
        }
    }
    if (hosts == 0 && r->minor >= 1)
        return refuse(r, 400, "Missing Host");
    if (lengths + codings > 1)
        return refuse(r, 400, "The body's length is said twice");
    if (types > 1 || tokens > 1)
        return refuse(r, 400, "Repeated Content-Type or Authorization");
    if (codings > 0 && r->minor == 0)
        return refuse(r, 400, "Transfer-Encoding in HTTP/1.0");
    r->chunked = codings > 0;
    return 0;
}

static enum request_verb verb_of(const llhttp_t *p)
{
    static const enum request_verb verbs[] = {
        [HTTP_DELETE] = VERB_DELETE, [HTTP_GET] = VERB_GET,
        [HTTP_HEAD] = VERB_HEAD,     [HTTP_POST] = VERB_POST,
        [HTTP_PUT] = VERB_PUT,       [HTTP_OPTIONS] = VERB_OPTIONS,
        [HTTP_PATCH] = VERB_PATCH,
    };
    size_t method = p->method;
    bool served = method < sizeof verbs / sizeof *verbs &&
                  (verbs[method] != VERB_GET || method == HTTP_GET);

    return served ? verbs[method] : VERB_OTHER;
}

static struct span span_in(const struct request *r, struct slice s)
{
    return s.len ? span_of(r, s.ptr, s.len) : (struct span){0, 0};
}

/* Fills path, segments and query from the target; 0 or a refusal. */
static int read_target(struct request *r)
{
    struct slice rest = request_bytes(r, r->url);

    if (r->verb == VERB_OPTIONS && slice_is(rest, "*"))
        rest.len = 0;
    else if (rest.len > 0 && rest.ptr[0] != '/' &&
             !framing_cut_authority(&rest))
        return refuse(r, 400, "Bad request target");
    if (rest.len > 0 && memchr(rest.ptr, '#', rest.len))
        return refuse(r, 400, "A fragment in the request target");

    struct slice path = slice_cut(&rest, '?');
    if (path.len == 0)
        path = SLICE("/");
    else
        r->raw_path = span_in(r, path);
    r->raw_query = span_in(r, rest);
    buf_reserve(&r->text, path.len + rest.len + 4);
    if (!target_path(path, &r->text, r->segments, &r->segment_count))
        return refuse(r, 400, "Bad path");
    r->path = buf_view(&r->text);
    if (!target_pairs(rest, &r->text, r->query, &r->query_count))
        return refuse(r, 400, "Bad query string");
    return 0;
}

static int on_head_end(llhttp_t *p)
{
    struct request *r = p->data;

    r->fields_done = true;
    if (p->http_major != 1 || p->http_minor > 1)
        return refuse(r, 505, only_http_1);
    r->minor = p->http_minor;
    if (!framing_request_line(request_line(r), r->url.len))
        return refuse(r, 400, "Bad request line");
    if (p->method == HTTP_CONNECT || p->method == HTTP_TRACE)
        return refuse(r, 501, "This method is not implemented");
    r->verb = verb_of(p);
    if (check_fields(r) || read_target(r))
        return HPE_USER;
    if (!r->chunked && p->content_length > r->limits->body)
        return refuse(r, 413, too_large);
    r->keep_alive = llhttp_should_keep_alive(p);
    p->upgrade = 0; /* offers to switch protocols are ignored: RFC 9110, 7.8 */
    r->head_done = true;
    return 0;
}

/* Chunk size lines and trailers: all bytes between pieces of the body. */
static int check_frame(struct request *r, size_t to)
{
    const char *from = r->in->data + r->framed;

    if (to - r->framed > REQUEST_FRAME_MAX)
        return refuse(r, 431, frame_too_large);
    if (!framing_lines(from, r->in->data + to))
        return refuse(r, 400, "Bad line ends around a chunk");
    r->framed = to;
    return 0;
}

/* Refused by its size line: a chunk can claim 2^64 - 1 bytes. */
static int on_chunk(llhttp_t *p)
{
    struct request *r = p->data;

    if (p->content_length > r->limits->body - r->body.len)
        return refuse(r, 413, too_large);
    return 0;
}

static int on_body(llhttp_t *p, const char *at, size_t len)
{
    struct request *r = p->data;
    size_t from = (size_t)(at - r->in->data);

    if (r->chunked && check_frame(r, from))
        return HPE_USER;
    r->framed = from + len;
    memmove(r->in->data + r->body.at + r->body.len, at, len);
    r->body.len += len;
    return 0;
}

static int on_end(llhttp_t *p)
{
    struct request *r = p->data;

    r->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_head_end,
    .on_chunk_header = on_chunk,
    .on_body = on_body,
    .on_message_complete = on_end,
};

struct request *request_new(const struct request_limits *limits)
{
    struct request *r = calloc(1, sizeof *r);

    assert(r != NULL);
    r->parser = calloc(1, sizeof *r->parser);
    assert(r->parser != NULL);
    r->limits = limits;
    request_reset(r);
    return r;
}

void request_free(struct request *r)
{
    if (r == NULL)
        return;
    buf_free(&r->text);
    free(r->parser);
    free(r);
}

void request_reset(struct request *r)
{
    llhttp_init(r->parser, HTTP_REQUEST, &callbacks);
    r->parser->data = r;
    r->in = NULL;
    r->line = r->head = r->fed = r->framed = r->end = 0;
    r->fields_done = r->head_done = r->complete = r->chunked = false;
    r->hinted = false;
    r->keep_alive = r->wants_continue = false;
    r->status = 0;
    r->reason = "";
    r->url = r->body = r->raw_path = r->raw_query = (struct span){0, 0};
    r->field_count = 0;
    r->verb = VERB_OTHER;
    r->minor = 1;
    r->path = SLICE("");
    r->segment_count = r->query_count = 0;
    buf_clear(&r->text);
}

static void drop_front(struct buf *b, size_t len)
{
    b->len -= len;
    if (b->len > 0)
        memmove(b->data, b->data + len, b->len);
}

/* RFC 9112, 2.2: empty lines in front of a request line are skipped. */
static void skip_empty_lines(struct buf *in)
{
    size_t n = 0;

    while (n + 1 < in->len && in->data[n] == '\r' && in->data[n + 1] == '\n')
        n += 2;
    if (n > 0)
        drop_front(in, n);
}

/* Limits on a line of the head, complete or not, and on all lines together. */
static int check_line(struct request *r, size_t len)
{
    if (r->line == 0 && len > r->limits->line)
        return refuse(r, 414, "The request line is too long");
    if (r->line > 0 && len > r->limits->field_size)
        return refuse(r, 431, "A header field is too long");
    if (r->line + len > REQUEST_HEAD_MAX)
        return refuse(r, 431, "The header is too large");
    return 0;
}

/*
 * Walks the lines of the head that have arrived, so that faults of framing
 * and size are found as early as they can be, and the parser is given the
 * head only when it is all there. True when it is.
 */
static bool find_head(struct request *r)
{
    struct buf *in = r->in;

    for (;;) {
        const char *start = in->data + r->line;
        const char *lf = memchr(start, '\n', in->len - r->line);
        const char *end = lf ? lf + 1 : in->data + in->len;
        if (!framing_lines(start, end)) {
            refuse(r, 400, "A line does not end in CRLF, or is folded");
            return false;
        }
        size_t len = (size_t)(end - start) - (lf != NULL);
        len -= len > 0 && start[len - 1] == '\r';
        if (check_line(r, len) || lf == NULL)
            return false;
        r->line = (size_t)(end - in->data);
        if (len == 0) {
            r->head = r->line;
            return true;
        }
    }
}

static void refuse_parsed(struct request *r, llhttp_errno_t error)
{
    if (error == HPE_INVALID_METHOD)
        refuse(r, 501, "This method is not implemented");
    else if (error == HPE_INVALID_VERSION)
        refuse(r, 505, only_http_1);
    else
        refuse(r, 400, llhttp_get_error_reason(r->parser));
}

/* Gives the parser the bytes up to `to`. */
static void parse(struct request *r, size_t to)
{
    const char *from = r->in->data + r->fed;
    llhttp_errno_t error = llhttp_execute(r->parser, from, to - r->fed);

    r->fed = to;
    if (error == HPE_PAUSED && r->complete)
        r->end = (size_t)(llhttp_get_error_pos(r->parser) - r->in->data);
    else if (error != HPE_OK)
        refuse_parsed(r, error);
}

static void parse_head(struct request *r)
{
    skip_empty_lines(r->in);
    if (r->in->len == 0 || (r->in->len == 1 && r->in->data[0] == '\r'))
        return;
    if (r->in->data[0] < 'A' || r->in->data[0] > 'Z') {
        refuse(r, 400, "This is not an HTTP request");
        return;
    }
    if (!find_head(r))
        return;
    r->body.at = r->framed = r->head;
    parse(r, r->head);
    if (r->status == 0 && !r->head_done) /* HTTP/2's greeting goes on */
        refuse(r, 505, only_http_1);
}

/*
 * Chunk headers that are done with leave a hole between the body and the
 * bytes of the next one: closed here, so that a body of many small chunks
 * takes no more memory than its data.
 */
static void close_hole(struct request *r)
{
    size_t body_end = r->body.at + r->body.len;
    size_t tail = r->in->len - r->framed;

    if (tail > REQUEST_FRAME_MAX) {
        refuse(r, 431, frame_too_large);
        return;
    }
    memmove(r->in->data + body_end, r->in->data + r->framed, tail);
    r->framed = body_end;
    r->in->len = r->fed = body_end + tail;
}

static void parse_body(struct request *r)
{
    parse(r, r->in->len);
    if (r->status || !r->chunked)
        return;
    if (r->complete)
        check_frame(r, r->end);
    else
        close_hole(r);
}

enum request_step request_feed(struct request *r, struct buf *in)
{
    r->in = in;
    if (!r->head_done && r->status == 0)
        parse_head(r);
    if (r->head_done && !r->complete && r->status == 0 && r->fed < in->len)
        parse_body(r);

    if (r->status)
        return REQUEST_REFUSED;
    if (r->complete)
        return REQUEST_COMPLETE;
    if (r->head_done && r->wants_continue && r->fed == r->head) {
        r->wants_continue = false;
        return REQUEST_CONTINUE;
    }
    return REQUEST_MORE;
}

void request_next(struct request *r, struct buf *in)
{
    drop_front(in, r->end);
    request_reset(r);
}
