#include <string.h>

#include "worker/endpoint/listing.h"

static bool is_array(const struct listing *l)
{
    return l->form == FORM_JSON &&
           (l->plan->e->shape == SHAPE_MANY || l->plan->e->each);
}

void listing_begin(struct listing *l, struct buf *out)
{
    l->out = out;
    l->rows = 0;
    l->more = false;
    buf_clear(&l->first_cursor);
    buf_clear(&l->second_cursor);
    buf_clear(&l->last_cursor);
    if (is_array(l))
        buf_byte(out, '[');
    if (l->form == FORM_CSV)
        rows_csv_head(out, l->step->columns, l->set);
    l->start = l->first_end = out->len;
}

static void add_key(struct buf *cursor, const struct stmt *s, int column)
{
    struct value v = {.kind = VALUE_TEXT};

    switch (stmt_type(s, column)) {
    case DB_INT:
        v.kind = VALUE_INT;
        v.integer = stmt_int(s, column);
        break;
    case DB_REAL:
        v.kind = VALUE_REAL;
        v.real = stmt_real(s, column);
        break;
    case DB_TEXT:
    case DB_BLOB:
    case DB_NULL: /* no order by keys that can be NULL: said in the README */
    default: v.text = stmt_text(s, column); break;
    }
    paging_cursor_add(cursor, &v);
}

static void note_cursor(const struct listing *l, struct buf *cursor)
{
    const char **keys = l->plan->e->page.keys;

    buf_clear(cursor);
    for (size_t i = 0; keys[i]; i++)
        add_key(cursor, l->step->stmt, l->plan->page_keys[i]);
}

static void note_cursors(struct listing *l)
{
    if (l->rows == 0)
        note_cursor(l, &l->first_cursor);
    if (l->rows == 1)
        note_cursor(l, &l->second_cursor);
    note_cursor(l, &l->last_cursor);
}

static void write_row(struct listing *l)
{
    const struct columns *c = l->step->columns;

    if (l->form == FORM_CSV) {
        rows_csv(l->out, c, l->set);
        return;
    }
    if (l->plan->e->shape == SHAPE_VALUE) {
        rows_value(l->out, c, 0);
    } else {
        if (l->rows > 0 && l->form == FORM_JSON)
            buf_byte(l->out, ',');
        rows_object(l->out, c, l->set);
    }
    if (l->form == FORM_NDJSON)
        buf_byte(l->out, '\n');
}

/*
 * Going backwards the rows come in their final order, so the one row too many
 * is the first: it is cut out when it turns out to be one.
 */
static void drop_first(struct listing *l)
{
    size_t cut = l->first_end + (l->form == FORM_JSON); /* the comma */

    memmove(l->out->data + l->start, l->out->data + cut, l->out->len - cut);
    l->out->len -= cut - l->start;
    l->rows--;
    l->more = true;
    buf_clear(&l->first_cursor);
    buf_slice(&l->first_cursor, buf_view(&l->second_cursor));
}

bool listing_row(struct listing *l)
{
    const struct page *page = &l->plan->e->page;
    bool beyond = page->on && l->paging && l->rows == (size_t)l->paging->limit;

    if (beyond && (!l->paging->backwards || l->rows == 0)) {
        l->more = true;
        return false;
    }
    if (page->keys)
        note_cursors(l);
    write_row(l);
    if (l->rows++ == 0)
        l->first_end = l->out->len;
    if (beyond)
        drop_first(l);
    return l->plan->e->shape == SHAPE_MANY || l->plan->e->each;
}

void listing_end(struct listing *l)
{
    if (is_array(l))
        buf_byte(l->out, ']');
}

struct page_seen listing_seen(const struct listing *l)
{
    return (struct page_seen){
        .more = l->more,
        .first_cursor = buf_view(&l->first_cursor),
        .last_cursor = buf_view(&l->last_cursor),
    };
}

void listing_free(struct listing *l)
{
    buf_free(&l->first_cursor);
    buf_free(&l->second_cursor);
    buf_free(&l->last_cursor);
}
