#include <inttypes.h>
#include <string.h>

#include "common/app/sqllex.h"
#include "common/arena.h"
#include "common/buf.h"

#include "worker/db/schema.h"

struct schema {
    struct arena *arena;
    struct table *tables;
    size_t table_count;
    const char **views; /* their SQL */
    size_t view_count;
};

/* Calls `take` with the first column of each row. */
static void for_each(struct db *db, const char *sql,
                     void (*take)(struct schema *s, struct slice text),
                     struct schema *s)
{
    struct fault ignored;
    int offset;
    struct stmt *stmt = db_prepare(db, sql, &ignored, &offset);

    while (stmt && stmt_step(stmt) == DB_ROW)
        take(s, stmt_text(stmt, 0));
    db_finalize(stmt);
}

static void take_table(struct schema *s, struct slice name)
{
    s->tables =
        arena_grow(s->arena, s->tables, s->table_count, sizeof *s->tables);
    s->tables[s->table_count++] =
        (struct table){.name = arena_text(s->arena, name)};
}

static void take_view(struct schema *s, struct slice sql)
{
    s->views = arena_grow(s->arena, s->views, s->view_count, sizeof *s->views);
    s->views[s->view_count++] = arena_text(s->arena, sql);
}

struct schema *schema_read(struct db *db)
{
    struct arena *arena = arena_new();
    struct schema *s = arena_alloc(arena, sizeof *s);

    s->arena = arena;
    for_each(db,
             "SELECT name FROM sqlite_schema WHERE type = 'table'"
             " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
             take_table, s);
    for_each(db, "SELECT sql FROM sqlite_schema WHERE type = 'view'", take_view,
             s);
    return s;
}

void schema_free(struct schema *s)
{
    if (s)
        arena_free(s->arena);
}

static bool is_large(struct db *data, const char *name, int64_t limit)
{
    struct fault ignored;
    struct buf sql = {0};
    int offset;

    buf_string(&sql, "SELECT count(*) FROM (SELECT 1 FROM \"");
    for (const char *c = name; *c; c++)
        buf_format(&sql, *c == '"' ? "\"%c" : "%c", *c);
    buf_format(&sql, "\" LIMIT %" PRId64 " + 1)", limit);
    struct stmt *s = db_prepare(data, buf_text(&sql), &ignored, &offset);
    bool large = s && stmt_step(s) == DB_ROW && stmt_int(s, 0) > limit;
    db_finalize(s);
    buf_free(&sql);
    return large;
}

void schema_measure(struct schema *s, struct db *data, int64_t limit)
{
    for (size_t i = 0; i < s->table_count; i++)
        s->tables[i].large = is_large(data, s->tables[i].name, limit);
}

bool schema_has_large(const struct schema *s)
{
    for (size_t i = 0; i < s->table_count; i++)
        if (s->tables[i].large)
            return true;
    return false;
}

/* A name as it stands in SQL, without its quotes. */
static struct slice bare(const struct sql_token *t)
{
    struct slice s = t->text;

    if (t->kind == SQL_STRING && s.len >= 2)
        return (struct slice){s.ptr + 1, s.len - 2};
    return s;
}

static const struct table *find(const struct schema *s, struct slice name)
{
    for (size_t i = 0; i < s->table_count; i++)
        if (slice_is_nocase(name, s->tables[i].name))
            return &s->tables[i];
    return NULL;
}

/* Looks for "table alias" and "table AS alias" in the text. */
static const struct table *find_alias(const struct schema *s, const char *sql,
                                      struct slice alias)
{
    struct sqllex lex = sqllex_start(slice_of(sql));
    struct sql_token before = {.kind = SQL_END};
    const struct table *found = NULL;

    for (struct sql_token t; (t = sqllex_next(&lex)).kind != SQL_END;) {
        if (t.kind == SQL_LINE_COMMENT || t.kind == SQL_BLOCK_COMMENT ||
            slice_is_nocase(t.text, "AS"))
            continue;
        struct slice name = bare(&t);
        const struct table *table = find(s, bare(&before));
        if (table && name.len == alias.len &&
            strncasecmp(name.ptr, alias.ptr, alias.len) == 0 &&
            (found == NULL || table->large))
            found = table;
        before = t;
    }
    return found;
}

const struct table *schema_table(const struct schema *s, const char *sql,
                                 struct slice name)
{
    const struct table *found = find(s, name);

    if (found == NULL)
        found = find_alias(s, sql, name);
    for (size_t i = 0; found == NULL && i < s->view_count; i++)
        found = find_alias(s, s->views[i], name);
    return found;
}
