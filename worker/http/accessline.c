#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/digest.h"

#include "worker/http/accessline.h"

enum {
    LITERAL = 0, /* an op's atom: `text` as it stands */
    /* Long spellings: %({name}i)s is HEADER, and so on. */
    HEADER = 'I',
    ANSWER = 'O',
};

/* One step of a line: the letter of an atom, or one of the above. */
struct op {
    int atom;
    const char *text; /* the literal, or the name of a header */
};

struct accessline {
    bool json;
    struct op *ops;
    size_t count;
    struct arena *arena;
    pid_t pid;
    struct buf scratch; /* for decoding credentials */

    /* The present second in words: of local time, or UTC for JSON. */
    time_t second;
    char stamp[48];
    size_t stamp_len;
};

static void add_escaped(struct buf *out, struct slice s)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\') {
            buf_byte(out, '\\');
            buf_byte(out, s.ptr[i]);
        } else if (c < 0x20 || c > 0x7e) {
            buf_add(out, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
        } else {
            buf_byte(out, s.ptr[i]);
        }
    }
}

/* The same, "-" when there is nothing. */
static void add_value(struct buf *out, struct slice s)
{
    if (s.len)
        add_escaped(out, s);
    else
        buf_byte(out, '-');
}

/* ---- time --------------------------------------------------------------- */

/* Local time costs microseconds: it is made once a second. */
static long stamp_refresh(struct accessline *l)
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != l->second) {
        l->second = now.tv_sec;
        if (l->json)
            gmtime_r(&now.tv_sec, &tm);
        else
            localtime_r(&now.tv_sec, &tm);
        l->stamp_len = strftime(
            l->stamp, sizeof l->stamp,
            l->json ? "%Y-%m-%dT%H:%M:%S" : "[%d/%b/%Y:%H:%M:%S %z]", &tm);
    }
    return now.tv_nsec / 1000000;
}

/* ---- atoms -------------------------------------------------------------- */

static struct slice protocol(const struct access *a)
{
    return request_minor(a->req) == 0 ? SLICE("HTTP/1.0") : SLICE("HTTP/1.1");
}

static struct slice answer_id(const struct access *a)
{
    return (struct slice){a->res->id, a->res->id_len};
}

/* The name in "Authorization: Basic …", up to its colon (RFC 7617). */
static void add_user(struct accessline *l, struct buf *out,
                     const struct access *a)
{
    struct slice name = {NULL, 0};
    struct slice value = request_header(a->req, "authorization");
    struct slice scheme = slice_word(&value);
    buf_clear(&l->scratch);
    if (slice_is_nocase(scheme, "basic") &&
        digest_unbase64(&l->scratch, slice_trim(value))) {
        struct slice rest = buf_view(&l->scratch);
        if (rest.len)
            name = slice_cut(&rest, ':');
    }
    add_value(out, name);
}

/* What the response was told; Date and Connection are added after it. */
static struct slice answer_field(const struct access *a, const char *name)
{
    struct slice rest = buf_view(&a->res->headers);
    if (strcasecmp(name, "content-type") == 0)
        return slice_of(a->res->type);
    if (strcasecmp(name, "x-request-id") == 0)
        return answer_id(a);
    while (rest.len) {
        struct slice line = slice_cut(&rest, '\n');
        struct slice field = slice_cut(&line, ':');
        if (line.len && slice_is_nocase(field, name)) {
            line.len -= line.ptr[line.len - 1] == '\r';
            return slice_trim(line);
        }
    }
    return (struct slice){NULL, 0};
}

static void add_seconds(struct buf *out, uint64_t us)
{
    buf_format(out, "%llu.%06llu", (unsigned long long)(us / 1000000),
               (unsigned long long)(us % 1000000));
}

