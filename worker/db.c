#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/sqllex.h"

#include "worker/db_private.h"

#include "worker/db.h"

void *db_must(void *memory)
{
    if (memory == NULL) {
        log_critical("Out of memory for a database statement");
        abort();
    }
    return memory;
}

/* ---- results ------------------------------------------------------------ */

static enum db_result constraint_of(int code)
{
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return DB_UNIQUE;
    case SQLITE_CONSTRAINT_FOREIGNKEY: return DB_FOREIGN;
    case SQLITE_CONSTRAINT_NOTNULL: return DB_NOT_NULL;
    case SQLITE_CONSTRAINT_CHECK:
    case SQLITE_CONSTRAINT_DATATYPE: return DB_CHECK;
    case SQLITE_CONSTRAINT_TRIGGER: return DB_RAISED;
    default: return DB_ERROR;
    }
}

static enum db_result result_of(const struct db *db, int code)
{
    if (code == SQLITE_READONLY_DBMOVED)
        return DB_GONE;
    if (code == SQLITE_IOERR_SHMSIZE) /* how ENOSPC on the -shm file shows */
        return DB_FULL;
    switch (code & 0xFF) {
    case SQLITE_CONSTRAINT: return constraint_of(code);
    case SQLITE_MISMATCH: return DB_CHECK;
    case SQLITE_INTERRUPT: return DB_DEADLINE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return db->deadline_ms && loop_clock_ms() >= db->deadline_ms
                   ? DB_DEADLINE
                   : DB_BUSY;
    case SQLITE_FULL: return DB_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM: return DB_READONLY;
    case SQLITE_TOOBIG: return DB_TOO_BIG;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return DB_CORRUPT;
    case SQLITE_CANTOPEN: return DB_GONE;
    default: return DB_ERROR;
    }
}

/* Failures after which the file may be another one, or none. */
static bool is_suspect(int code)
{
    int primary = code & 0xFF;

    return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB ||
           primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN ||
           code == SQLITE_READONLY_DBMOVED;
}

static enum db_result fail(struct db *db, int code)
{
    snprintf(db->message, sizeof db->message, "%s", sqlite3_errmsg(db->raw));
    if (is_suspect(code))
        db_suspect(db);
    return result_of(db, code);
}

const char *db_message(const struct db *db)
{
    return db->message;
}

