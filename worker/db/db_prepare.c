#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "common/app/sqllex.h"
#include "common/log.h"

#include "worker/db/db_private.h"

#include "worker/db/db.h"

void *db_must(void *memory)
{
    if (memory == NULL) {
        log_critical("Out of memory for a database statement");
        abort();
    }
    return memory;
}

/* ---- preparing ---------------------------------------------------------- */

/* The next token that is no comment and no semicolon. */
static struct sql_token next_token(struct sqllex *lex)
{
    struct sql_token t = sqllex_next(lex);

    while (t.kind == SQL_LINE_COMMENT || t.kind == SQL_BLOCK_COMMENT ||
           t.kind == SQL_SEMICOLON)
        t = sqllex_next(lex);
    return t;
}

/* SQLite decides by the first word alone what these statements are. */
static bool is_one_of(struct slice word, const char *const *list)
{
    while (*list && !slice_is_nocase(word, *list))
        list++;
    return *list != NULL;
}

static bool breaks_transactions(struct slice word)
{
    static const char *const words[] = {
        "BEGIN",   "COMMIT", "END",    "ROLLBACK", "SAVEPOINT",
        "RELEASE", "ATTACH", "DETACH", "VACUUM",   NULL,
    };
    return is_one_of(word, words);
}

/* What views, and so all statements, mean is then another thing. */
static bool changes_schema(struct slice word)
{
    static const char *const words[] = {"CREATE", "DROP", "ALTER", "ANALYZE",
                                        NULL};
    return is_one_of(word, words);
}

/* The authorizer tells meanwhile what the statement uses. */
static int prepare(struct stmt *s, const char **tail)
{
    struct db *db = s->db;

    db->at_work = s;
    db->preparing = true;
    int code = sqlite3_prepare_v3(db->raw, s->sql, -1,
                                  SQLITE_PREPARE_PERSISTENT, &s->raw, tail);
    db->preparing = false;
    return code;
}

bool stmt_make(struct stmt *s, struct fault *fault, int *offset)
{
    struct sqlite3 *raw = s->db->raw;
    const char *tail = NULL;

    *offset = -1;
    if (raw == NULL)
        return fault_set(fault, "%s", s->db->message);
    if (prepare(s, &tail) != SQLITE_OK) {
        *offset = sqlite3_error_offset(raw);
        return fault_set(fault, "%s", sqlite3_errmsg(raw));
    }
    if (s->raw == NULL)
        return fault_set(fault, "there is no statement in this text");
    struct sqllex rest = sqllex_start(slice_of(tail));
    struct sql_token more = next_token(&rest);
    if (more.kind != SQL_END) {
        *offset = (int)(more.text.ptr - s->sql);
        return fault_set(fault, "more than one statement");
    }
    s->readonly = sqlite3_stmt_readonly(s->raw);
    db_note_named(s);
    return true;
}

void stmt_unmake(struct stmt *s)
{
    s->prepared = stmt_version(s) + 1;
    sqlite3_finalize(s->raw);
    s->raw = NULL;
    db_settle(s->db, false);
}

struct stmt *stmt_new(struct db *db, const char *sql, struct fault *fault,
                      int *offset)
{
    struct stmt *s = db_must(calloc(1, sizeof *s));
    struct sqllex lex = sqllex_start(slice_of(sql));

    s->db = db;
    s->sql = db_must(strdup(sql));
    s->writes.more = changes_schema(next_token(&lex).text);
    s->next = db->first;
    if (s->next)
        s->next->previous = s;
    db->first = s;
    if (stmt_make(s, fault, offset))
        return s;
    db_finalize(s);
    return NULL;
}

struct stmt *db_prepare(struct db *db, const char *sql, struct fault *fault,
                        int *offset)
{
    struct sqllex lex = sqllex_start(slice_of(sql));
    struct sql_token first = next_token(&lex);

    *offset = (int)(first.text.ptr - sql);
    if (breaks_transactions(first.text) ||
        slice_is_nocase(first.text, "PRAGMA")) {
        fault_set(fault, "%.*s is not allowed here", (int)first.text.len,
                  first.text.ptr);
        return NULL;
    }
    return stmt_new(db, sql, fault, offset);
}

