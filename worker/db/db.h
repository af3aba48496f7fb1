/*
 * db: one SQLite connection and its prepared statements. Its files (db.c for
 * what every request runs, and db_*.c) are the only ones that include
 * sqlite3.h. It knows
 * no HTTP: results are rows, failures are an enum, and others decide what a
 * client is told.
 *
 * Connections are opened after the fork (a SQLite handle must not cross one:
 * sqlite.org/howtocorrupt.html, 2.6), each used by one thread at a time.
 *
 * Statements are prepared once and kept. A `stmt` belongs to its db and dies
 * with db_close; when db_ready opens a file anew the same stmt pointers go on
 * working (they are prepared again on the new file).
 */
#ifndef PRONG_DB_H
#define PRONG_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

struct db;
struct stmt;
struct journals;
struct moment;
struct names;
struct tables;

/* Why a step failed, as far as anybody outside needs to tell apart. */
enum db_result {
    DB_ROW,       /* a row is there to read */
    DB_DONE,      /* finished */
    DB_UNIQUE,    /* unique or primary key violated */
    DB_FOREIGN,   /* foreign key violated */
    DB_NOT_NULL,  /* not-null violated */
    DB_CHECK,     /* check constraint or strict datatype violated */
    DB_RAISED,    /* RAISE() in a trigger: db_message is its text */
    DB_DEADLINE,  /* interrupted because the deadline passed */
    DB_CANCELLED, /* interrupted by db_cancel */
    DB_STOPPED,   /* interrupted by db_stop: this process ends */
    DB_BUSY,      /* the lock was not to be had in time */
    DB_FULL,      /* disk full or database at its size limit */
    DB_READONLY,  /* the file or its folder cannot be written */
    DB_TOO_BIG,   /* a value beyond SQLite's limits */
    DB_CORRUPT,   /* not a database, or a damaged one */
    DB_GONE,      /* the file was deleted or cannot be opened */
    DB_ERROR,     /* anything else: an I/O error, a runtime error in SQL */
};

enum db_mode {
    DB_SERVE,         /* read and write; the file must exist */
    DB_CREATE,        /* read and write; made when it does not exist */
    DB_READONLY_MODE, /* for explaining; never writes */
};

/*
 * Once a process, before the first db_open: single-threaded mode, no memory
 * statistics (4.5 instead of 6.0 µs for an indexed read when measured).
 */
void db_init(void);
/* Instead of it, where connections are used by several threads, each of them
 * by one at a time. */
void db_init_threads(void);
/*
 * Then, in a process of a server, before the first db_open: `journals` of its
 * segment know which WAL is whose. They live as long as the process. Without
 * it, or for null, this process' own do, and what others opened is told by
 * their locks.
 */
void db_belong(struct journals *journals);

/*
 * Once a process, after db_init: what a statement does not keep in memory goes
 * to files in the folder of the database at `path`, if this process may write
 * there, else where SQLite sees fit (sqlite.org/tempfiles.html, 5). That is
 * what is more than 4 MiB of a sort, 20 MB of a table that SQLite makes for
 * itself (DISTINCT, GROUP BY, a view that is materialized), 1 MiB of what
 * undoes a statement. The files have no name once they are open, so end with
 * the process. They leave 64 MiB of the file system to others, or a sixteenth
 * of it when that is less. A statement that gets no more ends as DB_FULL, and
 * nothing else does: not its transaction.
 */
void db_spill_beside(const char *path);
/* Removes those of the same folder that have a name still: of processes that
 * were killed between opening and unlinking. They are empty. */
void db_spill_sweep(const char *path);

/*
 * Opens `path` and sets WAL, synchronous=NORMAL, 40 MB of page cache, sorts
 * in runs of 4 MiB, temp_store=FILE, foreign_keys=ON and a busy handler that
 * gives up after 5 s or at the deadline. ":memory:" is a private database
 * without WAL. "…" in double quotes is a name, never a string. Null with the
 * reason, path included, in *fault.
 */
struct db *db_open(const char *path, enum db_mode mode, struct fault *fault);
/* Finalizes its statements and closes. Null is allowed. */
void db_close(struct db *db);
/* As given to db_open. */
const char *db_path(const struct db *db);

