#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/loop.h"

#include "worker/db/db_former.h"
#include "worker/db/db_private.h"

#include "worker/db/db_claim.h"

enum {
    PAUSE_MS = 5,       /* between two tries */
    PART_LOCK_MS = 300, /* for the lock, before a close */
    TRIES = 3,          /* with a file that is replaced just then */
};

/* ---- which file SQLite opens ---------------------------------------------*/

static struct journals *records; /* the segment's, or this process' own */
static struct journals *own;

/* Where the present thread notes the file that it opens; else null. */
static _Thread_local struct file_id *noted;

/* SQLite asks for the size and number of each file that it opens for a
 * database (also when it takes up a descriptor that it had kept), and that is
 * the only way to learn for sure which one it has. */
static int on_fstat(int fd, struct stat *st)
{
    if (noted && noted->inode == 0)
        fileid_of(fd, noted);
    return fstat(fd, st);
}

void db_claim_init(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

    records = own = db_must(calloc(1, journals_size()));
    vfs->xSetSystemCall(vfs, "fstat", (sqlite3_syscall_ptr)on_fstat);
}

void db_belong(struct journals *journals)
{
    records = journals ? journals : own;
}

/* ---- the lock ------------------------------------------------------------*/

static void pause_a_little(void)
{
    const struct timespec t = {0, PAUSE_MS * 1000000L};

    nanosleep(&t, NULL);
}

void db_claim_end(struct claim *c)
{
    if (c->lock >= 0)
        close(c->lock);
    c->lock = -1;
    c->alone = false;
}

/* Other than a lock that is taken: the file system has none. */
static bool may_wait(uint64_t until_ms)
{
    if (errno == EWOULDBLOCK && loop_clock_ms() >= until_ms)
        return false;
    pause_a_little();
    return true;
}

/* False when others hold it all the time. True without a lock when there can
 * be none: of a folder that is not there SQLite itself will tell. */
static bool lock(struct claim *c, bool alone, uint64_t until_ms)
{
    char folder[PATH_BYTES];
    int how = (alone ? LOCK_EX : LOCK_SH) | LOCK_NB;

    db_folder(c->path, folder);
    if (c->lock < 0)
        c->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (c->lock >= 0 && flock(c->lock, how) != 0) {
        bool taken = errno == EWOULDBLOCK || errno == EINTR;
        if (taken && may_wait(until_ms))
            continue;
        db_claim_end(c);
        return !taken;
    }
    c->alone = alone && c->lock >= 0;
    return true;
}

/* ---- news ----------------------------------------------------------------*/

uint32_t db_claim_news(void)
{
    return journals_news(records);
}

uint32_t db_claim_tell(uint32_t seen)
{
    return journals_tell(records, seen);
}

/* ---- what lies there -----------------------------------------------------*/

