/*
 * What db.c and db_open.c share, and nobody else sees.
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
    bool usable;       /* what db_ready said last */
    char message[512]; /* of the last failure, or why it is not usable */

    bool sharing;     /* between db_share_reads and db_unshare */
    bool writing;     /* between db_begin_write and its end */
    bool unstoppable; /* a commit or rollback runs: no deadline */
    uint64_t deadline_ms;
    uint64_t patience_ms;
    uint64_t busy_since_ms; /* when the present wait for a lock began */
    void (*beat)(void *self);
    void *beat_self;

    /* The transaction words, prepared once. */
    struct stmt *begin;
    struct stmt *begin_write;
    struct stmt *commit;
    struct stmt *rollback;
    struct stmt *first; /* every statement, newest first */

    /* Which files these are; see db_open.c. */
    struct file_id {
        dev_t device;
        ino_t inode; /* 0: none */
    } file, wal, shm;
    bool suspect;
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

/* db.c, for db_open.c */

/* Prepares s->sql on the present file. */
bool stmt_make(struct stmt *s, struct fault *fault, int *offset);
/* Finalizes, but keeps the stmt for the next stmt_make. */
void stmt_unmake(struct stmt *s);
/* db_prepare without its refusals. */
struct stmt *stmt_new(struct db *db, const char *sql, struct fault *fault,
                      int *offset);
/* The pointer, or the end of the process when it is null. */
void *db_must(void *memory);

#endif