/*
 * Called between requests; looks once a second, and when another connection of
 * the server has found something: true while this one is usable. A file that
 * was replaced is opened anew and every statement prepared on it; a missing or
 * damaged one makes this false (and the next call tries again), and so does
 * one that is not to be had at present (db_claim.h). While it is false steps
 * and begins return DB_GONE. A deleted file is never made again. `now_ms` is
 * loop time.
 *
 * Not noticed: a file whose bytes were overwritten in place.
 */
bool db_ready(struct db *db, uint64_t now_ms);
/*
 * Makes the next db_ready look at the file at once. After damage or an I/O
 * error db does that by itself, and then opens the file anew even if it is
 * the same one, at most once a second.
 */
void db_suspect(struct db *db);

/*
 * Prepares one statement. Null with the reason; *offset then is the byte of
 * the text it points at, or -1 (sqlite3_error_offset). Refused are texts of
 * several statements and those that would cross the transactions kept here:
 * BEGIN, COMMIT, SAVEPOINT, ATTACH, VACUUM, PRAGMA … (pragma_x() may be read).
 */
struct stmt *db_prepare(struct db *db, const char *sql, struct fault *fault,
                        int *offset);
/* Finalizes one early; null is allowed. */
void db_finalize(struct stmt *s);

/*
 * The line that byte `offset` of `text` stands on, when the text begins on
 * first_line; first_line itself for an offset of -1.
 */
int db_fault_line(const char *text, int offset, int first_line);

/*
 * From now on commits are announced to `tables` (tables.h) under `slot`, and
 * statements know which tables they read and write, by the numbers that
 * `names` gives to "table:NAME" (lower case). To be called before the first
 * db_prepare; both live as long as the db. Without it statements know nothing
 * and commits are a stranger's.
 */
void db_watch(struct db *db, struct names *names, struct tables *tables,
              unsigned slot);

enum { DB_TABLES_MAX = 32 }; /* of one statement */

/* Numbers of tables, each once, rising. */
struct table_set {
    unsigned count;
    unsigned at[DB_TABLES_MAX];
    bool more; /* there are others: nothing can be said about it */
};

/*
 * What SQLite's authorizer said when the statement was prepared last, through
 * views, triggers and foreign keys, and for reads also every table that the
 * text names, or that views and virtual tables in it name: the authorizer
 * hears nothing of columns that USING and NATURAL join by. When SQLite
 * prepares it again because the schema changed, the sets grow. Without
 * db_watch, and for tables that SQLite writes by itself (sqlite_sequence) or
 * that are a connection's own (temp), `more` is set. The schema is not among
 * them: whoever changes it moves every table.
 */
const struct table_set *stmt_reads(const struct stmt *s);
const struct table_set *stmt_writes(const struct stmt *s);
/* Triggers that write belong to it. */
bool stmt_fires(const struct stmt *s);
/*
 * To be called when stmt_version moved, after the run: SQLite prepared it
 * again by itself, perhaps because somebody changed the schema, and what its
 * text names may be other tables now. The sets only grow.
 */
void stmt_relearn(struct stmt *s);
/* Each table that some statement reads or writes, in no order. */
void db_each_table(const struct db *db,
                   void (*on_table)(void *self, const char *name,
                                    unsigned number),
                   void *self);
/* The function that makes its answer differ from one time to the next
 * ("random()", "datetime('now')"), or null when its tables say all. A function
 * of dates inside a view is "perhaps date() inside v": the view's text is not
 * looked at. */
const char *stmt_impure(const struct stmt *s);

/* Those of db_watch, or null. */
struct tables *db_tables(const struct db *db);
/* Inside a write transaction: what is read there may be undone. */
bool db_is_writing(const struct db *db);

/*
 * The moment before the present snapshot: db_begin_read or db_begin_write
 * took it. Valid until the next of them.
 */
const struct moment *db_moment(const struct db *db);
/*
 * Whether what is kept under present versions may be shown: the file is there
 * and no stranger has written to it since the last look (if one has, every
 * version has just moved: ask again what you compare with). No system call.
 */
