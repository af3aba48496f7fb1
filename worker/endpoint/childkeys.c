#include <string.h>

#include "common/app/sqllex.h"
#include "common/buf.h"
#include "worker/db/explain.h"

#include "worker/endpoint/childkeys.h"

enum { KEY_COLUMNS_MAX = 8 }; /* of one foreign key; more are not proposed */

/* The line of "CREATE TABLE name" in a migration; 0: not there. */
static int line_of_table(const struct script *m, struct slice table)
{
    struct sqllex lex = sqllex_start(m->text);
    bool in_create = false;
    int line = 0;

    for (struct sql_token t; (t = sqllex_next(&lex)).kind != SQL_END;) {
        bool quoted = t.kind == SQL_STRING && t.text.len >= 2;
        struct slice name = {t.text.ptr + quoted,
                             t.text.len - (quoted ? 2 : 0)};
        if (slice_is_nocase(t.text, "CREATE"))
            line = t.line;
        else if (slice_is_nocase(t.text, "TABLE"))
            in_create = line > 0;
        else if (in_create && slice_equal(name, table))
            return line;
        else if (t.kind == SQL_OTHER || t.kind == SQL_SEMICOLON)
            in_create = false, line = 0;
    }
    return 0;
}

static void place_of_table(const struct app *app, struct slice table,
                           char where[512])
{
    for (size_t i = 0; i < app->migration_count; i++) {
        int line = line_of_table(&app->migrations[i], table);
        if (line == 0)
            continue;
        snprintf(where, 512, "%s:%d", app->migrations[i].file, line);
        return;
    }
    snprintf(where, 512, "%s:1",
             app->migration_count ? app->migrations[0].file : app->dir);
}

/*
 * Child columns of every foreign key, with what SQLite must search for when a
 * row of the parent goes. Like the shell's ".lint fkey-indexes", this leaves
 * it to the planner to say whether an index serves.
 */
static const char foreign_keys[] =
    "SELECT m.name, f.\"table\", group_concat(f.\"from\", ', '),"
    " 'SELECT 1 FROM \"' || replace(m.name, '\"', '\"\"') || '\" WHERE ' ||"
    " group_concat('\"' || replace(f.\"from\", '\"', '\"\"') || '\" = ?',"
    " ' AND ')"
    " FROM sqlite_schema m, pragma_foreign_key_list(m.name) f"
    " WHERE m.type = 'table' GROUP BY m.name, f.id ORDER BY m.name, f.id";

static bool is_scan(struct db *db, struct slice search)
{
    struct buf sql = {0};
    struct fault ignored;
    int offset;

    buf_format(&sql, "EXPLAIN QUERY PLAN %.*s", (int)search.len, search.ptr);
    struct stmt *s = db_prepare(db, buf_text(&sql), &ignored, &offset);
    bool scan = s && stmt_step(s) == DB_ROW &&
                strncmp(stmt_text(s, 3).ptr, "SCAN", 4) == 0;
    db_finalize(s);
    buf_free(&sql);
    return scan;
}

/* "a, b" cut into names, in place. */
static size_t split(char *list, const char *names[KEY_COLUMNS_MAX])
{
    size_t n = 0;

    for (char *at = list; at && n < KEY_COLUMNS_MAX; n++) {
        names[n] = at;
        at = strstr(at, ", ");
        if (at) {
            *at = '\0';
            at += 2;
        }
    }
    return n;
}

/* `s` stands on a foreign key that no index serves. */
static void warn(const struct app *app, struct stmt *s, FILE *to)
{
    struct slice child = stmt_text(s, 0);
    struct slice parent = stmt_text(s, 1);
    struct slice columns = stmt_text(s, 2);
    const char *names[KEY_COLUMNS_MAX];
    char list[512];
    char table[128];
    char where[512];
    struct buf index = {0};

    place_of_table(app, child, where);
    snprintf(table, sizeof table, "%.*s", (int)child.len, child.ptr);
    snprintf(list, sizeof list, "%.*s", (int)columns.len, columns.ptr);
    explain_index(table, names, split(list, names), &index);
    fprintf(to,
            "%s: warning: no index serves the foreign key %s(%.*s): changes of "
            "%.*s scan %s\n    %s\n",
            where, table, (int)columns.len, columns.ptr, (int)parent.len,
            parent.ptr, table, buf_text(&index));
    buf_free(&index);
}

int childkeys_warn(struct db *db, const struct app *app, FILE *to)
{
    struct fault ignored;
    int offset;
    int warnings = 0;
    struct stmt *s = db_prepare(db, foreign_keys, &ignored, &offset);

    while (s && stmt_step(s) == DB_ROW) {
        if (!is_scan(db, stmt_text(s, 3)))
            continue;
        warn(app, s, to);
        warnings++;
    }
    db_finalize(s);
    return warnings;
}