static void add_atom(struct accessline *l, const struct op *op,
                     const struct access *a, struct buf *out)
{
    const struct response *res = a->res;
    switch (op->atom) {
    case LITERAL: buf_string(out, op->text); break;
    case 'h': add_value(out, a->peer); break;
    case 'u': add_user(l, out, a); break;
    case 't': stamp_refresh(l), buf_add(out, l->stamp, l->stamp_len); break;
    case 'r': add_value(out, request_line(a->req)); break;
    case 'm': add_value(out, request_method(a->req)); break;
    case 'U': add_value(out, request_path(a->req)); break;
    case 'q': add_escaped(out, request_raw_query(a->req)); break;
    case 'H': buf_slice(out, protocol(a)); break;
    case 's': buf_int(out, res->status); break;
    case 'B': buf_int(out, (int64_t)a->sent); break;
    case 'b':
        if (a->sent)
            buf_int(out, (int64_t)a->sent);
        else
            buf_byte(out, '-');
        break;
    case 'T': buf_int(out, (int64_t)(a->duration_us / 1000000)); break;
    case 'M': buf_int(out, (int64_t)(a->duration_us / 1000)); break;
    case 'D': buf_int(out, (int64_t)a->duration_us); break;
    case 'L': add_seconds(out, a->duration_us); break;
    case 'p': buf_format(out, "<%d>", (int)l->pid); break;
    case HEADER: add_value(out, request_header(a->req, op->text)); break;
    case ANSWER: add_value(out, answer_field(a, op->text)); break;
    case 'R': add_value(out, slice_of(res->route)); break;
    case 'S': buf_int(out, (int64_t)res->sql_us); break;
    case 'w': buf_int(out, a->worker); break;
    case 'i': add_value(out, answer_id(a)); break;
    default: buf_byte(out, '-'); break; /* 'l', and atoms nobody knows */
    }
}

/* ---- JSON --------------------------------------------------------------- */

static void json_text(struct buf *out, const char *key, struct slice value)
{
    buf_string(out, key);
    if (value.ptr)
        buf_json(out, value);
    else
        buf_string(out, "null");
}

static void json_number(struct buf *out, const char *key, uint64_t value)
{
    buf_string(out, key);
    buf_int(out, (int64_t)value);
}

static void add_json(struct accessline *l, const struct access *a,
                     struct buf *out)
{
    long ms = stamp_refresh(l);
    buf_string(out, "{\"time\":\"");
    buf_add(out, l->stamp, l->stamp_len);
    buf_format(out, ".%03ldZ\"", ms);
    json_text(out, ",\"remote\":", a->peer);
    json_text(out, ",\"method\":", request_method(a->req));
    json_text(out, ",\"path\":", request_path(a->req));
    json_text(out, ",\"query\":", request_raw_query(a->req));
    json_number(out, ",\"status\":", (uint64_t)a->res->status);
    json_number(out, ",\"bytes\":", a->sent);
    json_number(out, ",\"duration_us\":", a->duration_us);
    json_number(out, ",\"sql_us\":", a->res->sql_us);
    json_text(out, ",\"route\":", slice_of(a->res->route));
    json_text(out, ",\"cache\":", answer_field(a, "cache-status"));
    json_number(out, ",\"worker\":", a->worker);
    json_text(out, ",\"request_id\":", answer_id(a));
    json_text(out, ",\"referer\":", request_header(a->req, "referer"));
    json_text(out, ",\"user_agent\":", request_header(a->req, "user-agent"));
    buf_byte(out, '}');
}

/* ---- compiling a format ------------------------------------------------- */

static void emit(struct accessline *l, int atom, struct slice text)
{
    l->ops = arena_grow(l->arena, l->ops, l->count, sizeof *l->ops);
    l->ops[l->count++] = (struct op){atom, arena_text(l->arena, text)};
}

/* "HTTP_USER_AGENT" to "USER-AGENT": names compare without case. */
static void emit_header_variable(struct accessline *l, struct slice name)
{
    char *header = arena_text(l->arena, name);
    for (char *c = header; *c; c++)
        if (*c == '_')
            *c = '-';
    emit(l, HEADER, slice_of(header));
}

