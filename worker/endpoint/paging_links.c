#include "common/digest.h"

#include "worker/endpoint/paging.h"

static bool is_one_of(struct slice name, const char *const *list)
{
    while (*list && !slice_is(name, *list))
        list++;
    return *list != NULL;
}

static bool is_declared(const struct endpoint *e, struct slice name)
{
    for (size_t i = 0; i < e->param_count; i++)
        if (!e->params[i].in_path && slice_is(name, e->params[i].name))
            return true;
    return false;
}

/* Of several with one name the first was read. */
static bool is_first(const struct pair *pairs, size_t at)
{
    size_t i = 0;

    while (i < at && !slice_equal(pairs[i].name, pairs[at].name))
        i++;
    return i == at;
}

/* Whether it says what it would say unsaid. */
static bool is_default(const struct endpoint *e, const struct pair *pair)
{
    for (size_t i = 0; i < e->param_count; i++)
        if (e->params[i].fallback && slice_is(pair->name, e->params[i].name))
            return slice_is(pair->value, e->params[i].fallback);
    return false;
}

/* What a list is made from: declared parameters, and what every list takes.
 * Anything else that a client put into its query would otherwise show up in
 * the links of others, who get the same answer out of the cache. */
static bool is_of_list(const struct endpoint *e, const struct pair *pairs,
                       size_t at)
{
    static const char *const place[] = {"limit", "offset", "cursor", NULL};
    static const char *const form[] = {"sort", "fields", NULL};
    struct slice name = pairs[at].name;

    if (is_one_of(name, place) || !is_first(pairs, at) ||
        is_default(e, &pairs[at]))
        return false;
    if (is_one_of(name, form) || is_declared(e, name))
        return true;
    return slice_is(name, "count") && slice_is(pairs[at].value, "exact");
}

/* The same request without its place in the list, "…?a=b&". */
static void add_base(struct buf *out, const struct endpoint *e,
                     const struct request *req)
{
    size_t count;
    const struct slice *segments = request_segments(req, &count);

    for (size_t i = 0; i < count; i++) {
        buf_byte(out, '/');
        buf_percent(out, segments[i]); /* as sent it may hold a '>' */
    }
    buf_byte(out, '?');
    const struct pair *pairs = request_query(req, &count);
    for (size_t i = 0; i < count; i++) {
        if (!is_of_list(e, pairs, i))
            continue;
        buf_percent(out, pairs[i].name);
        buf_byte(out, '=');
        buf_percent(out, pairs[i].value);
        buf_byte(out, '&');
    }
}

struct link_writer {
    struct paging *p;
    const struct endpoint *e;
    const struct request *req;
    struct buf *out;
    size_t count;
};

static void open_link(struct link_writer *w)
{
    buf_string(w->out, w->count++ ? ", <" : "Link: <");
    add_base(w->out, w->e, w->req);
    buf_format(w->out, "limit=%lld", (long long)w->p->limit);
}

static void close_link(struct link_writer *w, const char *rel)
{
    buf_format(w->out, ">; rel=\"%s\"", rel);
}

static void offset_link(struct link_writer *w, int64_t offset, const char *rel)
{
    open_link(w);
    buf_format(w->out, "&offset=%lld", (long long)offset);
    close_link(w, rel);
}

static void cursor_link(struct link_writer *w, char direction,
                        struct slice keys, const char *rel)
{
    struct buf *cursor = &w->p->cursor;
    struct buf *code = &w->p->code;

    buf_clear(cursor);
    buf_byte(cursor, direction);
    buf_slice(cursor, keys);
    buf_clear(code);
    digest_base64(code, buf_view(cursor));
    open_link(w);
    buf_string(w->out, "&cursor=");
    buf_percent(w->out, buf_view(code));
    close_link(w, rel);
}

static void add_cursor_links(struct link_writer *w,
                             const struct page_seen *seen)
{
    bool has_next = w->p->backwards ? true : seen->more;
    bool has_prev = w->p->backwards ? seen->more : w->p->key_count > 0;

    if (has_next && seen->last_cursor.len > 0)
        cursor_link(w, 'n', seen->last_cursor, "next");
    if (has_prev && seen->first_cursor.len > 0)
        cursor_link(w, 'p', seen->first_cursor, "prev");
}

static void add_offset_links(struct link_writer *w,
                             const struct page_seen *seen)
{
    int64_t limit = w->p->limit;
    int64_t offset = w->p->offset;

    if (seen->more)
        offset_link(w, offset + limit, "next");
    if (offset > 0)
        offset_link(w, offset > limit ? offset - limit : 0, "prev");
}

void paging_links(struct paging *p, const struct endpoint *e,
                  const struct request *req, const struct page_seen *seen,
                  struct buf *headers)
{
    struct link_writer w = {p, e, req, headers, 0};

    if (p->limit == 0)
        return;
    if (e->page.keys)
        add_cursor_links(&w, seen);
    else
        add_offset_links(&w, seen);
    if (w.count > 0)
        buf_string(headers, "\r\n");
}
