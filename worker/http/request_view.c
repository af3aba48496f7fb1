#include <string.h>
#include <strings.h>

#include "worker/http/request_private.h"

bool request_begun(const struct request *r)
{
    return r->in && r->in->len > 0;
}

bool request_head_done(const struct request *r)
{
    return r->head_done;
}

bool request_may_be_forwarded(const struct request *r)
{
    return r->fields_done && r->hinted;
}

enum request_verb request_verb(const struct request *r)
{
    return r->verb;
}

int request_status(const struct request *r)
{
    return r->status;
}

const char *request_reason(const struct request *r)
{
    return r->reason;
}

bool request_keep_alive(const struct request *r)
{
    return r->keep_alive && r->status == 0;
}

int request_minor(const struct request *r)
{
    return r->minor;
}

size_t request_size(const struct request *r)
{
    if (r->complete)
        return r->end;
    return r->in ? r->in->len : 0;
}

/* As far as it has come. */
struct slice request_line(const struct request *r)
{
    struct slice line = r->in ? buf_view(r->in) : SLICE("");

    if (line.len > r->limits->line)
        line.len = r->limits->line;
    line = slice_cut(&line, '\n');
    return slice_cut(&line, '\r');
}

struct slice request_method(const struct request *r)
{
    struct slice line = request_line(r);

    return slice_cut(&line, ' ');
}

struct slice request_target(const struct request *r)
{
    return r->url.len ? request_bytes(r, r->url) : SLICE("");
}

struct slice request_raw_path(const struct request *r)
{
    return r->raw_path.len ? request_bytes(r, r->raw_path) : SLICE("/");
}

struct slice request_raw_query(const struct request *r)
{
    return r->raw_query.len ? request_bytes(r, r->raw_query) : SLICE("");
}

struct slice request_path(const struct request *r)
{
    return r->path;
}

const struct slice *request_segments(const struct request *r, size_t *count)
{
    *count = r->segment_count;
    return r->segments;
}

const struct pair *request_query(const struct request *r, size_t *count)
{
    *count = r->query_count;
    return r->query;
}

struct slice request_header(const struct request *r, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < r->field_count; i++)
        if (r->fields[i].name.len == len &&
            strncasecmp(request_bytes(r, r->fields[i].name).ptr, name, len) ==
                0)
            return request_bytes(r, r->fields[i].value);
    return (struct slice){NULL, 0};
}

bool request_field(const struct request *r, size_t i, struct pair *out)
{
    if (i >= r->field_count)
        return false;
    *out = (struct pair){request_bytes(r, r->fields[i].name),
                         request_bytes(r, r->fields[i].value)};
    return true;
}

struct slice request_body(const struct request *r)
{
    return r->body.len ? request_bytes(r, r->body) : SLICE("");
}

bool request_says_length(const struct request *r)
{
    return r->chunked || request_header(r, "content-length").ptr;
}