bool db_current(struct db *db);
/* A number for the file that is open now: another file, another number. */
uint64_t db_identity(const struct db *db);

/*
 * Prepares the statement only to tell `on_read` each column it reads, through
 * views and triggers too, in no order and perhaps twice. False when it cannot
 * be prepared.
 */
bool db_reads(struct db *db, const char *sql,
              void (*on_read)(void *self, const char *table,
                              const char *column),
              void *self);

/* What SQLite knows of a prepared statement. */
bool stmt_readonly(const struct stmt *s);
int stmt_columns(const struct stmt *s);
const char *stmt_column_name(const struct stmt *s, int column);
/* 1-based index of ":name", 0 when the statement has no such parameter. */
int stmt_param(const struct stmt *s, const char *name);
int stmt_param_count(const struct stmt *s);
/* ":name" of parameter 1 to stmt_param_count; null for a bare '?'. */
const char *stmt_param_name(const struct stmt *s, int index);
const char *stmt_sql(const struct stmt *s);
/*
 * Another number than before once the statement was prepared again, because
 * the schema or the file changed: its columns may then be others. It moves in
 * db_ready or in the first stmt_step of a run.
 */
unsigned stmt_version(const struct stmt *s);

/*
 * Bindings; text and blobs are not copied and must live until stmt_reset. A
 * value that SQLite refuses makes the next step DB_TOO_BIG.
 */
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

/* One column of the present row. */
struct cell {
    enum db_type type;
    int64_t integer;    /* DB_INT */
    double real;        /* DB_REAL */
    struct slice bytes; /* DB_TEXT and DB_BLOB; until the next step or reset */
};

struct cell stmt_cell(const struct stmt *s, int column);

/* The same, converted to what is asked for, as SQLite converts. */
enum db_type stmt_type(const struct stmt *s, int column);
int64_t stmt_int(const struct stmt *s, int column);
double stmt_real(const struct stmt *s, int column);
struct slice stmt_text(const struct stmt *s, int column);
struct slice stmt_blob(const struct stmt *s, int column);

/*
 * Message of the last failure, for the log (it may name tables). A rollback
 * after the failure does not change it.
 */
const char *db_message(const struct db *db);
/* Name in words: "unique", "busy" … for logs and problem documents. */
const char *db_result_name(enum db_result r);

/*
 * Every statement run until the next call stops with DB_DEADLINE once
 * loop_clock_ms reaches deadline_ms (0: never); waits for a lock end there too,
 * as DB_BUSY. db_commit and db_rollback are never stopped: a commit that was
 * made is never reported as late. `beat`, when not null, is called from inside
 * long statements and long waits.
 */
void db_deadline(struct db *db, uint64_t deadline_ms);
void db_on_progress(struct db *db, void (*beat)(void *self), void *self);
enum { DB_PATIENCE_MS = 5000 };
/* How long to wait for a lock; DB_PATIENCE_MS at first, 0: not at all. */
void db_patience(struct db *db, uint64_t wait_ms);

/*
 * From any thread: the statement that runs now, if any, ends as DB_CANCELLED,
 * unless it is a commit or rollback. SQLite asks every 20 µs, but not within
 * a run of a sort (4 MiB, up to 0.1 s), nor while it begins to merge those of
 * a large one (a thirtieth of the time that merging takes in all). Stands
 * until the next db_deadline.
 */
void db_cancel(struct db *db);
/* The same, as DB_STOPPED: nobody minds the statement, but the process that
 * runs it has to end. */
void db_stop(struct db *db);
/* Nanoseconds spent waiting for a lock since the last call. */
uint64_t db_waited_ns(struct db *db);

/*
 * Transactions. Between db_share_reads and db_unshare all reads see one
 * snapshot: the first db_begin_read opens it, and they save the two fcntl and
 * one fstat that each would cost alone. A write transaction ends the shared
 * one first, and the next db_begin_read opens a new one, so what was
 * committed is seen by every read after it.
 *
 * Whoever shares must have received the requests before the snapshot opens: a
 * request that arrives later may follow a write acknowledged elsewhere.
 */
