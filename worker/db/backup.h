/*
 * backup: a copy of a live database as of one moment, checked and put into
 * place whole. Copies with SQLite's backup interface inside one read
 * transaction, so writers go on and the copy never begins anew
 * (sqlite.org/backup.html); checks it (PRAGMA integrity_check and
 * foreign_key_check), syncs it, and renames it over `file`. The copy is one
 * file: its journal mode is DELETE until somebody opens it as a server's.
 *
 * Meanwhile the WAL cannot begin anew, so it grows by what is written until
 * the copy is made (not while it is checked).
 */
#ifndef PRONG_BACKUP_H
#define PRONG_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

struct backup_report {
    uint64_t bytes; /* of the file */
    uint64_t took_ns;
    /* Rows whose foreign key leads nowhere. They are no damage: the database
     * has them too, so the copy is good. */
    uint64_t orphans;
};

/* Called now and then with pages copied and in all; 0 of 0 while it checks.
 * False gives up. */
struct backup_progress {
    bool (*on_pages)(void *self, int64_t copied, int64_t all);
    void *self;
};

/*
 * Writes to "FILE.part-PID" first; that is gone afterwards, whatever happens
 * short of a kill. An existing `file` is replaced only by a good copy, and
 * never when it has a WAL or a journal of its own: then it is a database in
 * use. A new one has the mode and, where that is permitted, the owner of the
 * database. False with the reason.
 */
bool backup_make(const char *database, const char *file,
                 const struct backup_progress *progress,
                 struct backup_report *out, struct fault *fault);

/* A file that a server can be started on: a whole, undamaged SQLite database.
 * False with the reason. Leaves no -wal or -shm beside it. */
bool backup_check(const char *file, struct fault *fault);
/* The part of it that takes no time: it begins like a database, and nothing
 * beside it belongs to it. */
bool backup_glance(const char *file, struct fault *fault);

#endif
