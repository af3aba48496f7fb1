/*
 * What the files of db share, and nobody else sees: db.c (running statements),
 * db_transaction.c (transactions), db_result.c (what went wrong), db_prepare.c
 * (preparing them, scripts), db_open.c (opening), db_wait.c (deadlines, locks),
 * db_file.c (noticing that the file is another one), db_claim.c (and then whose
 * WAL it is), db_tables.c (which tables a statement reads and writes),
 * db_impure.c (what else its answer depends on), db_commit.c (telling others of
 * commits), db_wal.c (syncs, checkpoints), db_spill.c (what a statement does
 * not keep in memory).
 */
#ifndef PRONG_DB_PRIVATE_H
#define PRONG_DB_PRIVATE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "common/segment/tables.h"
#include "worker/db/db_claim.h"

#include "worker/db/db.h"

struct sqlite3;
struct sqlite3_stmt;

enum { IMPURE_BYTES = 80 };

/* A name of a table that statements used, and its number. */
struct table_name {
    char *name; /* lower case */
    unsigned number;
};

/* Who is told of columns while db_reads prepares. */
struct reader {
    void (*on_read)(void *self, const char *table, const char *column);
    void *self;
};

struct db {
    struct sqlite3 *raw; /* null while no file is open */
    char *path;
    enum db_mode mode;
    bool in_memory;
    bool utf8;         /* how the file keeps text; else it is UTF-16 */
    bool usable;       /* what db_ready said last */
    char message[512]; /* of the last failure, or why it is not usable */

    bool sharing;          /* between db_share_reads and db_unshare */
    bool writing;          /* between db_begin_write and its end */
    bool alone;            /* since db_begin_alone, until its statement ends */
    bool unstoppable;      /* a commit or rollback runs: no deadline */
    _Atomic int cancelled; /* DB_CANCELLED or DB_STOPPED, by any thread; 0:
                              let it run */
    uint64_t deadline_ms;
    uint64_t patience_ms;
    uint64_t waited_ns;     /* for locks, see db_waited_ns */
    uint64_t busy_since_ms; /* when the present wait for a lock began */
    void (*beat)(void *self);
    void *beat_self;

    /* The transaction words, prepared once. */
    struct stmt *begin;
    struct stmt *begin_write;
    struct stmt *commit;
    struct stmt *rollback;
    struct stmt *savepoint;
    struct stmt *release;
    struct stmt *undo;  /* ROLLBACK TO: the savepoint is still there */
    struct stmt *first; /* every statement, newest first */

    /* Whom SQLite's authorizer speaks of: prepared or stepped now, or last. */
    struct stmt *at_work;
    bool preparing;              /* it is not being run */
    const struct reader *reader; /* null but in db_reads */

    /* Null without db_watch. */
    struct names *names;
    struct tables *tables;
    unsigned slot;
    struct table_name *known; /* every name that statements used */
    size_t known_count;
    struct moment moment;            /* before the present snapshot */
    const volatile uint32_t *change; /* in the WAL index; null without one */

    /* The present transaction; see db_commit.c. */
    struct table_set written;
    const struct stmt *noted; /* the last whose tables are in it */
    bool unsettled;           /* a commit began, db_settle has not seen it */
    bool announced;           /* tables_begin without its tables_end */
    bool wrote;               /* frames, so the change counter moved */
    int frames;               /* in the WAL after it */

    bool folds;       /* db_fold was called */
    bool sync_failed; /* of this file: what a later one says is not known */

    /* Which files these are; see db_file.c and db_claim.h. */
    struct file_id file;
    struct claim claim;
    uint32_t news;       /* db_claim_news at the last look */
    bool damaged;        /* open it anew although it is the same */
    uint64_t look_at_ms; /* loop time of the next look at the file */
    uint64_t opened_ms;  /* loop time of the last opening by db_ready */
};

struct stmt {
    struct sqlite3_stmt *raw; /* null while no file is open */
    struct db *db;
    char *sql;
    bool readonly;
    int refused;       /* code of a binding that failed, or 0 */
    unsigned prepared; /* stmt_version without SQLite's own re-prepares */
    struct table_set reads;
    struct table_set writes;
    bool fires;                /* triggers that write */
    int64_t learnt;            /* schema_version at stmt_relearn; 0: never */
    char impure[IMPURE_BYTES]; /* "": nothing but the tables */
    struct stmt *next;
    struct stmt *previous;
};

/* ---- db_result.c ---- */

/* What one of SQLite's extended codes means to others. */
enum db_result db_result_of(const struct db *db, int code);
/* SQLite's words, or ours, for a failure just now. */
const char *db_words(const struct db *db, int code);
/* The same as db_result_of, for a failure just now: keeps SQLite's words, and
 * looks at the file soon when it may be damaged. */