void db_share_reads(struct db *db);
void db_unshare(struct db *db);
/*
 * To be called before the first step of a statement group that only reads.
 * DB_DONE on success. Without sharing it does nothing and each statement is
 * its own transaction: a group that needs one snapshot then puts
 * db_share_reads and db_unshare round itself.
 */
enum db_result db_begin_read(struct db *db);
/* BEGIN IMMEDIATE. DB_DONE on success; on failure nothing is left open. */
enum db_result db_begin_write(struct db *db);
/*
 * Instead of db_begin_write, for one statement with RETURNING that is a
 * transaction of its own and commits as it ends: without BEGIN, COMMIT and
 * the journal that SQLite keeps to undo one statement of several (10 of 90 µs
 * of an insert with three indices). It must be stepped until it ends. All it
 * changes is changed by its first row; from there on no deadline stops it, so
 * that a commit is not reported as late.
 */
enum db_result db_begin_alone(struct db *db);
/*
 * Inside a write transaction: a piece of it that can be undone alone, so that
 * several requests share one transaction and none touches another's. One at a
 * time.
 */
enum db_result db_savepoint(struct db *db);
/* Keeps what was done since. */
enum db_result db_release(struct db *db);
/* Undoes it. False when the whole transaction is gone with it (SQLite itself
 * rolled back: an I/O error, disk full, a write that its deadline stopped, ON
 * CONFLICT ROLLBACK): then nothing is open. Keeps db_message. */
bool db_undo(struct db *db);
/* Foreign keys that are checked at the commit only are violated at present. */
bool db_owes(const struct db *db);

/* DB_DONE, or the reason why all of it was rolled back. Nothing is synced: see
 * db_sync. */
enum db_result db_commit(struct db *db);
/* Ends what is open, if anything; keeps db_message. */
void db_rollback(struct db *db);
/*
 * Inside a write transaction: PRAGMA optimize (sqlite.org/lang_analyze.html),
 * at most 400 rows an index. Only tables whose statistics plans of this
 * connection asked for are looked at, so prepare first what others run. When
 * statistics have changed, every connection plans anew from the commit on.
 */
enum db_result db_optimize(struct db *db);
/* Rows changed by the last write statement. */
int64_t db_changes(const struct db *db);

/*
 * The WAL. db never checkpoints by itself, neither at a commit nor at the
 * close of the last connection (see db_fold).
 */

/* fdatasync of the WAL, whoever wrote to it; through SQLite's own file, so a
 * commit that ended before is safe after it. True without a WAL. False keeps
 * the reason in db_message. Once one has failed, here or in a checkpoint, all
 * do while this file is open: see syncs.h. */
bool db_sync(struct db *db);
/* Frames in the WAL after the last commit of this connection. */
int db_wal_frames(const struct db *db);

enum checkpoint {
    CHECKPOINT_PASSIVE,  /* copies what it can, and waits for nobody */
    CHECKPOINT_RESTART,  /* then waits (db_patience) until no reader needs the
                            WAL: the next writer begins it anew */
    CHECKPOINT_TRUNCATE, /* and the file is cut to nothing */
};

struct checkpointed {
    int frames; /* in the WAL */
    int copied; /* of them, into the database: all of them when equal */
};

/* What the WAL index says now, of all connections' commits and checkpoints.
 * No system call. All 0 while no file is open. */
void db_wal_now(const struct db *db, struct checkpointed *out);
/*
 * Copies from the WAL into the database and syncs both. RESTART and TRUNCATE
 * want the write lock: for whoever has the turn. DB_DONE, DB_BUSY when the
 * time was not enough (what could be copied was) or somebody else is at it, or
 * a failure. PASSIVE is done when it copied what it could. Outside
 * transactions only. Not after a sync has failed (DB_ERROR).
 */
enum db_result db_checkpoint(struct db *db, enum checkpoint how,
                             struct checkpointed *out);
/* From now on the close of this connection, when it is the last, folds the
 * WAL into the database and removes it. */
void db_fold(struct db *db);

/*
 * Runs a script of statements, results thrown away; for migrations. It must
 * be NUL-terminated behind its length, and may hold no transaction words. On
 * a fault *offset is the byte of the script it points at, or -1.
 */
bool db_script(struct db *db, struct slice script, struct fault *fault,
               int *offset);

#endif
