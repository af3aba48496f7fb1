/*
 * db_backup: SQLite's part of backups and restores: copying a database that
 * others use, and looking after files that nobody else has open. Not for
 * requests: these calls take as long as the file is large.
 */
#ifndef PRONG_DB_BACKUP_H
#define PRONG_DB_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "worker/db/backup.h"
#include "worker/db/db.h"

/* A database as of one moment, which lasts until it is closed. */
struct db_source;

/* Null with the reason, path included; also when there is nothing in it. */
struct db_source *db_source_open(const char *path, struct fault *fault);
/* Null is allowed. */
void db_source_close(struct db_source *s);
/* What a copy takes. */
uint64_t db_source_bytes(const struct db_source *s);
/*
 * Copies it into `file`, which exists, is empty and the caller's alone.
 * Nothing is synced. The journal mode comes along: see db_backup_fold.
 */
bool db_source_copy(struct db_source *s, const char *file,
                    const struct backup_progress *progress,
                    struct fault *fault);

/*
 * Makes one file of a database: plays back its journal or WAL, removes that,
 * and sets the journal mode DELETE. It takes no locks: the caller sees to it
 * that nobody else has it open. `durable`: synced by SQLite at each step; else
 * not at all. DB_DONE, DB_CORRUPT when it is damaged or no database, DB_FULL,
 * DB_ERROR; with the reason, without the path.
 */
enum db_result db_backup_fold(const char *file, bool durable,
                              struct fault *fault);

/*
 * Is the file whole? Reads the file alone, whatever WAL may lie beside it, and
 * leaves nothing there. *orphans is how many rows refer to others that are not
 * there. False with the reason, without the path.
 */
bool db_backup_verify(const char *file, const struct backup_progress *progress,
                      uint64_t *orphans, struct fault *fault);

#endif
