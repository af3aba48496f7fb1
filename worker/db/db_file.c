#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/log.h"

#include "worker/db/db_private.h"

#include "worker/db/db.h"

enum { LOOK_MS = 1000 }; /* between two looks at the file */

void db_folder(const char *path, char folder[PATH_BYTES])
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        snprintf(folder, PATH_BYTES, ".");
    else
        snprintf(folder, PATH_BYTES, "%.*s",
                 slash == path ? 1 : (int)(slash - path), path);
}

/* Not usable from now on; logged when it is news. */
static bool go_dark(struct db *db, const char *why)
{
    if (db->usable || strcmp(db->message, why) != 0)
        log_error("Not ready: %s", why);
    snprintf(db->message, sizeof db->message, "%s", why);
    db->usable = false;
    return false;
}

/* While the file is missing the connection stays open: it may come back. */
static bool lose(struct db *db)
{
    struct fault fault;

    fault_set(&fault, "database %s: the file is gone", db->path);
    return go_dark(db, fault.text);
}

static bool reopen(struct db *db, const struct file_id *now)
{
    int flags = db->mode == DB_READONLY_MODE ? SQLITE_OPEN_READONLY
                                             : SQLITE_OPEN_READWRITE;
    bool same = fileid_same(now, &db->file);
    struct fault fault;

    if (db->raw && !db_part(db, !same)) {
        fault_set(&fault, "database %s was replaced; its folder is locked",
                  db->path);
        return go_dark(db, fault.text);
    }
    bool was_usable = db->usable;
    db->damaged = false;
    db->sync_failed &= same;
    if (!db_open_file(db, flags, &fault)) {
        db->usable = was_usable;
        return go_dark(db, fault.text);
    }
    log_warning("Database %s was opened again", db->path);
    return true;
}

static bool has_moved(struct db *db, const struct file_id *now)
{
    return !fileid_same(now, &db->file) || db_claim_lost_wal(&db->claim);
}

/* A file system that was mounted anew for reading, a file made immutable: else
 * only a worker that is asked to write would find out. */
bool db_may_write(const struct db *db)
{
    return db->mode == DB_READONLY_MODE || db->in_memory ||
           euidaccess(db->path, W_OK) == 0;
}

static bool look(struct db *db, uint64_t now_ms)
{
    struct file_id now;

    fileid_at(db->path, "", &now);
    if (db->usable && !db->damaged && !has_moved(db, &now) && db_may_write(db))
        return true;
    if (now.inode == 0)
        return lose(db);
    /* Damage that stays must not make every request open the file. */
    if (db->opened_ms && now_ms < db->opened_ms + LOOK_MS)
        return db->usable;
    db->opened_ms = now_ms;
    return reopen(db, &now);
}

/* What one connection finds the others, of this worker and of all, look at
 * before they answer. Those who look because they were told tell nobody. */
bool db_ready(struct db *db, uint64_t now_ms)
{
    uint32_t news = db_claim_news();
    bool told = news != db->news;

    if ((now_ms < db->look_at_ms && !told) || db->in_memory)
        return db->usable;
    if (db->raw && !sqlite3_get_autocommit(db->raw))
        return db->usable; /* in the middle of something */
    db->look_at_ms = now_ms + LOOK_MS;
    db->news = news;
    struct file_id file = db->file;
    bool was_usable = db->usable;
    bool usable = look(db, now_ms);
    if (!told && (usable != was_usable || !fileid_same(&file, &db->file)))
        db->news = db_claim_tell(news);
    return usable;
}

void db_suspect(struct db *db)
{
    db->look_at_ms = 0;
}
