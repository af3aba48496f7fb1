#include <stdio.h>
#include <string.h>

#include "common/digest.h"
#include "worker/endpoint/paging.h"
#include "worker/http/problem.h"

/* The line end closes a comment that the author's SQL may end with. */
static const char wrap_head[] = "SELECT * FROM (";
static const char wrap_tail[] = "\n)";

enum { KEY_FIRST, KEY_AFTER, KEY_BEFORE, KEY_VARIANTS };

static size_t list_length(const char **list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

bool paging_on(const struct endpoint *e)
{
    return e->page.on || e->sort;
}

int paging_count_variant(const struct endpoint *e)
{
    if (e->page.keys)
        return KEY_VARIANTS;
    return 1 + 2 * (int)list_length(e->sort);
}

int paging_variants(const struct endpoint *e)
{
    return paging_count_variant(e) + 1;
}

int paging_sql_offset(void)
{
    return (int)sizeof wrap_head - 1;
}

static void add_name(struct buf *out, const char *name)
{
    buf_byte(out, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_byte(out, '"');
        buf_byte(out, *name);
    }
    buf_byte(out, '"');
}

static void add_order(struct buf *out, const char **keys, bool descending)
{
    for (size_t i = 0; keys[i]; i++) {
        buf_string(out, i ? ", " : " ORDER BY ");
        add_name(out, keys[i]);
        buf_string(out, descending ? " DESC" : " ASC");
    }
}

/* Row values compare column by column (sqlite.org/rowvalue.html). */
static void add_keys_condition(struct buf *out, const char **keys, bool less)
{
    buf_string(out, " WHERE (");
    for (size_t i = 0; keys[i]; i++) {
        buf_string(out, i ? ", " : "");
        add_name(out, keys[i]);
    }
    buf_string(out, less ? ") < (" : ") > (");
    for (size_t i = 0; keys[i]; i++)
        buf_format(out, "%s:prong_key%zu", i ? ", " : "", i);
    buf_byte(out, ')');
}

/*
 * The page before a cursor is read from the cursor backwards and then turned
 * round, so that rows always come in the list's order.
 */
static void add_keyset(struct buf *out, const struct page *page, int variant)
{
    bool falling = page->descending != (variant == KEY_BEFORE);

    if (variant != KEY_FIRST)
        add_keys_condition(out, page->keys, falling);
    add_order(out, page->keys, falling);
    buf_string(out, " LIMIT :prong_limit");
    if (variant == KEY_BEFORE) {
        buf_byte(out, ')');
        add_order(out, page->keys, page->descending);
    }
}

void paging_sql(const struct endpoint *e, int variant, struct buf *out)
{
    bool count = variant == paging_count_variant(e);

    if (e->page.keys && variant == KEY_BEFORE)
        buf_string(out, "SELECT * FROM (");
    buf_string(out, count ? "SELECT count(*) FROM (" : wrap_head);
    buf_string(out, e->statements[0].text);
    buf_string(out, wrap_tail);
    if (count)
        return;
    if (e->page.keys) {
        add_keyset(out, &e->page, variant);
        return;
    }
    if (variant > 0) {
        const char *by[] = {e->sort[(variant - 1) / 2], NULL};
        add_order(out, by, variant % 2 == 0);
    }
    if (e->page.on)
        buf_string(out, " LIMIT :prong_limit OFFSET :prong_offset");
}

/* ---- reading -------------------------------------------------------------*/

static struct slice query_value(const struct request *req, const char *name)
{
    size_t count;
    const struct pair *pairs = request_query(req, &count);

    for (size_t i = 0; i < count; i++)
        if (slice_is(pairs[i].name, name))
            return pairs[i].value;
    return (struct slice){NULL, 0};
}

static void read_number(struct slice text, int64_t max, int64_t *out,
                        const char *pointer, struct buf *errors)
{
    char why[80];

    if (text.ptr == NULL)
        return;
    if (text_int64(text, out) && *out >= 0 && *out <= max)
        return;
    snprintf(why, sizeof why, "must be an integer from 0 to %lld",
             (long long)max);
    problem_error(errors, pointer, why);
}

/* "name" rises, "-name" falls. */
static void read_sort(struct paging *p, const struct endpoint *e,
                      struct slice text, struct buf *errors)
{
    struct slice name = text;

    if (text.ptr == NULL)
        return;
    bool falls = text.len > 0 && text.ptr[0] == '-';
    name.ptr += falls;
    name.len -= falls;
    for (size_t i = 0; e->sort && e->sort[i]; i++) {
        if (!slice_is(name, e->sort[i]))
            continue;
        p->variant = 1 + 2 * (int)i + falls;
        return;
    }
    problem_error(errors, "/sort", "is no column that can be sorted by");
}

/*
 * A cursor is base64 of a direction and the key values, each with its type
 * and, for text, its length: "ni42;t3:abc;". A forged one can only name
 * other values to start at, and they are bound, never pasted.
 */
static bool read_key(struct slice *rest, struct value *v)
{
    struct slice head = *rest;
    int64_t len;

    if (rest->len < 2)
        return false;
    char type = head.ptr[0];
    head.ptr++;
    head.len--;
    if (type != 't') {
        *rest = head;
        struct slice number = slice_cut(rest, ';');
        v->kind = type == 'i' ? VALUE_INT : VALUE_REAL;
        return type == 'i'   ? text_int64(number, &v->integer)
               : type == 'r' ? text_real(number, &v->real)
                             : false;
    }
    struct slice length = slice_cut(&head, ':');
    if (!text_int64(length, &len) || len < 0 || head.len == 0 ||
        (uint64_t)len > head.len - 1 || head.ptr[len] != ';')
        return false;
    v->kind = VALUE_TEXT;
    v->text = (struct slice){head.ptr, (size_t)len};
    *rest = (struct slice){head.ptr + len + 1, head.len - (size_t)len - 1};
    return true;
}

void paging_cursor_add(struct buf *cursor, const struct value *key)
{
    if (key->kind == VALUE_INT) {
        buf_byte(cursor, 'i');
        buf_int(cursor, key->integer);
    } else if (key->kind == VALUE_REAL) {
        buf_byte(cursor, 'r');
        buf_real(cursor, key->real);
    } else {
        buf_format(cursor, "t%zu:", key->text.len);
        buf_slice(cursor, key->text);
    }
    buf_byte(cursor, ';');
}

static bool read_keys(struct paging *p, const struct endpoint *e)
{
    struct slice rest = buf_view(&p->text);
    size_t wanted = list_length(e->page.keys);

    if (rest.len < 1 || (rest.ptr[0] != 'n' && rest.ptr[0] != 'p'))
        return false;
    p->backwards = rest.ptr[0] == 'p';
    rest.ptr++;
    rest.len--;
    while (p->key_count < wanted && p->key_count < PAGING_KEYS_MAX)
        if (!read_key(&rest, &p->keys[p->key_count++]))
            return false;
    return p->key_count == wanted && rest.len == 0;
}

static void read_cursor(struct paging *p, const struct endpoint *e,
                        struct slice text, struct buf *errors)
{
    if (text.ptr == NULL)
        return;
    if (!digest_unbase64(&p->text, text) || !read_keys(p, e)) {
        problem_error(errors, "/cursor", "is not one that this list gave out");
        return;
    }
    p->variant = p->backwards ? KEY_BEFORE : KEY_AFTER;
}

void paging_read(struct paging *p, const struct endpoint *e,
                 const struct request *req, struct buf *errors)
{
    p->variant = 0;
    p->limit = e->page.size;
    p->offset = 0;
    p->backwards = false;
    p->key_count = 0;
    buf_clear(&p->text);
    p->count = slice_is(query_value(req, "count"), "exact");
    read_sort(p, e, query_value(req, "sort"), errors);
    if (!e->page.on)
        return;
    read_number(query_value(req, "limit"), e->page.max, &p->limit, "/limit",
                errors);
    if (e->page.keys)
        read_cursor(p, e, query_value(req, "cursor"), errors);
    else
        read_number(query_value(req, "offset"), INT64_MAX / 2, &p->offset,
                    "/offset", errors);
}

void paging_free(struct paging *p)
{
    buf_free(&p->text);
    buf_free(&p->cursor);
    buf_free(&p->code);
}

/* ---- links ---------------------------------------------------------------*/

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
