#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
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

static void identify(const char *path, const char *suffix, struct file_id *id)
{
    char name[PATH_BYTES];
    struct stat st;

    snprintf(name, sizeof name, "%s%s", path, suffix);
    *id = (struct file_id){0};
    if (stat(name, &st) == 0)
        *id = (struct file_id){st.st_dev, st.st_ino};
}

void db_identify(struct db *db)
{
    identify(db->path, "", &db->file);
    identify(db->path, "-wal", &db->wal);
    identify(db->path, "-shm", &db->shm);
}

static bool same_id(const struct file_id *a, const struct file_id *b)
{
    return a->inode == b->inode && a->device == b->device;
}

static void unlink_own(const char *path, const char *suffix,
                       const struct file_id *own)
{
    char name[PATH_BYTES];
    struct file_id now;

    identify(path, suffix, &now);
    snprintf(name, sizeof name, "%s%s", path, suffix);
    if (own->inode != 0 && same_id(&now, own) && unlink(name) == 0)
        log_info("Removed %s, which belonged to the former database", name);
}

/*
 * The -wal and -shm files found beside a file that took the database's place
 * belong to the former one: opening the new file with them would play the old
 * pages into it. So the old pages go home to the old file, and the two names
 * are removed while they are still the ones this connection holds open. The
 * lock on the folder keeps other workers, who do the same, from removing what
 * the first of them made anew. False: the lock is taken, try again later.
 */
static bool forget_journal(struct db *db)
{
    char folder[PATH_BYTES];

    db_folder(db->path, folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    sqlite3_wal_checkpoint_v2(db->raw, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
                              NULL);
    unlink_own(db->path, "-wal", &db->wal);
    unlink_own(db->path, "-shm", &db->shm);
    close(fd);
    return true;
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

/*
 * While the file is missing the connection stays open: it pins the inodes of
 * the -wal and -shm, so that forget_journal cannot mistake new ones for them.
 */
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
    struct fault fault;

    if (db->raw && !same_id(now, &db->file) && !forget_journal(db)) {
        fault_set(&fault, "database %s was replaced; its folder is locked",
                  db->path);
        return go_dark(db, fault.text);
    }
    bool was_usable = db->usable;
    db->damaged = false;
    db->sync_failed &= same_id(now, &db->file);
    db_close_file(db);
    if (!db_open_file(db, flags, &fault)) {
        db->usable = was_usable;
        return go_dark(db, fault.text);
    }
    log_warning("Database %s was opened again", db->path);
    return true;
}

static bool has_moved(struct db *db, const struct file_id *now)
{
    int moved = 0;

    if (!same_id(now, &db->file))
        return true;
    /* What the open handle itself says: a file may have been replaced
     * between opening and identifying. */
    sqlite3_file_control(db->raw, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved != 0;
}

/* A file system that was mounted anew for reading, a file made immutable: else
 * only a worker that is asked to write would find out. */
bool db_may_write(const struct db *db)
{
    return db->mode == DB_READONLY_MODE || db->in_memory ||
           euidaccess(db->path, W_OK) == 0;
}

bool db_ready(struct db *db, uint64_t now_ms)
{
    struct file_id now;

    if (now_ms < db->look_at_ms || db->in_memory)
        return db->usable;
    if (db->raw && !sqlite3_get_autocommit(db->raw))
        return db->usable; /* in the middle of something */
    db->look_at_ms = now_ms + LOOK_MS;
    identify(db->path, "", &now);
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

void db_suspect(struct db *db)
{
    db->look_at_ms = 0;
}
