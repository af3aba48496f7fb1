/*
 * db: one SQLite connection and its prepared statements. The only file that
 * includes sqlite3.h. It knows no HTTP: results are rows, failures are an
 * enum, and others decide what a client is told.
 *
 * One connection a worker, opened after the fork (a SQLite handle must not
 * cross one: sqlite.org/howtocorrupt.html, 2.6), used by one thread only.
 *
 * Statements are prepared once and kept. A `stmt` belongs to its db and dies
 * with db_close; after db_reopen the same stmt pointers go on working (they
 * are prepared again on the new file).
 */
#ifndef PRONG_DB_H
#define PRONG_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

struct db;
struct stmt;

/* Why a step failed, as far as anybody outside needs to tell apart. */
enum db_result {
    DB_ROW,        /* a row is there to read */
    DB_DONE,       /* finished */
    DB_UNIQUE,     /* unique or primary key violated */
    DB_FOREIGN,    /* foreign key violated */
    DB_NOT_NULL,   /* not-null violated */
    DB_CHECK,      /* check constraint or strict datatype violated */
    DB_RAISED,     /* RAISE() in a trigger: db_message is its text */
    DB_DEADLINE,   /* interrupted because the deadline passed */
    DB_BUSY,       /* the lock was not to be had in time */
    DB_FULL,       /* disk full or database at its size limit */
    DB_READONLY,   /* the file or its folder cannot be written */
    DB_TOO_BIG,    /* a value beyond SQLite's limits */
    DB_CORRUPT,    /* not a database, or a damaged one */
    DB_GONE,       /* the file was deleted or cannot be opened */
    DB_ERROR,      /* anything else: an I/O error, a runtime error in SQL */
};

enum db_mode {
    DB_SERVE,    /* read and write; the file must exist */
    DB_CREATE,   /* read and write; made when it does not exist */
    DB_READONLY_MODE, /* for explaining; never writes */
};

/*
 * Once a process, before the first db_open: single-threaded mode, no memory
 * statistics (4.5 instead of 6.0 µs for an indexed read when measured).
 */
void db_init(void);

/*
 * Opens `path` and sets WAL, synchronous=NORMAL, cache_size=10000,
 * temp_store=MEMORY, foreign_keys=ON and a busy handler that gives up after
 * 5 s or at the deadline. Null with the reason in *fault.
 */
struct db *db_open(const char *path, enum db_mode mode, struct fault *fault);
/* Finalizes its statements and closes. Null is allowed. */
void db_close(struct db *db);

/*
 * Called between requests, at most once a second by itself: true while the
 * connection is usable. A file that was replaced is opened anew and every
 * statement prepared on it; a missing or damaged one makes this false (and
 * the next call tries again). `now_ms` is loop time.
 */
bool db_ready(struct db *db, uint64_t now_ms);
/* Makes the next db_ready look at the file at once. */
void db_suspect(struct db *db);

/*
 * Prepares one statement. Null with the reason; *offset then is the byte of
 * the text it points at, or -1 (sqlite3_error_offset).
 */
struct stmt *db_prepare(struct db *db, const char *sql, struct fault *fault,
                        int *offset);
/* Finalizes one early; null is allowed. */
void db_finalize(struct stmt *s);

/* What SQLite knows of a prepared statement. */
bool stmt_readonly(const struct stmt *s);
int stmt_columns(const struct stmt *s);
const char *stmt_column_name(const struct stmt *s, int column);
/* 1-based index of ":name", 0 when the statement has no such parameter. */
int stmt_param(const struct stmt *s, const char *name);
int stmt_param_count(const struct stmt *s);
const char *stmt_sql(const struct stmt *s);

/* Bindings; text and blobs are not copied and must live until stmt_reset. */
void stmt_bind_null(struct stmt *s, int index);
void stmt_bind_int(struct stmt *s, int index, int64_t value);
void stmt_bind_real(struct stmt *s, int index, double value);
void stmt_bind_text(struct stmt *s, int index, struct slice value);
void stmt_bind_blob(struct stmt *s, int index, struct slice value);

/* One step. After DB_DONE or a failure the statement must be reset. */
enum db_result stmt_step(struct stmt *s);
/* Ends the run and forgets the bindings. */
void stmt_reset(struct stmt *s);

enum db_type { DB_NULL, DB_INT, DB_REAL, DB_TEXT, DB_BLOB };

/* The present row; slices live until the next step or reset. */
enum db_type stmt_type(const struct stmt *s, int column);
int64_t stmt_int(const struct stmt *s, int column);
double stmt_real(const struct stmt *s, int column);
struct slice stmt_text(const struct stmt *s, int column);
struct slice stmt_blob(const struct stmt *s, int column);

/* Message of the last failure, for the log (it may name tables). */
const char *db_message(const struct db *db);
/* Name in words: "unique", "busy" … for logs and problem documents. */
const char *db_result_name(enum db_result r);

/*
 * Every statement run until the next call stops with DB_DEADLINE once
 * loop_clock_ms passes deadline_ms (0: never); busy waits end there too.
 * `beat`, when not null, is called from inside long statements.
 */
void db_deadline(struct db *db, uint64_t deadline_ms);
void db_on_progress(struct db *db, void (*beat)(void *self), void *self);

/*
 * Transactions. Reads may share one: between db_share_reads and db_unshare
 * the first stmt_step of a read opens it and all see that snapshot. A write
 * transaction ends the shared one first, so what it commits is seen by every
 * read after it.
 */
void db_share_reads(struct db *db);
void db_unshare(struct db *db);
/* To be called before the first step of a statement group that only reads. */
enum db_result db_begin_read(struct db *db);
/* BEGIN IMMEDIATE. */
enum db_result db_begin_write(struct db *db);
enum db_result db_commit(struct db *db);
void db_rollback(struct db *db);
/* Rows changed by the last write statement. */
int64_t db_changes(const struct db *db);

/* Runs a script of statements, results thrown away; for migrations. On a
 * fault *offset is the byte of the script it points at, or -1. */
bool db_script(struct db *db, struct slice script, struct fault *fault,
               int *offset);

#endif
