#include <assert.h>
#include <string.h>

#include "common/segment/cache.h"
#include "common/segment/names.h"
#include "common/segment/tables.h"
#include "worker/http/json.h"
#include "worker/http/problem.h"

#include "worker/monitor/monitor_private.h"

/* ---- what is to be cleared -----------------------------------------------*/

enum what { CLEAR_ALL, CLEAR_ENDPOINT, CLEAR_TABLE, CLEAR_PREFIX, CLEARS };

static const char *const members[CLEARS] = {
    [CLEAR_ALL] = "all",
    [CLEAR_ENDPOINT] = "endpoint",
    [CLEAR_TABLE] = "table",
    [CLEAR_PREFIX] = "prefix",
};

struct wish {
    enum what what;
    char name[1024]; /* of it, terminated */
    struct fault why;
    bool refused; /* *why says the reason */
};

static bool refuse(struct wish *w, const char *reason, struct slice member)
{
    w->refused = true;
    return fault_set(&w->why, "\"%.*s\": %s", (int)member.len, member.ptr,
                     reason);
}

/* One member. What is unknown is refused: a slip of the pen shall not clear
 * everything. */
static bool take(struct wish *w, struct slice member, struct slice value)
{
    unsigned what = CLEAR_ENDPOINT;

    while (what < CLEARS && !slice_is(member, members[what]))
        what++;
    if (member.len > 64)
        member.len = 64;
    if (what == CLEARS)
        return refuse(w, "is none of endpoint, table and prefix", member);
    if (w->what != CLEAR_ALL)
        return refuse(w, "is one too many: one thing at a time", member);
    if (value.len == 0 || value.len >= sizeof w->name)
        return refuse(w, "must be a text of 1 to 1023 bytes", member);
    if (what == CLEAR_PREFIX && value.ptr[0] != '/')
        return refuse(w, "must begin with a slash", member);
    w->what = what;
    memcpy(w->name, value.ptr, value.len);
    w->name[value.len] = '\0';
    return true;
}

static bool take_pairs(struct wish *w, const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!take(w, pairs[i].name, pairs[i].value))
            return false;
    return true;
}

static bool on_member(void *self, const struct member *m)
{
    if (m->raw.kind == RAW_STRING)
        return take(self, m->name, m->raw.text);
    return take(self, m->name, (struct slice){NULL, 0});
}

/* A reader of its own: opening one costs nothing beside filling the cache
 * again. */
static bool take_json(struct wish *w, struct slice body)
{
    const struct json_visitor visitor = {on_member, w};
    struct json *reader = json_new(&w->why);

    w->refused = reader == NULL;
    if (reader && !json_members(reader, body, &visitor)) {
        w->refused = true;
        fault_set(&w->why, "The body must be a JSON object");
    }
    json_free(reader);
    return !w->refused;
}

static bool take_form(struct wish *w, struct slice body)
{
    struct pair pairs[TARGET_PAIRS_MAX];
    struct buf text = {0};
    size_t count;

    buf_reserve(&text, body.len + 1);
    if (target_pairs(body, &text, pairs, &count)) {
        take_pairs(w, pairs, count);
    } else {
        w->refused = true;
        fault_set(&w->why, "The body must be a JSON object or a form");
    }
    buf_free(&text);
    return !w->refused;
}

/* The body is known by its first byte, not by its type: what curl -d sends is
 * called a form, whatever it is. */
static bool wish_read(struct wish *w, const struct request *req)
{
    size_t count;
    const struct pair *pairs = request_query(req, &count);
    struct slice body = slice_trim(request_body(req));

    if (!take_pairs(w, pairs, count))
        return false;
    if (body.len == 0)
        return true;
    if (body.ptr[0] == '{')
        return take_json(w, body);
    return take_form(w, body);
}

/* ---- clearing ------------------------------------------------------------*/

/* How many endpoints' answers went, and whether what was named is there. */
struct outcome {
    bool known;
    size_t endpoints;
};

/* Answers depend on their endpoint as they do on tables (tables.h). */
static void clear_endpoint(const struct monitor *m, const struct endpoint *e)
{
    const char *method = method_name(e->method);

    tables_move(m->shared->tables,
                names_endpoint(m->shared->names, method, e->path));
}

