#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "worker/db/db_private.h"

#include "worker/db/db.h"

/*
 * The WAL: synced for whoever committed to it, copied into the database, and
 * kept or folded at the close. synchronous=NORMAL has SQLite sync the WAL
 * before it copies from it, and the database before the WAL is begun anew
 * (sqlite.org/wal.html, "Performance Considerations").
 */

/* Of the WAL index, counted in words from the change counter, which is at byte
 * 8 (sqlite.org/walformat.html, 2.2 and 2.3). */
enum {
    FRAMES_AFTER = (16 - 8) / 4, /* mxFrame */
    COPIED_AFTER = (96 - 8) / 4, /* nBackfill */
};

void db_keep_wal(struct db *db)
{
    sqlite3_db_config(db->raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !db->folds,
                      NULL);
}

void db_fold(struct db *db)
{
    db->folds = true;
    if (db->raw)
        db_keep_wal(db);
}

int db_wal_frames(const struct db *db)
{
    return db->frames;
}

/* While the WAL is begun anew there are no frames before the copied ones are
 * forgotten. */
void db_wal_now(const struct db *db, struct checkpointed *out)
{
    *out = (struct checkpointed){0};
    if (db->change == NULL)
        return;
    out->frames = (int)db->change[FRAMES_AFTER];
    out->copied = (int)db->change[COPIED_AFTER];
    if (out->copied > out->frames)
        out->copied = out->frames;
}

/* ---- syncing ------------------------------------------------------------ */

/* Null without one: in memory, and while no file is open. */
static sqlite3_file *wal_of(const struct db *db)
{
    sqlite3_file *file = NULL;

    if (db->raw == NULL || db->in_memory)
        return NULL;
    sqlite3_file_control(db->raw, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    return file && file->pMethods ? file : NULL;
}

/* What the system said, for SQLite only says "disk I/O error". */
static void tell_of_sync(struct db *db, sqlite3_file *wal, int code)
{
    int error = 0;

    wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &error);
    snprintf(db->message, sizeof db->message, "syncing the WAL: %s",
             error ? strerror(error) : sqlite3_errstr(code));
}

static bool is_unsyncable(struct db *db)
{
    if (db->sync_failed)
        snprintf(db->message, sizeof db->message,
                 "a sync of the database has failed before");
    return db->sync_failed;
}

bool db_sync(struct db *db)
{
    sqlite3_file *wal = wal_of(db);

    if (is_unsyncable(db))
        return false;
    if (wal == NULL)
        return true;
    int code =
        wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    if (code == SQLITE_OK)
        return true;
    db->sync_failed = true;
    tell_of_sync(db, wal, code);
    return false;
}

/* ---- checkpoints -------------------------------------------------------- */

/* The frames of a WAL whose sync failed may by now be read as they were
 * before they were written, and would be copied so. */
enum db_result db_checkpoint(struct db *db, enum checkpoint how,
                             struct checkpointed *out)
{
    static const int modes[] = {
        [CHECKPOINT_PASSIVE] = SQLITE_CHECKPOINT_PASSIVE,
        [CHECKPOINT_RESTART] = SQLITE_CHECKPOINT_RESTART,
        [CHECKPOINT_TRUNCATE] = SQLITE_CHECKPOINT_TRUNCATE,
    };
    int frames = -1;
    int copied = -1;

    *out = (struct checkpointed){0};
    if (!db->usable)
        return DB_GONE;
    if (is_unsyncable(db))
        return DB_ERROR;
    int code = sqlite3_wal_checkpoint_v2(db->raw, "main", modes[how], &frames,
                                         &copied);
    if (frames >= 0 && copied >= 0) /* else it did not get that far */
        *out = (struct checkpointed){frames, copied};
    return code == SQLITE_OK ? DB_DONE : db_fail(db, code);
}
