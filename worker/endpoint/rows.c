#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "common/hash.h"
#include "worker/endpoint/rows.h"

struct column {
    struct slice name; /* in columns.text */
    struct slice key;  /* the same as a JSON key with a comma: ,"name": */
    bool json;
};

struct columns {
    struct stmt *stmt;
    struct json *reader;
    const char **json;
    unsigned version; /* stmt_version at the last look */
    size_t count;
    struct column *column; /* count of them */
    uint64_t print;        /* of text */
    struct buf text;
};

static bool is_listed(const char **list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

/* Names and keys lie in one buffer, which moves while it grows: lengths
 * first, pointers when it is complete. */
static void place(struct columns *c)
{
    const char *at = c->text.data;

    for (size_t i = 0; i < c->count; i++) {
        c->column[i].name.ptr = at;
        at += c->column[i].name.len;
        c->column[i].key.ptr = at;
        at += c->column[i].key.len;
    }
}

static bool look(struct columns *c)
{
    int count = stmt_columns(c->stmt);

    c->version = stmt_version(c->stmt);
    c->count = 0;
    buf_clear(&c->text);
    if (count > ROWS_COLUMNS_MAX)
        return false;
    c->column = realloc(c->column, (size_t)(count + 1) * sizeof *c->column);
    assert(c->column != NULL);
    for (int i = 0; i < count; i++) {
        const char *name = stmt_column_name(c->stmt, i);
        struct column *column = &c->column[c->count++];
        column->name.len = strlen(name);
        column->json = is_listed(c->json, name);
        buf_string(&c->text, name);
        size_t start = c->text.len;
        buf_byte(&c->text, ',');
        buf_json(&c->text, slice_of(name));
        buf_byte(&c->text, ':');
        column->key.len = c->text.len - start;
    }
    place(c);
    c->print = hash_of(buf_view(&c->text));
    return true;
}

struct columns *columns_new(struct stmt *s, const char **json,
                            struct json *reader)
{
    struct columns *c = calloc(1, sizeof *c);

    assert(c != NULL);
    c->stmt = s;
    c->json = json;
    c->reader = reader;
    look(c);
    return c;
}

void columns_free(struct columns *c)
{
    if (c == NULL)
        return;
    buf_free(&c->text);
    free(c->column);
    free(c);
}

bool columns_refresh(struct columns *c)
{
    return c->version == stmt_version(c->stmt) || look(c);
}

uint64_t columns_print(const struct columns *c)
{
    return c->print;
}

size_t columns_count(const struct columns *c)
{
    return c->count;
}

column_set columns_all(const struct columns *c)
{
    return c->count == ROWS_COLUMNS_MAX ? ~(column_set)0
                                        : ((column_set)1 << c->count) - 1;
}

bool columns_find(const struct columns *c, struct slice name, column_set *set)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!slice_equal(c->column[i].name, name))
            continue;
        *set |= (column_set)1 << i;
        return true;
    }
    return false;
}

static void add_blob(struct buf *out, struct slice bytes)
{
    buf_byte(out, '"');
    digest_base64(out, bytes);
    buf_byte(out, '"');
}

/* Line ends between its tokens would end a line of NDJSON. */
static void add_json(struct buf *out, struct slice text)
{
    size_t at = out->len;

    buf_slice(out, text);
    for (; at < out->len; at++)
        if (out->data[at] == '\n' || out->data[at] == '\r')
            out->data[at] = ' ';
}

static void add_cell(struct buf *out, const struct columns *c, int column,
                     const struct cell *cell)
{
    switch (cell->type) {
    case DB_INT: buf_int(out, cell->integer); return;
    case DB_REAL: buf_real(out, cell->real); return;
    case DB_BLOB: add_blob(out, cell->bytes); return;
    case DB_TEXT:
        if (c->column[column].json && json_valid(c->reader, cell->bytes))
            add_json(out, cell->bytes);
        else
            buf_json(out, cell->bytes);
        return;
    case DB_NULL:
    default: buf_slice(out, SLICE("null")); return;
    }
}

void rows_value(struct buf *out, const struct columns *c, int column)
{
    struct cell cell = stmt_cell(c->stmt, column);

    add_cell(out, c, column, &cell);
}

void rows_object(struct buf *out, const struct columns *c, column_set set)
{
    size_t start = out->len;

    for (size_t i = 0; i < c->count; i++) {
        if (!(set >> i & 1))
            continue;
        buf_slice(out, c->column[i].key);
        rows_value(out, c, (int)i);
    }
    if (out->len == start)
        buf_byte(out, '{');
    else
        out->data[start] = '{'; /* in place of the first key's comma */
    buf_byte(out, '}');
}

/* RFC 4180, 2: quotes around what holds a comma, a quote or a line end. */
static void csv_text(struct buf *out, struct slice s)
{
    bool quoted = false;

    for (size_t i = 0; i < s.len && !quoted; i++)
        quoted = strchr(",\"\r\n", s.ptr[i]) != NULL && s.ptr[i];
    if (!quoted) {
        buf_slice(out, s);
        return;
    }
    buf_byte(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"')
            buf_byte(out, '"');
        buf_byte(out, s.ptr[i]);
    }
    buf_byte(out, '"');
}

static void csv_value(struct buf *out, const struct columns *c, int column)
{
    struct cell cell = stmt_cell(c->stmt, column);

    switch (cell.type) {
    case DB_TEXT: csv_text(out, cell.bytes); return;
    case DB_BLOB: digest_base64(out, cell.bytes); return;
    case DB_NULL: return;
    case DB_INT:
    case DB_REAL:
    default: add_cell(out, c, column, &cell); return;
    }
}

void rows_csv(struct buf *out, const struct columns *c, column_set set)
{
    bool first = true;

    for (size_t i = 0; i < c->count; i++) {
        if (!(set >> i & 1))
            continue;
        if (!first)
            buf_byte(out, ',');
        csv_value(out, c, (int)i);
        first = false;
    }
    buf_string(out, "\r\n");
}

void rows_csv_head(struct buf *out, const struct columns *c, column_set set)
{
    bool first = true;

    for (size_t i = 0; i < c->count; i++) {
        if (!(set >> i & 1))
            continue;
        if (!first)
            buf_byte(out, ',');
        csv_text(out, c->column[i].name);
        first = false;
    }
    buf_string(out, "\r\n");
}