/* {x}e: what a CGI program would find in its environment. */
static void emit_variable(struct accessline *l, struct slice name)
{
    static const struct {
        const char *name;
        int atom;
    } cgi[] = {
        {"REQUEST_METHOD", 'm'},  {"PATH_INFO", 'U'},
        {"QUERY_STRING", 'q'},    {"REMOTE_ADDR", 'h'},
        {"SERVER_PROTOCOL", 'H'},
    };
    for (size_t i = 0; i < sizeof cgi / sizeof *cgi; i++)
        if (slice_is_nocase(name, cgi[i].name)) {
            emit(l, cgi[i].atom, SLICE(""));
            return;
        }
    if (name.len > 5 && strncasecmp(name.ptr, "HTTP_", 5) == 0) {
        emit_header_variable(l, (struct slice){name.ptr + 5, name.len - 5});
    } else if (slice_is_nocase(name, "CONTENT_TYPE") ||
               slice_is_nocase(name, "CONTENT_LENGTH")) {
        emit_header_variable(l, name);
    } else {
        const char *value = getenv(arena_text(l->arena, name));
        emit(l, LITERAL, value ? slice_of(value) : SLICE("-"));
    }
}

static void emit_atom(struct accessline *l, struct slice name)
{
    int last = name.len ? name.ptr[name.len - 1] : '-';
    if (name.len > 3 && name.ptr[0] == '{' && name.ptr[name.len - 2] == '}') {
        struct slice inner = {name.ptr + 1, name.len - 3};
        if (last == 'e')
            emit_variable(l, inner);
        else
            emit(l, last == 'i' ? HEADER : last == 'o' ? ANSWER : '-', inner);
    } else if (slice_is(name, "f")) {
        emit(l, HEADER, SLICE("referer"));
    } else if (slice_is(name, "a")) {
        emit(l, HEADER, SLICE("user-agent"));
    } else if (slice_is(name, "C")) {
        emit(l, ANSWER, SLICE("cache-status"));
    } else {
        emit(l,
             name.len == 1 && strchr("hutrmUqHsbBTMDLpRSwi", last) ? last : '-',
             SLICE(""));
    }
}

/* An atom, or a '%' that begins none, off the front of *rest. */
static void compile_percent(struct accessline *l, struct slice *rest)
{
    struct slice s = *rest;
    const char *end =
        s.len > 1 && s.ptr[1] == '(' ? memchr(s.ptr, ')', s.len) : NULL;
    if (end && end + 1 < s.ptr + s.len && end[1] == 's') {
        emit_atom(l, (struct slice){s.ptr + 2, (size_t)(end - s.ptr) - 2});
        end += 2;
    } else {
        emit(l, LITERAL, SLICE("%"));
        end = s.ptr + (s.len > 1 && s.ptr[1] == '%' ? 2 : 1);
    }
    *rest = (struct slice){end, (size_t)(s.ptr + s.len - end)};
}

static void compile(struct accessline *l, struct slice rest)
{
    while (rest.len) {
        const char *percent = memchr(rest.ptr, '%', rest.len);
        size_t plain = percent ? (size_t)(percent - rest.ptr) : rest.len;
        if (plain)
            emit(l, LITERAL, (struct slice){rest.ptr, plain});
        rest = (struct slice){rest.ptr + plain, rest.len - plain};
        if (percent)
            compile_percent(l, &rest);
    }
}

/* ---- the object --------------------------------------------------------- */

void accessline_add(struct accessline *l, const struct access *a,
                    struct buf *out)
{
    if (l->json)
        add_json(l, a, out);
    else
        for (size_t i = 0; i < l->count; i++)
            add_atom(l, &l->ops[i], a, out);
    buf_byte(out, '\n');
}

struct accessline *accessline_new(const char *format, bool json)
{
    struct arena *arena = arena_new();
    struct accessline *l = arena_alloc(arena, sizeof *l);
    l->arena = arena;
    l->json = json;
    l->pid = getpid();
    l->second = -1;
    if (!json)
        compile(l, slice_of(format));
    return l;
}

void accessline_free(struct accessline *l)
{
    if (!l)
        return;
    buf_free(&l->scratch);
    arena_free(l->arena);
}
