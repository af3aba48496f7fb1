#include <string.h>
#include <unistd.h>

#include "worker/http/response.h"

const char *status_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };

    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Unknown";
}

void response_init(struct response *r)
{
    memset(r, 0, sizeof *r);
    r->file = -1;
    response_reset(r);
}

void response_reset(struct response *r)
{
    if (r->file >= 0)
        close(r->file);
    r->status = 200;
    r->type = NULL;
    r->file = -1;
    r->file_offset = r->file_length = 0;
    r->close = r->head = false;
    r->route = NULL;
    r->sql_us = 0;
    r->id_len = 0;
    buf_clear(&r->headers);
    buf_clear(&r->aside);
    buf_clear(&r->spill);
    response_drop_body(r);
}

void response_free(struct response *r)
{
    response_reset(r);
    buf_free(&r->headers);
    buf_free(&r->aside);
    buf_free(&r->body);
    buf_free(&r->spill);
}

static void swap(struct buf *a, struct buf *b)
{
    struct buf kept = *a;

    *a = *b;
    *b = kept;
}

void response_swap(struct response *a, struct response *b)
{
    swap(&a->headers, &b->headers);
    swap(&a->aside, &b->aside);
    swap(&a->body, &b->body);
    swap(&a->spill, &b->spill);
}

struct slice response_body(const struct response *r)
{
    return (struct slice){r->body.data + RESPONSE_ROOM,
                          r->body.len - RESPONSE_ROOM};
}

void response_drop_body(struct response *r)
{
    buf_clear(&r->body);
    buf_reserve(&r->body, RESPONSE_ROOM);
    r->body.len = RESPONSE_ROOM;
}

void response_header(struct response *r, const char *name, struct slice value)
{
    buf_string(&r->headers, name);
    buf_string(&r->headers, ": ");
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] != '\r' && value.ptr[i] != '\n')
            buf_byte(&r->headers, value.ptr[i]);
    buf_string(&r->headers, "\r\n");
}

/* RFC 9110, 8.6: 204 has no length, and a 304 need not say its own. */
static bool says_length(const struct response *r)
{
    return r->status != 204 && r->status != 304 && r->status >= 200;
}

static void add_length(struct buf *head, const struct response *r)
{
    int64_t length =
        r->file >= 0 ? r->file_length : (int64_t)(r->body.len - RESPONSE_ROOM);

    buf_string(head, "\r\nContent-Length: ");
    buf_int(head, length);
}

static void make_head(struct buf *head, const struct response *r,
                      struct slice date, int minor)
{
    /* One look at the capacity instead of one for each piece. */
    buf_reserve(head, 512 + r->headers.len + r->aside.len);
    if (r->status == 200) {
        buf_slice(head, SLICE("HTTP/1.1 200 OK\r\nServer: prong\r\nDate: "));
    } else {
        buf_slice(head, SLICE("HTTP/1.1 "));
        buf_int(head, r->status);
        buf_byte(head, ' ');
        buf_string(head, status_phrase(r->status));
        buf_slice(head, SLICE("\r\nServer: prong\r\nDate: "));
    }
    buf_slice(head, date);
    if (r->type) {
        buf_slice(head, SLICE("\r\nContent-Type: "));
        buf_string(head, r->type);
    }
    if (says_length(r))
        add_length(head, r);
    if (r->close)
        buf_slice(head, SLICE("\r\nConnection: close"));
    else if (minor == 0)
        buf_slice(head, SLICE("\r\nConnection: keep-alive"));
    buf_slice(head, SLICE("\r\nX-Request-ID: "));
    buf_add(head, r->id, r->id_len);
    buf_slice(head, SLICE("\r\n"));
    buf_slice(head, buf_view(&r->headers));
    buf_slice(head, buf_view(&r->aside));
    buf_slice(head, SLICE("\r\n"));
}

struct slice response_finish(struct response *r, struct slice date, int minor)
{
    struct slice body = response_body(r);
    struct buf *head = &r->spill;

    if (r->head || r->file >= 0 || !says_length(r))
        body.len = 0;
    make_head(head, r, date, minor);
    if (body.len == 0)
        return buf_view(head);
    if (head->len > RESPONSE_ROOM) { /* long Link or Location headers */
        buf_slice(head, body);
        return buf_view(head);
    }
    char *start = r->body.data + RESPONSE_ROOM - head->len;
    memcpy(start, head->data, head->len);
    return (struct slice){start, head->len + body.len};
}