void db_finalize(struct stmt *s)
{
    if (s == NULL)
        return;
    if (s->next)
        s->next->previous = s->previous;
    if (s->previous)
        s->previous->next = s->next;
    else
        s->db->first = s->next;
    sqlite3_finalize(s->raw);
    db_settle(s->db, false);
    if (s->db->at_work == s)
        s->db->at_work = NULL;
    if (s->db->noted == s)
        s->db->noted = NULL;
    free(s->sql);
    free(s);
}

int db_fault_line(const char *text, int offset, int first_line)
{
    int line = first_line;

    for (int i = 0; i < offset && text[i]; i++)
        line += text[i] == '\n';
    return line;
}

bool db_reads(struct db *db, const char *sql,
              void (*on_read)(void *self, const char *table,
                              const char *column),
              void *self)
{
    const struct reader reader = {on_read, self};
    struct fault ignored;
    int offset = -1;

    if (db->raw == NULL)
        return false;
    db->reader = &reader;
    struct stmt *s = db_prepare(db, sql, &ignored, &offset);
    db->reader = NULL;
    db_finalize(s);
    return s != NULL;
}

/* ---- what a statement is ------------------------------------------------ */

bool stmt_readonly(const struct stmt *s)
{
    return s->readonly;
}

int stmt_columns(const struct stmt *s)
{
    return sqlite3_column_count(s->raw);
}

const char *stmt_column_name(const struct stmt *s, int column)
{
    return s->raw ? sqlite3_column_name(s->raw, column) : NULL;
}

int stmt_param(const struct stmt *s, const char *name)
{
    return sqlite3_bind_parameter_index(s->raw, name);
}

int stmt_param_count(const struct stmt *s)
{
    return sqlite3_bind_parameter_count(s->raw);
}

const char *stmt_param_name(const struct stmt *s, int index)
{
    return sqlite3_bind_parameter_name(s->raw, index);
}

const char *stmt_sql(const struct stmt *s)
{
    return s->sql;
}

unsigned stmt_version(const struct stmt *s)
{
    int by_sqlite =
        s->raw ? sqlite3_stmt_status(s->raw, SQLITE_STMTSTATUS_REPREPARE, 0)
               : 0;
    return s->prepared + (unsigned)by_sqlite;
}

/* ---- scripts ------------------------------------------------------------ */

/* Runs one statement at `at`, to its last row; *tail is what follows it. */
static int run_statement(struct db *db, const char *at, const char *end,
                         const char **tail)
{
    struct sqlite3_stmt *raw = NULL;
    db->at_work = NULL;
    /* Counting the NUL spares SQLite a copy of the rest of the script. */
    int code = sqlite3_prepare_v2(db->raw, at, (int)(end - at) + 1, &raw, tail);

    if (code != SQLITE_OK || raw == NULL)
        return code; /* null: nothing but a comment */
    if (!sqlite3_stmt_readonly(raw))
        db_note_script(db);
    while ((code = sqlite3_step(raw)) == SQLITE_ROW)
        ;
    db_settle(db, code == SQLITE_DONE);
    int after = sqlite3_finalize(raw);
    return code == SQLITE_DONE ? SQLITE_OK : after;
}

bool db_script(struct db *db, struct slice script, struct fault *fault,
               int *offset)
{
    const char *at = script.ptr;
    const char *end = script.ptr + script.len;

    assert(script.len < INT_MAX && *end == '\0');
    *offset = (int)strlen(at);
    if ((size_t)*offset != script.len)
        return fault_set(fault, "a NUL byte");
    for (;;) {
        struct sqllex lex =
            sqllex_start((struct slice){at, (size_t)(end - at)});
        struct sql_token first = next_token(&lex);
        if (first.kind == SQL_END)
            return true;
        at = first.text.ptr;
        *offset = (int)(at - script.ptr);
        if (breaks_transactions(first.text))
            return fault_set(fault, "%.*s: a script runs inside a transaction",
                             (int)first.text.len, at);
        int code = run_statement(db, at, end, &at);
        if (code != SQLITE_OK) {
            int inner = sqlite3_error_offset(db->raw);
            *offset += inner > 0 ? inner : 0;
            return fault_set(fault, "%s", db_words(db, code));
        }
    }
}
