#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/app/sqllex.h"

#include "worker/db/db_private.h"

#include "worker/db/db.h"

/*
 * Which functions give another result each time (sqlite.org/lang_corefunc.html
 * and lang_datefunc.html). SQLite tells which functions a statement calls, but
 * not with what: whether date() speaks of the present stands in the text.
 * Values that are bound are not looked at.
 */

static bool is_one_of(const char *name, const char *const *list)
{
    while (*list && strcasecmp(name, *list) != 0)
        list++;
    return *list != NULL;
}

static bool always_differs(const char *function)
{
    static const char *const list[] = {
        "random",
        "randomblob",
        "changes",
        "total_changes",
        "last_insert_rowid",
        "sqlite_offset",
        NULL,
    };
    return is_one_of(function, list);
}

/* Called without parentheses. */
static bool is_present(const char *function)
{
    static const char *const list[] = {"current_date", "current_time",
                                       "current_timestamp", NULL};
    return is_one_of(function, list);
}

static bool is_of_dates(const char *function)
{
    static const char *const list[] = {
        "date", "time", "datetime", "julianday", "unixepoch", "strftime", NULL,
    };
    return is_one_of(function, list);
}

/* ---- the text ----------------------------------------------------------- */

static struct sql_token next_token(struct sqllex *lex)
{
    struct sql_token t = sqllex_next(lex);

    while (t.kind == SQL_LINE_COMMENT || t.kind == SQL_BLOCK_COMMENT)
        t = sqllex_next(lex);
    return t;
}

static bool ends(const struct sql_token *t)
{
    return t->kind == SQL_END || t->kind == SQL_UNTERMINATED;
}

static bool is_mark(const struct sql_token *t, const char *mark)
{
    return t->kind == SQL_OTHER && slice_is(t->text, mark);
}

static bool is_now(const struct sql_token *t)
{
    return t->kind == SQL_STRING && slice_is_nocase(t->text, "'now'");
}

/* The name as a word or in any of its quotes. */
static bool is_name(const struct sql_token *t, const char *name)
{
    struct slice inner = t->text;

    if (t->kind == SQL_STRING && inner.len >= 2) {
        inner.ptr++;
        inner.len -= 2;
    } else if (t->kind != SQL_WORD)
        return false;
    return slice_is_nocase(inner, name);
}

/* What stands between a call's parentheses. */
struct call {
    int arguments;
    bool now;
};

/* `lex` stands behind the opening parenthesis, and then behind its partner. */
static struct call read_call(struct sqllex *lex)
{
    struct call c = {.arguments = 0};
    struct sql_token t = next_token(lex);

    if (is_mark(&t, ")"))
        return c;
    c.arguments = 1;
    for (int depth = 1; !ends(&t); t = next_token(lex)) {
        c.now |= is_now(&t);
        if (is_mark(&t, ",") && depth == 1)
            c.arguments++;
        depth += is_mark(&t, "(");
        depth -= is_mark(&t, ")");
        if (depth == 0)
            break;
    }
    return c;
}

/* WITH name AS (…) or name(a, b) AS (…): its text is in the statement's. */
static bool defines(const char *sql, const char *name)
{
    struct sqllex lex = sqllex_start(slice_of(sql));

    for (struct sql_token t = next_token(&lex); !ends(&t);
         t = next_token(&lex)) {
        struct sqllex ahead = lex;
        if (!is_name(&t, name))
            continue;
        struct sql_token next = next_token(&ahead);
        if (is_mark(&next, "(")) {
            read_call(&ahead);
            next = next_token(&ahead);
        }
        if (!is_name(&next, "as"))
            continue;
        next = next_token(&ahead);
        if (is_mark(&next, "(") || is_name(&next, "materialized") ||
            is_name(&next, "not"))
            return true;
    }
    return false;
}

bool db_text_names(const char *sql, const char *name)
{
    struct sqllex lex = sqllex_start(slice_of(sql));
    struct sql_token t = next_token(&lex);

    while (!ends(&t) && !is_name(&t, name))
        t = next_token(&lex);
    return !ends(&t);
}

static bool says_now(const char *sql)
{
    struct sqllex lex = sqllex_start(slice_of(sql));
    struct sql_token t = next_token(&lex);

    while (!ends(&t) && !is_now(&t))
        t = next_token(&lex);
    return is_now(&t);
}

/* Without an argument that names a time they all mean the present; the first
 * one of strftime is a format. */
static bool calls_for_present(const char *sql, const char *function,
                              struct call *found)
{
    struct sqllex lex = sqllex_start(slice_of(sql));
    int needed = strcasecmp(function, "strftime") == 0 ? 2 : 1;

    for (struct sql_token t = next_token(&lex); !ends(&t);
         t = next_token(&lex)) {
        struct sqllex ahead = lex;
        struct sql_token next = next_token(&ahead);
        if (!is_name(&t, function) || !is_mark(&next, "("))
            continue;
        *found = read_call(&ahead);
        if (found->now || found->arguments < needed)
            return true;
    }
    return false;
}

/* ---- judging ------------------------------------------------------------ */

static void judge_dates(struct stmt *s, const char *function,
                        const char *inside)
{
    struct call call;

    if (inside && !defines(s->sql, inside))
        snprintf(s->impure, IMPURE_BYTES, "perhaps %s() inside %.40s", function,
                 inside);
    else if (calls_for_present(s->sql, function, &call))
        snprintf(s->impure, IMPURE_BYTES, "%s(%s)", function,
                 call.now ? "'now'" : "");
    else if (says_now(s->sql))
        snprintf(s->impure, IMPURE_BYTES, "perhaps %s('now')", function);
}

void db_judge_function(struct stmt *s, const char *function, const char *inside)
{
    if (s->impure[0])
        return;
    if (always_differs(function))
        snprintf(s->impure, IMPURE_BYTES, "%s()", function);
    else if (is_present(function))
        snprintf(s->impure, IMPURE_BYTES, "%s", function);
    else if (is_of_dates(function))
        judge_dates(s, function, inside);
}

/* dbstat and sqlite_stmt: read-only tables of the file and the connection. */
void db_judge_table(struct stmt *s, const char *table)
{
    static const char *const list[] = {"dbstat", "sqlite_stmt", NULL};

    if (s->impure[0] == '\0' &&
        (strncasecmp(table, "pragma_", 7) == 0 || is_one_of(table, list)))
        snprintf(s->impure, IMPURE_BYTES, "%.*s", IMPURE_BYTES - 1, table);
}

const char *stmt_impure(const struct stmt *s)
{
    return s->impure[0] ? s->impure : NULL;
}
