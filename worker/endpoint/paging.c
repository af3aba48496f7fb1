#include <stdio.h>

#include "common/digest.h"
#include "worker/http/problem.h"

#include "worker/endpoint/paging_private.h"

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
    size_t wanted = paging_length(e->page.keys);

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