const char *db_result_name(enum db_result r)
{
    static const char *const names[] = {
        [DB_ROW] = "row",           [DB_DONE] = "done",
        [DB_UNIQUE] = "unique",     [DB_FOREIGN] = "foreign key",
        [DB_NOT_NULL] = "not null", [DB_CHECK] = "check",
        [DB_RAISED] = "raised",     [DB_DEADLINE] = "deadline",
        [DB_BUSY] = "busy",         [DB_FULL] = "full",
        [DB_READONLY] = "readonly", [DB_TOO_BIG] = "too big",
        [DB_CORRUPT] = "corrupt",   [DB_GONE] = "gone",
        [DB_ERROR] = "error",
    };
    return names[r];
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

bool stmt_make(struct stmt *s, struct fault *fault, int *offset)
{
    struct sqlite3 *raw = s->db->raw;
    const char *tail = NULL;

    *offset = -1;
    if (raw == NULL)
        return fault_set(fault, "%s", s->db->message);
    if (sqlite3_prepare_v3(raw, s->sql, -1, SQLITE_PREPARE_PERSISTENT, &s->raw,
                           &tail) != SQLITE_OK) {
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
    return true;
}

void stmt_unmake(struct stmt *s)
{
    s->prepared = stmt_version(s) + 1;
    sqlite3_finalize(s->raw);
    s->raw = NULL;
}

struct stmt *stmt_new(struct db *db, const char *sql, struct fault *fault,
                      int *offset)
{
    struct stmt *s = db_must(calloc(1, sizeof *s));

    s->db = db;
    s->sql = db_must(strdup(sql));
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

struct reader {
    void (*on_read)(void *self, const char *table, const char *column);
    void *self;
};

static int on_authorize(void *self, int action, const char *table,
                        const char *column, const char *schema,
                        const char *inside)
{
    const struct reader *r = self;

    (void)schema;
    (void)inside;
    /* An empty column: the table is read, but no column of it. */
    if (action == SQLITE_READ && column && *column)
        r->on_read(r->self, table, column);
    return SQLITE_OK;
}

bool db_reads(struct db *db, const char *sql,
              void (*on_read)(void *self, const char *table,
                              const char *column),
              void *self)
{
    struct reader reader = {on_read, self};
    struct fault ignored;
    int offset = -1;

    if (db->raw == NULL)
        return false;
    sqlite3_set_authorizer(db->raw, on_authorize, &reader);
    struct stmt *s = db_prepare(db, sql, &ignored, &offset);
    sqlite3_set_authorizer(db->raw, NULL, NULL);
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

/* ---- running ------------------------------------------------------------ */

static void bound(struct stmt *s, int code)
{
    if (code != SQLITE_OK)
        s->refused = code;
}

void stmt_bind_null(struct stmt *s, int index)
{
    if (s->raw)
        bound(s, sqlite3_bind_null(s->raw, index));
}

void stmt_bind_int(struct stmt *s, int index, int64_t value)
{
    if (s->raw)
        bound(s, sqlite3_bind_int64(s->raw, index, value));
}

void stmt_bind_real(struct stmt *s, int index, double value)
{
    if (s->raw)
        bound(s, sqlite3_bind_double(s->raw, index, value));
}

/* A null pointer would bind NULL, but an empty slice is empty text. */
void stmt_bind_text(struct stmt *s, int index, struct slice value)
{
    if (s->raw)
        bound(s, sqlite3_bind_text64(s->raw, index, value.ptr ? value.ptr : "",
                                     value.len, SQLITE_STATIC, SQLITE_UTF8));
}

void stmt_bind_blob(struct stmt *s, int index, struct slice value)
{
    if (s->raw)
        bound(s, sqlite3_bind_blob64(s->raw, index, value.ptr ? value.ptr : "",
                                     value.len, SQLITE_STATIC));
}

static bool in_transaction(const struct db *db)
{
    return db->raw && !sqlite3_get_autocommit(db->raw);
}

static enum db_result refuse(struct stmt *s)
{
    if (!s->db->usable)
        return DB_GONE; /* db_message says why since db_ready found out */
    snprintf(s->db->message, sizeof s->db->message, "binding a value: %s",
             sqlite3_errstr(s->refused));
    return result_of(s->db, s->refused);
}

enum db_result stmt_step(struct stmt *s)
{
    struct db *db = s->db;

    if (!db->usable || s->refused)
        return refuse(s);
    /* Inside a shared read a write would wait there, unseen and uncommitted. */
    assert(s->readonly || db->writing || !in_transaction(db));
    int code = sqlite3_step(s->raw);
    if (code == SQLITE_ROW)
        return DB_ROW;
    return code == SQLITE_DONE ? DB_DONE : fail(db, code);
}

void stmt_reset(struct stmt *s)
{
    s->refused = 0;
    if (s->raw) {
        sqlite3_reset(s->raw);
        sqlite3_clear_bindings(s->raw);
    }
}

/* SQLite counts INTEGER, FLOAT, TEXT, BLOB from 1 to 4, and NULL is 5. */
enum db_type stmt_type(const struct stmt *s, int column)
{
    return (enum db_type)(sqlite3_column_type(s->raw, column) % 5);
}

int64_t stmt_int(const struct stmt *s, int column)
{
    return sqlite3_column_int64(s->raw, column);
}

double stmt_real(const struct stmt *s, int column)
{
    return sqlite3_column_double(s->raw, column);
}

/* The bytes are asked for last: the text may be converted first. */
struct slice stmt_text(const struct stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s->raw, column);

    return (struct slice){text, (size_t)sqlite3_column_bytes(s->raw, column)};
}

struct slice stmt_blob(const struct stmt *s, int column)
{
    const char *bytes = sqlite3_column_blob(s->raw, column);

    return (struct slice){bytes, (size_t)sqlite3_column_bytes(s->raw, column)};
}

void db_deadline(struct db *db, uint64_t deadline_ms)
{
    db->deadline_ms = deadline_ms;
}

void db_on_progress(struct db *db, void (*beat)(void *self), void *self)
{
    db->beat = beat;
    db->beat_self = self;
}

void db_patience(struct db *db, uint64_t wait_ms)
{
    db->patience_ms = wait_ms;
}

/* ---- transactions ------------------------------------------------------- */

/*
 * SQLite asks the progress handler once more after COMMIT has taken effect,
 * and would report SQLITE_INTERRUPT for it: hence no deadline in here.
 */
static int run_to_its_end(struct stmt *s)
{
    s->db->unstoppable = true;
    int code = sqlite3_step(s->raw);
    sqlite3_reset(s->raw);
    s->db->unstoppable = false;
    return code;
}

void db_rollback(struct db *db)
{
    db->writing = false;
    if (!in_transaction(db))
        return; /* many failures have rolled back by themselves */
    run_to_its_end(db->rollback);
    if (!in_transaction(db))
        return;
    log_error("Database %s: a transaction cannot be rolled back: %s", db->path,
              sqlite3_errmsg(db->raw));
    db->usable = false; /* closing the file is what is left */
    db_suspect(db);
}

static void end_shared(struct db *db)
{
    if (in_transaction(db))
        run_to_its_end(db->commit);
    db_rollback(db);
}

void db_share_reads(struct db *db)
{
    db->sharing = true;
}

void db_unshare(struct db *db)
{
    assert(!db->writing);
    db->sharing = false;
    end_shared(db);
}

static enum db_result begin(struct db *db, struct stmt *how)
{
    enum db_result r = stmt_step(how);

    stmt_reset(how);
    if (r != DB_DONE)
        db_rollback(db); /* it may have begun and been stopped after that */
    return r;
}

enum db_result db_begin_read(struct db *db)
{
    if (!db->usable)
        return DB_GONE;
    if (!db->sharing || in_transaction(db))
        return DB_DONE;
    return begin(db, db->begin);
}

enum db_result db_begin_write(struct db *db)
{
    assert(!db->writing);
    end_shared(db);
    enum db_result r = begin(db, db->begin_write);
    db->writing = r == DB_DONE;
    return r;
}

enum db_result db_commit(struct db *db)
{
    assert(db->writing);
    db->writing = false;
    if (!in_transaction(db)) {
        snprintf(db->message, sizeof db->message,
                 "the transaction was rolled back before its commit");
        return DB_ERROR;
    }
    int code = run_to_its_end(db->commit);
    if (code == SQLITE_DONE)
        return DB_DONE;
    enum db_result r = fail(db, code);
    db_rollback(db);
    return r;
}

int64_t db_changes(const struct db *db)
{
    return db->raw ? sqlite3_changes64(db->raw) : 0;
}

/* ---- scripts ------------------------------------------------------------ */

/* Runs one statement at `at`, to its last row; *tail is what follows it. */
static int run_statement(struct db *db, const char *at, const char *end,
                         const char **tail)
{
    struct sqlite3_stmt *raw = NULL;
    /* Counting the NUL spares SQLite a copy of the rest of the script. */
    int code = sqlite3_prepare_v2(db->raw, at, (int)(end - at) + 1, &raw, tail);

    if (code != SQLITE_OK || raw == NULL)
        return code; /* null: nothing but a comment */
    while ((code = sqlite3_step(raw)) == SQLITE_ROW)
        ;
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
        if (run_statement(db, at, end, &at) != SQLITE_OK) {
            int inner = sqlite3_error_offset(db->raw);
            *offset += inner > 0 ? inner : 0;
            return fault_set(fault, "%s", sqlite3_errmsg(db->raw));
        }
    }
}
