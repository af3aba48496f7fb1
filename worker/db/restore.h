/*
 * restore: puts a backup into a database's place, while no server runs on it.
 * The former database stays beside it, as DATABASE.before-YYYYMMDDTHHMMSSZ.
 *
 * What is at DATABASE is at each instant either the former database or the
 * restored one, whole, also after a kill or a power cut, because of the order:
 *
 *   1. SQLite's exclusive lock on the former one (sqlite.org/lockingv3.html),
 *      held until the end: whoever has it open makes it fail, and who opens it
 *      meanwhile waits
 *   2. the backup is copied to DATABASE.part-PID, checked there, synced
 *   3. the former one's WAL is folded into it, so that it is one file; should
 *      it be too damaged for that, its WAL is kept as DATABASE.before-…-wal
 *   4. the former one gets its second name, DATABASE.before-…; synced
 *   5. what is left of -wal, -journal and -shm is removed, since SQLite would
 *      play them into whatever is called DATABASE; synced
 *   6. the part is renamed to DATABASE; synced
 *
 * After a kill between 4 and 6 the former database has two names until the
 * next restore takes the second away. A server that opened it before 6 and
 * waited for the lock finds its file moved (SQLITE_READONLY_DBMOVED), writes
 * nothing, and is to be started again.
 */
#ifndef PRONG_RESTORE_H
#define PRONG_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "worker/db/backup.h"

struct restore_report {
    uint64_t bytes;   /* of the file */
    uint64_t orphans; /* as in struct backup_report */
    uint64_t took_ns;
    char aside[4096]; /* the former database; "": there was none */
    bool journal;     /* with its WAL or journal, which could not be folded */
};

/*
 * Progress as backup_make tells it, in pages of 4 KiB; nothing gives up from
 * step 3 on. The restored file has the former one's permissions and owner,
 * or those of `file` when there was none. `file` itself is only read. False
 * with the reason, and the former database is as it was.
 */
bool restore_make(const char *database, const char *file,
                  const struct backup_progress *progress,
                  struct restore_report *out, struct fault *fault);

#endif
