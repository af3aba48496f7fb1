#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#include "worker/http/filecache.h"
#include "worker/http/problem.h"
#include "worker/http/security.h"

#include "worker/http/static.h"

struct files {
    struct filecache *cache;
    struct encoder *encoder; /* borrowed; null: none */
    struct buf name;         /* scratch: a folder's name with "index.html" */
    struct buf place;        /* scratch: Location */
    struct buf page;         /* fields of HTML */
};

static const struct {
    const char *ending;
    const char *type;
} types[] = {
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"svg", "image/svg+xml; charset=utf-8"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/vnd.microsoft.icon"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"xml", "text/xml; charset=utf-8"},
    {"pdf", "application/pdf"},
    {"wasm", "application/wasm"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
};

const char *files_type(struct slice name)
{
    const char *dot = memrchr(name.ptr, '.', name.len);
    if (dot) {
        const char *end = name.ptr + name.len;
        struct slice ending = {dot + 1, (size_t)(end - dot) - 1};
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            if (slice_is_nocase(ending, types[i].ending))
                return types[i].type;
    }
    return "application/octet-stream";
}

/* ---- answers ------------------------------------------------------------ */

static void send_trouble(struct response *res)
{
    problem(res, 503, "The file cannot be opened at present");
    response_header(res, "Retry-After", SLICE("1"));
}

static void send_content_range(struct response *res, int status,
                               struct span part, int64_t size)
{
    char text[80];
    if (status == 416)
        snprintf(text, sizeof text, "bytes */%" PRId64, size);
    else
        snprintf(text, sizeof text, "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
                 part.from, part.from + part.length - 1, size);
    response_header(res, "Content-Range", slice_of(text));
}

/* A file in the form that a request gets: as it is, or compressed. */
struct variant {
    const struct file *file;
    const char *type;
    bool varies;       /* others get the other form */
    struct slice gzip; /* null ptr: as it is */
    int64_t size;      /* of this form, in bytes */
    struct validators validators;
    char tag[CONDITIONS_TAG]; /* the gzip form's */
};

/* Ranges count bytes of the file, so who asks for one gets it as it is. For
 * other methods than GET there are no ranges (RFC 9110, 14.2). */
static bool takes_gzip(const struct request *req)
{
    return encoding_accepts_gzip(request_header(req, "accept-encoding")) &&
           (request_verb(req) != VERB_GET || !request_header(req, "range").ptr);
}

static void variant_choose(struct variant *v, const struct files *f,
                           const struct request *req)
{
    const struct file *file = v->file;

    v->size = file->size;
    v->validators = file->validators;
    v->varies = file->size <= FILECACHE_GZIP &&
                encoder_suits(f->encoder, v->type, (size_t)file->size);
    if (!v->varies || !takes_gzip(req))
        return;
    v->gzip = filecache_gzip(f->cache, f->encoder);
    if (v->gzip.ptr == NULL)
        return;
    v->size = (int64_t)v->gzip.len;
    v->validators.etag =
        conditions_gzip_tag(v->tag, slice_of(file->validators.etag)).ptr;
}

/* The response closes its descriptor, so it gets one of its own; false when
 * there is none left. */
static bool send_content(struct response *res, const struct variant *v,
                         struct span part)
{
    const struct file *f = v->file;

    if (v->gzip.ptr || f->bytes) {
        const char *bytes = v->gzip.ptr ? v->gzip.ptr : f->bytes;
        buf_add(&res->body, bytes + part.from, (size_t)part.length);
        return true;
    }
    res->file = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    res->file_offset = part.from;
    res->file_length = part.length;
    return res->file >= 0;
}

/* The same on every answer about this form, 304 and errors included. */
static void send_validators(struct response *res, const struct variant *v)
{
    response_header(res, "ETag", slice_of(v->validators.etag));
    response_header(res, "Last-Modified", slice_of(v->validators.modified));
    if (v->varies)
        response_header(res, "Vary", SLICE("Accept-Encoding"));
    if (!v->gzip.ptr)
        response_header(res, "Accept-Ranges", SLICE("bytes"));
}

static bool is_page(const struct variant *v)
{
    return strncmp(v->type, "text/html", 9) == 0;
}

static void send_file(const struct files *f, const struct request *req,
                      struct response *res, struct variant *v)
{
    struct span part;

    variant_choose(v, f, req);
    int status = conditions_judge(req, &v->validators, v->size, &part);
    if (status == 412)
        problem(res, status, "The file is not the one you know");
    else if (status == 416)
        problem(res, status, "The range lies outside the file");
    else if (status != 304 && !send_content(res, v, part)) {
        send_trouble(res);
        return;
    }
    res->status = status;
    if (status == 200 || status == 206)
        res->type = v->type;
    if (status == 200 && v->gzip.ptr)
        response_header(res, "Content-Encoding", SLICE("gzip"));
    send_validators(res, v);
    if (is_page(v)) /* 304 too: it changes what the client keeps */
        buf_slice(&res->headers, buf_view(&f->page));
    if (status == 206 || status == 416)
        send_content_range(res, status, part, v->size);
}

/*
 * Made from the decoded path, part by part: a path that begins with two
 * slashes, or a slash and a backslash, would name another server.
 */
static void send_to_folder(struct files *f, const struct request *req,
                           struct response *res)
{
    struct slice path = request_path(req);
    struct slice query = request_raw_query(req);
    buf_clear(&f->place);
    while (path.ptr) {
        struct slice part = slice_cut(&path, '/');
        if (part.len == 0)
            continue;
        buf_byte(&f->place, '/');
        buf_percent(&f->place, part);
    }
    buf_byte(&f->place, '/');
    if (query.len) {
        buf_byte(&f->place, '?');
        buf_slice(&f->place, query);
    }
    res->status = 301;
    res->type = NULL;
    response_header(res, "Location", buf_view(&f->place));
}

/* ---- names -------------------------------------------------------------- */

/* The path without its leading slashes, with "index.html" behind when
 * `index` or when it ends with a slash. */
static struct slice name_of(struct files *f, const struct request *req,
                            bool index)
{
    struct slice name = request_path(req);
    while (name.len && name.ptr[0] == '/') {
        name.ptr++;
        name.len--;
    }
    bool slash = name.len == 0 || name.ptr[name.len - 1] == '/';
    if (!index && !slash)
        return name;
    buf_clear(&f->name);
    buf_slice(&f->name, name);
    if (!slash)
        buf_byte(&f->name, '/');
    buf_string(&f->name, "index.html");
    return buf_view(&f->name);
}

/* A folder is one only if it has an index: others are not shown to exist. */
static enum filecache_result find(struct files *f, const struct request *req,
                                  uint64_t now_ms, const struct file **out)
{
    enum filecache_result kind =
        filecache_find(f->cache, name_of(f, req, false), now_ms, out);
    if (kind != FILECACHE_FOLDER)
        return kind;
    kind = filecache_find(f->cache, name_of(f, req, true), now_ms, out);
    return kind == FILECACHE_FILE ? FILECACHE_FOLDER : FILECACHE_NONE;
}

bool files_answer(struct files *f, const struct request *req,
                  struct response *res, uint64_t now_ms)
{
    struct variant sent = {.file = NULL};

    switch (find(f, req, now_ms, &sent.file)) {
    case FILECACHE_FILE:
        sent.type = files_type(name_of(f, req, false));
        send_file(f, req, res, &sent);
        return true;
    case FILECACHE_FOLDER: send_to_folder(f, req, res); return true;
    case FILECACHE_TROUBLE: send_trouble(res); return true;
    case FILECACHE_NONE: break;
    }
    return false;
}

bool files_has(struct files *f, const struct request *req, uint64_t now_ms)
{
    const struct file *file;
    return find(f, req, now_ms, &file) != FILECACHE_NONE;
}

struct files *files_open(const char *web, struct encoder *encoder)
{
    struct filecache *cache = filecache_open(web);
    if (!cache)
        return NULL;
    struct files *f = calloc(1, sizeof *f);
    if (!f) {
        filecache_close(cache);
        errno = ENOMEM;
        return NULL;
    }
    f->cache = cache;
    f->encoder = encoder;
    return f;
}

void files_secure(struct files *f, const struct settings *s)
{
    buf_clear(&f->page);
    security_page(s, &f->page);
}

void files_close(struct files *f)
{
    if (!f)
        return;
    filecache_close(f->cache);
    buf_free(&f->name);
    buf_free(&f->place);
    buf_free(&f->page);
    free(f);
}
