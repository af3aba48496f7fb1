/*
 * What the four files of db share, and nobody else sees: db.c (running
 * statements, transactions), db_prepare.c (preparing them, scripts), db_open.c
 * (opening, waiting), db_file.c (noticing that the file is another one).
 */
#ifndef PRONG_DB_PRIVATE_H
#define PRONG_DB_PRIVATE_H

#include <sys/types.h>

#include "worker/db.h"

struct sqlite3;
struct sqlite3_stmt;

struct db {
    struct sqlite3 *raw; /* null while no file is open */
    char *path;
    enum db_mode mode;
    bool in_memory;
    bool utf8;         /* how the file keeps text; else it is UTF-16 */
    bool usable;       /* what db_ready said last */
    char message[512]; /* of the last failure, or why it is not usable */

    bool sharing;     /* between db_share_reads and db_unshare */
    bool writing;     /* between db_begin_write and its end */
    bool alone;       /* since db_begin_alone, until its statement ends */
    bool unstoppable; /* a commit or rollback runs: no deadline */
    uint64_t deadline_ms;
    uint64_t patience_ms;
    bool contended;         /* the last wait for the lock was in vain */
    uint64_t busy_since_ms; /* when the present wait for a lock began */
    void (*beat)(void *self);
    void *beat_self;

    /* The transaction words, prepared once. */
    struct stmt *begin;
    struct stmt *begin_write;
    struct stmt *commit;
    struct stmt *rollback;
    struct stmt *first; /* every statement, newest first */

    /* Which files these are; see db_file.c. */
    struct file_id {
        dev_t device;
        ino_t inode; /* 0: none */
    } file, wal, shm;
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
    struct stmt *next;
    struct stmt *previous;
};

enum { PATH_BYTES = 4096 };

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

/* ---- db_open.c ---- */

/* Opens db->path with SQLite's flags and makes every statement on it; false
 * with nothing open and db->usable false. */
bool db_open_file(struct db *db, int flags, struct fault *fault);
/* Closes the file; the stmts stay, to be made again. */
void db_close_file(struct db *db);

/* ---- db_file.c ---- */

/* The folder a path lies in. */
void db_folder(const char *path, char folder[PATH_BYTES]);
/* Remembers the three files as their paths name them now. */
void db_identify(struct db *db);

#endif