static bool is_named(const struct endpoint *e, const char *name)
{
    const char *method = method_name(e->method);
    size_t len = strlen(method);

    return strncmp(name, method, len) == 0 && name[len] == ' ' &&
           strcmp(name + len + 1, e->path) == 0;
}

/*
 * Whether a path that the pattern matches can begin with the prefix: segment
 * by segment, of which the last may be the beginning of one, and a {parameter}
 * can be anything. Both begin with a slash.
 */
static bool can_begin(const char *pattern, const char *prefix)
{
    struct slice of_pattern = slice_of(pattern + 1);
    struct slice of_prefix = slice_of(prefix + 1);

    while (of_prefix.ptr) {
        if (of_pattern.ptr == NULL)
            return false;
        struct slice wanted = slice_cut(&of_prefix, '/');
        struct slice segment = slice_cut(&of_pattern, '/');
        if (segment.len > 0 && segment.ptr[0] == '{')
            continue;
        if (of_prefix.ptr == NULL && segment.len > wanted.len)
            segment.len = wanted.len;
        if (!slice_equal(segment, wanted))
            return false;
    }
    return true;
}

static bool is_meant(const struct wish *w, const struct endpoint *e)
{
    if (w->what == CLEAR_ENDPOINT)
        return is_named(e, w->name);
    return e->method == METHOD_GET && can_begin(e->path, w->name);
}

static struct outcome clear_endpoints(const struct monitor *m,
                                      const struct wish *w)
{
    struct outcome out = {.known = w->what != CLEAR_ENDPOINT};

    for (size_t i = 0; i < m->app->endpoint_count; i++) {
        const struct endpoint *e = &m->app->endpoints[i];
        if (!is_meant(w, e))
            continue;
        clear_endpoint(m, e);
        out.known = true;
        out.endpoints++;
    }
    return out;
}

/* Versions first: what is put meanwhile under the old ones is never shown. */
static struct outcome clear_all(const struct monitor *m)
{
    struct outcome out = {.known = true};

    tables_move_all(m->shared->tables);
    if (m->shared->cache)
        cache_empty(m->shared->cache);
    for (size_t i = 0; i < m->app->endpoint_count; i++)
        out.endpoints += m->app->endpoints[i].method == METHOD_GET;
    return out;
}

struct search {
    struct slice name;
    bool found;
    unsigned number;
};

static void on_table(void *self, const char *name, unsigned number)
{
    struct search *s = self;

    if (slice_is_nocase(s->name, name)) {
        s->found = true;
        s->number = number;
    }
}

/* Only tables that some endpoint names: asking for the number of any other
 * name would take up a number. */
static struct outcome clear_table(const struct monitor *m, const struct wish *w)
{
    struct search search = {.name = slice_of(w->name)};

    if (m->db)
        db_each_table(m->db, on_table, &search);
    if (search.found)
        tables_move(m->shared->tables, search.number);
    return (struct outcome){.known = search.found};
}

static struct outcome clear(const struct monitor *m, const struct wish *w)
{
    switch (w->what) {
    case CLEAR_ALL: return clear_all(m);
    case CLEAR_TABLE: return clear_table(m, w);
    case CLEAR_ENDPOINT:
    case CLEAR_PREFIX:
    case CLEARS: break;
    }
    return clear_endpoints(m, w);
}

/* ---- the answer ----------------------------------------------------------*/

static void say(struct call *call, const struct wish *w,
                const struct outcome *out)
{
    struct jsonout j = monitor_begin(call);

    assert(w->what < CLEARS);
    jsonout_text(&j, "cleared", slice_of(members[w->what]));
    if (w->what == CLEAR_ALL)
        jsonout_null(&j, "name");
    else
        jsonout_text(&j, "name", slice_of(w->name));
    if (w->what != CLEAR_TABLE)
        jsonout_int(&j, "endpoints", (int64_t)out->endpoints);
    monitor_end(&j);
}

void monitor_clear(const struct monitor *m, struct call *call)
{
    struct wish wish = {.what = CLEAR_ALL};

    if (!wish_read(&wish, call->req)) {
        problem(call->res, 400, wish.why.text);
        return;
    }
    struct outcome out = clear(m, &wish);
    if (out.known)
        say(call, &wish, &out);
    else
        problem(call->res, 404,
                wish.what == CLEAR_TABLE ? "No endpoint uses such a table"
                                         : "There is no such endpoint");
}
