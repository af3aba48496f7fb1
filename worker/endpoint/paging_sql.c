#include <stdio.h>
#include <string.h>

#include "worker/endpoint/paging_private.h"

/* The line end closes a comment that the author's SQL may end with. */
static const char wrap_head[] = "SELECT * FROM (";
static const char wrap_tail[] = "\n)";

size_t paging_length(const char **list)
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
    return 1 + 2 * (int)paging_length(e->sort);
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