/* As SQLite does it, also for a file that it is to make. */
static void resolve(const char *path, char out[PATH_BYTES])
{
    char folder[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char *real = realpath(path, NULL);

    if (real) {
        snprintf(out, PATH_BYTES, "%s", real);
    } else {
        db_folder(path, folder);
        real = realpath(folder, NULL);
        snprintf(out, PATH_BYTES, "%.*s/%s", PATH_BYTES / 2,
                 real ? real : folder, name);
    }
    free(real);
}

static void look(struct claim *c)
{
    fileid_at(c->path, "", &c->now.db);
    fileid_at(c->path, "-wal", &c->now.wal);
    fileid_at(c->path, "-shm", &c->now.shm);
}

static bool is_as_recorded(const struct claim *c)
{
    struct trio was;

    return c->record && journal_read(c->record, &was) && c->now.db.inode != 0 &&
           c->now.wal.inode != 0 && fileid_same(&was.db, &c->now.db) &&
           fileid_same(&was.wal, &c->now.wal) &&
           fileid_same(&was.shm, &c->now.shm);
}

/* ---- beginning -----------------------------------------------------------*/

static bool is_locked(struct claim *c, struct fault *fault)
{
    db_claim_end(c);
    return fault_set(fault, "its folder is locked");
}

/* Between two tries others have their turn at the lock: one of them may have
 * to close what is in our way. */
static bool make_fit(struct claim *c, const struct claim_manner *m,
                     struct fault *fault)
{
    uint64_t began_ms = loop_clock_ms();

    for (;;) {
        if (!lock(c, true, began_ms + m->lock_ms))
            return is_locked(c, fault);
        if (c->lock < 0)
            return true;
        look(c);
        if (is_as_recorded(c) || db_former_clear(c, fault))
            return true;
        db_claim_end(c);
        if (loop_clock_ms() >= began_ms + m->use_ms)
            return false;
        pause_a_little();
    }
}

/* Nothing is moved for a file that is not there, and not to be made: it may
 * come back. */
static bool begin(struct claim *c, const char *path,
                  const struct claim_manner *m, struct fault *fault)
{
    *c = (struct claim){.lock = -1};
    resolve(path, c->path);
    c->record = journals_find(records, slice_of(c->path));
    if (!lock(c, false, loop_clock_ms() + m->lock_ms))
        return is_locked(c, fault);
    look(c);
    return c->lock < 0 || is_as_recorded(c) ||
           (c->now.db.inode == 0 && !(m->flags & SQLITE_OPEN_CREATE)) ||
           make_fit(c, m, fault);
}

/* Nothing beside the file is opened before it is read. */
static int open_noted(struct claim *c, int flags, struct sqlite3 **raw,
                      bool *same)
{
    struct file_id opened = {.inode = 0};

    noted = &opened;
    int code = sqlite3_open_v2(c->path, raw, flags, NULL);
    noted = NULL;
    if (c->now.db.inode == 0 && (c->alone || c->lock < 0))
        fileid_at(c->path, "", &c->now.db); /* SQLite has made it */
    *same = fileid_same(&opened, &c->now.db);
    return code;
}

int db_claim_open(struct claim *c, const char *path,
                  const struct claim_manner *m, struct sqlite3 **raw,
                  struct fault *fault)
{
    bool same;

    for (int n = 0; n < TRIES; n++) {
        if (!begin(c, path, m, fault))
            return SQLITE_PROTOCOL;
        int code = open_noted(c, m->flags, raw, &same);
        if (code != SQLITE_OK || same)
            return code;
        sqlite3_close(*raw);
        *raw = NULL;
        db_claim_end(c);
    }
    fault_set(fault, "it is being replaced");
    return SQLITE_PROTOCOL;
}

void db_claim_settle(struct claim *c)
{
    struct file_id opened = c->now.db;

    if (c->held.wal.inode != 0)
        return;
    look(c);
    if (c->now.wal.inode == 0)
        return;
    c->held = c->now;
    c->held.db = opened;
    if (c->alone && c->record)
        journal_write(c->record, &c->held);
    db_claim_end(c);
}

/* ---- parting -------------------------------------------------------------*/

static bool is_in_place(struct claim *c)
{
    look(c);
    return fileid_same(&c->now.db, &c->held.db) &&
           fileid_same(&c->now.wal, &c->held.wal) &&
           fileid_same(&c->now.shm, &c->held.shm);
}

/*
 * Of a file that was moved SQLite copies and removes nothing at the close; of
 * one whose WAL was it would remove another one by name. So all is copied here
 * and the WAL cut to nothing, as far as no reader is in the way: the last one
 * finds none.
 */
static void fold_home(struct sqlite3 *raw)
{
    sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_busy_handler(raw, NULL, NULL);
    sqlite3_wal_checkpoint_v2(raw, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL,
                              NULL);
}

bool db_claim_part(struct claim *c, struct sqlite3 *raw, bool fold)
{
    c->parted = !is_in_place(c);
    if (!c->parted && !fold)
        return true;
    if (c->parted) /* most of it without the lock */
        sqlite3_wal_checkpoint_v2(raw, "main", SQLITE_CHECKPOINT_PASSIVE, NULL,
                                  NULL);
    bool locked = lock(c, true, loop_clock_ms() + PART_LOCK_MS);
    c->parted = !locked || !is_in_place(c);
    if (!locked)
        sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    else if (c->parted)
        fold_home(raw);
    else
        sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return locked;
}

void db_claim_parted(struct claim *c)
{
    if (c->parted && c->lock >= 0)
        db_former_folded(c);
    db_claim_end(c);
    c->held = (struct trio){.db = {.inode = 0}};
}

static bool is_lost(const struct claim *c, const char *suffix,
                    const struct file_id *held)
{
    struct file_id now;

    fileid_at(c->path, suffix, &now);
    return held->inode != 0 && !fileid_same(&now, held);
}

bool db_claim_lost_wal(const struct claim *c)
{
    return is_lost(c, "-wal", &c->held.wal) || is_lost(c, "-shm", &c->held.shm);
}
