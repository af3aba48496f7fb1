#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "worker/db/db_private.h"

#include "worker/db/db.h"

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

static enum db_result refuse(struct stmt *s)
{
    if (!s->db->usable)
        return DB_GONE; /* db_message says why since db_ready found out */
    snprintf(s->db->message, sizeof s->db->message, "binding a value: %s",
             sqlite3_errstr(s->refused));
    return db_result_of(s->db, s->refused);
}

enum db_result stmt_step(struct stmt *s)
{
    struct db *db = s->db;

    if (!db->usable || s->refused)
        return refuse(s);
    /* Inside a shared read a write would wait there, unseen and uncommitted. */
    assert(s->readonly || db->writing || !db_in_transaction(db));
    db->at_work = s;
    if (!s->readonly)
        db_note_writer(db, s);
    int code = sqlite3_step(s->raw);
    bool failed = code != SQLITE_ROW && code != SQLITE_DONE;
    /* Before db_settle, which may run a statement and so lose the message. */
    enum db_result failure = failed ? db_fail(db, code) : DB_DONE;
    db_settle(db, code == SQLITE_DONE);
    if (code == SQLITE_ROW) {
        db->unstoppable = db->alone;
        return DB_ROW;
    }
    db->alone = db->unstoppable = false;
    return failure;
}

void stmt_reset(struct stmt *s)
{
    s->refused = 0;
    if (!s->readonly) /* it ended, or was given up: the next has a deadline */
        s->db->alone = s->db->unstoppable = false;
    if (s->raw) {
        sqlite3_reset(s->raw); /* commits a write given up before its end */
        sqlite3_clear_bindings(s->raw);
        db_settle(s->db, false);
    }
}

/*
 * The bytes of a text. Asked for as text, SQLite would copy it to put a NUL
 * behind it; as a blob it hands out the page's own bytes.
 */
static struct slice text_of(const struct db *db, sqlite3_value *v)
{
    const void *bytes =
        db->utf8 ? sqlite3_value_blob(v) : sqlite3_value_text(v);

    return (struct slice){bytes, (size_t)sqlite3_value_bytes(v)};
}

/*
 * In single-threaded mode (db_init) the value of a column may be used as any
 * other (sqlite.org/c3ref/value.html): one call finds it, where each
 * sqlite3_column_* would look for it anew.
 */
struct cell stmt_cell(const struct stmt *s, int column)
{
    sqlite3_value *v = sqlite3_column_value(s->raw, column);
    struct cell c = {.type = DB_NULL};

    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        c.type = DB_INT;
        c.integer = sqlite3_value_int64(v);
        break;
    case SQLITE_FLOAT:
        c.type = DB_REAL;
        c.real = sqlite3_value_double(v);
        break;
    case SQLITE_TEXT:
        c.type = DB_TEXT;
        c.bytes = text_of(s->db, v);
        break;
    case SQLITE_BLOB:
        c.type = DB_BLOB;
        c.bytes.ptr = sqlite3_value_blob(v);
        c.bytes.len = (size_t)sqlite3_value_bytes(v);
        break;
    default: break;
    }
    return c;
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
    if (atomic_load_explicit(&db->cancelled, memory_order_relaxed))
        atomic_store(&db->cancelled, 0);
}

void db_cancel(struct db *db)
{
    atomic_store(&db->cancelled, DB_CANCELLED);
}

void db_stop(struct db *db)
{
    atomic_store(&db->cancelled, DB_STOPPED);
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

int64_t db_changes(const struct db *db)
{
    return db->raw ? sqlite3_changes64(db->raw) : 0;
}
