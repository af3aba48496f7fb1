#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/segment/lockowner.h"

#include "worker/db/db_claim.h"

#include "worker/db/db_former.h"

enum {
    FORMER_MAX = 9, /* of one file, that nobody has folded */
    NAME_BYTES = PATH_BYTES + 64,
};

static const struct file_id none = {.inode = 0};

static void name_beside(const struct claim *c, const char *suffix,
                        char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, "%s%s", c->path, suffix);
}

/* By the number and birth of the database that it belongs to. */
static void name_aside(const struct claim *c, const struct file_id *db, int n,
                       char out[NAME_BYTES])
{
    char more[16] = "";

    if (n > 1)
        snprintf(more, sizeof more, ".%d", n);
    snprintf(out, NAME_BYTES, "%.*s.former-%" PRIu64 "-%" PRIx64 "%s-wal",
             PATH_BYTES, c->path, db->inode, (uint64_t)db->born_ns, more);
}

static bool is_empty(const char *name)
{
    struct stat st;

    return stat(name, &st) == 0 && st.st_size == 0;
}

static bool is_open(const struct file_id *db)
{
    struct lockowner who;

    return lockowner_pair(db, &none, false, &who);
}

/* ---- setting aside -------------------------------------------------------*/

/* The next name that is free. */
static bool move_aside(const struct claim *c, const char *wal,
                       const struct file_id *db, struct fault *fault)
{
    char aside[NAME_BYTES];
    bool moved = false;

    for (int n = 1; !moved && n <= FORMER_MAX; n++) {
        name_aside(c, db, n, aside);
        moved =
            renameat2(AT_FDCWD, wal, AT_FDCWD, aside, RENAME_NOREPLACE) == 0;
        if (!moved && errno != EEXIST)
            break;
    }
    if (moved)
        log_info("Set %s aside as %s: it belongs to the former database", wal,
                 aside);
    return moved ||
           fault_set(fault,
                     "the WAL of the former one cannot be set aside as %s: %s",
                     aside, strerror(errno));
}

/* When it was written to last, in ns of Unix time; 0: it is not there. */
static int64_t written_ns(const char *name)
{
    struct stat st;

    if (stat(name, &st) != 0)
        return 0;
    return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* Of those who had it open the last was killed, and now it is back. Where
 * births are unknown a file may only have got the number of a dead one. */
static void give_back(const struct claim *c)
{
    char aside[NAME_BYTES];
    char wal[NAME_BYTES];

    if (c->now.db.born_ns == 0)
        return;
    name_aside(c, &c->now.db, 1, aside);
    name_beside(c, "-wal", wal);
    if (renameat2(AT_FDCWD, aside, AT_FDCWD, wal, RENAME_NOREPLACE) == 0)
        log_warning("Gave %s back as %s: its database is here again", aside,
                    wal);
}

/*
 * The same at the start of a server, which does not know what happened to the
 * file since then: it is as it was if nobody has written to it after its WAL.
 * Else that might undo, page by page, what was written: then an operator has
 * to say.
 */
static bool give_back_if_sure(const struct claim *c, struct fault *fault)
{
    char aside[NAME_BYTES];

    name_aside(c, &c->now.db, 1, aside);
    int64_t aside_ns = written_ns(aside);
    if (aside_ns == 0 || c->now.db.born_ns == 0 || is_empty(aside))
        return true;
    if (c->now.wal.inode != 0 || written_ns(c->path) > aside_ns)
        return fault_set(fault,
                         "its last commits are in %s; put that beside it as "
                         "its -wal, or away if it is outdated",
                         aside);
    give_back(c);
    return true;
}

static bool set_aside(struct claim *c, const struct trio *was,
                      struct fault *fault)
{
    char name[NAME_BYTES];
    bool in_use = is_open(&was->db);

    name_beside(c, "-wal", name);
    if (c->now.wal.inode != 0 && !in_use && is_empty(name))
        unlink(name);
    else if (c->now.wal.inode != 0 && !move_aside(c, name, &was->db, fault))
        return false;
    name_beside(c, "-shm", name);
    unlink(name);
    c->now.wal = c->now.shm = none;
    return true;
}

/* ---- whose it is ---------------------------------------------------------*/

static bool is_there_still(const struct file_id *now, const struct file_id *was)
{
    return now->inode != 0 && fileid_same(now, was);
}

/*
 * Another file is at the name than the record says. What else than the
 * former's lies beside it was brought along with it; but a -wal beside the
 * former's -shm is the former's, made by somebody who was killed. While the
 * record knows of no WAL it may also be of somebody who was killed before he
 * recorded it, so that it is believed only if the two are open together.
 */
static bool is_the_formers(const struct claim *c, const struct trio *was)
{
    struct lockowner who;

    if (is_there_still(&c->now.wal, &was->wal) ||
        is_there_still(&c->now.shm, &was->shm))
        return true;
    return was->wal.inode == 0 &&
           (c->now.wal.inode != 0 || c->now.shm.inode != 0) &&
           !lockowner_pair(&c->now.db, &c->now.shm, true, &who);
}

/* Those who have it open must have it with the -shm that lies beside it, and
 * that goes with the -wal. */
static bool is_free(const struct claim *c, const struct trio *was,
                    struct fault *fault)
{
    bool wal_changed = !fileid_same(&c->now.wal, &was->wal) &&
                       fileid_same(&c->now.shm, &was->shm);
    struct lockowner who;

    if (!lockowner_pair(&c->now.db, wal_changed ? &none : &c->now.shm, false,
                        &who))
        return true;
    return fault_set(
        fault, "process %d (%s) has it open with a WAL that is not beside it",
        (int)who.pid, who.command);
}

/* Nothing is recorded: a server that begins, or another program of ours beside
 * one that has not yet noticed that its file was replaced. */
static bool is_unmixed(const struct claim *c, struct fault *fault)
{
    struct lockowner who;

    if (!lockowner_pair(&c->now.shm, &c->now.db, false, &who))
        return true;
    return fault_set(
        fault,
        "what lies beside it belongs to a file that process %d (%s) has open",
        (int)who.pid, who.command);
}

/* From here on what appears beside the file is its own, whoever makes it and
 * is killed. */
bool db_former_clear(struct claim *c, struct fault *fault)
{
    struct trio was;

    if (c->record == NULL || !journal_read(c->record, &was))
        return is_unmixed(c, fault) && give_back_if_sure(c, fault);
    bool same = fileid_same(&was.db, &c->now.db);
    if (!same && is_the_formers(c, &was) && !set_aside(c, &was, fault))
        return false;
    if (!is_free(c, &was, fault))
        return false;
    journal_write(c->record, &c->now);
    if (c->now.db.inode != 0 && c->now.wal.inode == 0)
        give_back(c);
    return true;
}

/* ---- afterwards ----------------------------------------------------------*/

/* Under the former name only when that is no longer the database's. */
static void remove_folded(const struct claim *c, const char *name)
{
    struct file_id id;

    fileid_at(name, "", &id);
    if (is_there_still(&id, &c->held.wal) && is_empty(name) &&
        unlink(name) == 0)
        log_info("Removed %s: all of it is in the former database", name);
}

void db_former_folded(const struct claim *c)
{
    char name[NAME_BYTES];

    if (is_open(&c->held.db))
        return;
    name_beside(c, "-wal", name);
    remove_folded(c, name);
    for (int n = 1; n <= FORMER_MAX; n++) {
        name_aside(c, &c->held.db, n, name);
        remove_folded(c, name);
    }
}