enum db_result db_fail(struct db *db, int code);

/* Is the present statement to end? Not a commit, which is made. */
static inline bool db_is_cancelled(const struct db *db)
{
    return !db->unstoppable &&
           atomic_load_explicit(&db->cancelled, memory_order_relaxed);
}

/* ---- db_prepare.c ---- */

/* Prepares s->sql on the present file. */
bool stmt_make(struct stmt *s, struct fault *fault, int *offset);
/* Finalizes, but keeps the stmt for the next stmt_make. */
void stmt_unmake(struct stmt *s);
/* db_prepare without its refusals. */
struct stmt *stmt_new(struct db *db, const char *sql, struct fault *fault,
                      int *offset);
/* The pointer, or the end of the process when it is null. */
void *db_must(void *memory);

/* ---- db_transaction.c ---- */

bool db_in_transaction(const struct db *db);

/* ---- db_wal.c ---- */

/* On a new handle: what its close does with the WAL. */
void db_keep_wal(struct db *db);

/* ---- db_tables.c ---- */

/* Before anything is prepared on a new handle: setting an authorizer later
 * would make every statement be prepared once more. */
void db_authorize(struct db *db);
/* Adds, or says that there are more. */
void db_set_add(struct table_set *set, unsigned number);
/* Adds a table by name. */
void db_note_table(struct db *db, struct table_set *set, const char *table);
/* Frees the names of tables. */
void db_forget_tables(struct db *db);

/* ---- db_named.c ---- */

/* A statement was just prepared: adds what its text names to what the
 * authorizer said that it reads. */
void db_note_named(struct stmt *s);

/* ---- db_impure.c ---- */

/*
 * The statement calls that function, inside the view or trigger of that name
 * or, when that is null, by itself. What makes its answer differ each time is
 * written to s->impure, unless something else stands there.
 */
void db_judge_function(struct stmt *s, const char *function,
                       const char *inside);
/* The same for a table that it reads: some are functions. */
void db_judge_table(struct stmt *s, const char *table);

/* Does the SQL hold that name, quoted or not? */
bool db_text_names(const char *sql, const char *name);

/* ---- db_commit.c ---- */

/* Once a file is open: hears of its commits, finds its change counter. False
 * when it has none though it ought to. */
bool db_attach(struct db *db, struct fault *fault);
/* Before the handle is closed. */
void db_detach(struct db *db);
/* A transaction begins or is given up: nothing was written in it. */
void db_forget_writes(struct db *db);
/* A statement that may write is about to be stepped. */
void db_note_writer(struct db *db, const struct stmt *s);
/* A script may write anything. */
void db_note_script(struct db *db);
/* Before a snapshot opens. */
void db_take_moment(struct db *db);
/* See db_settle. */
void db_end_commit(struct db *db, bool done);

/*
 * To be called after whatever may have made SQLite commit: each step, reset
 * and finalize of a statement that writes. `done`: it was a step that gave
 * SQLITE_DONE, so SQLite has told of the frames it wrote.
 */
static inline void db_settle(struct db *db, bool done)
{
    if (db->unsettled)
        db_end_commit(db, done);
}

/* ---- db_open.c ---- */

/* Opens db->path with SQLite's flags and makes every statement on it; false
 * with nothing open and db->usable false. */
bool db_open_file(struct db *db, int flags, struct fault *fault);
/* Closes the file; the stmts stay, to be made again. */
void db_close_file(struct db *db);
/* The same once it was usable, so that what is beside it goes where it
 * belongs; see db_claim_part. False, and it stays open: not at present. */
bool db_part(struct db *db, bool fold);

/* ---- db_spill.c ---- */

/* The code of a statement whose temporary file had no room, or failed: none
 * of SQLite's, which are of the database. */
enum { DB_CODE_SPILL = 1 | 255 << 8 }; /* SQLITE_ERROR, extended */

/* Before sqlite3_initialize: how much is kept in memory. */
void db_spill_configure(void);
/* After it: what is opened from now on has its temporary files here. */
bool db_spill_begin(void);

/* ---- db_wait.c ---- */

enum { DB_OPCODES = 1000 }; /* between two ticks: 10 to 20 µs of SQL */

/* SQLite's progress handler: not 0 interrupts the statement. */
int db_on_tick(void *db);
/* SQLite's busy handler. */
int db_on_busy(void *db, int count);

/* ---- db_file.c ---- */

/* The folder a path lies in. */
void db_folder(const char *path, char folder[PATH_BYTES]);
/* Whether its file may be written, in a mode that is to write it. */
bool db_may_write(const struct db *db);

#endif
