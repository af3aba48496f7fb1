#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/loop.h"
#include "worker/db/db_backup.h"
#include "worker/db/partfile.h"

#include "worker/db/backup.h"

/* ---- what must not be written over ---------------------------------------*/

/* Beside a database that somebody writes lies one of these; and a copy put in
 * its place would be opened with them and torn. */
static bool has_journal(const char *file, struct fault *fault)
{
    static const char *const suffixes[] = {"-wal", "-journal"};
    char name[PARTFILE_PATH + 16];
    struct stat st;

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(name, sizeof name, "%s%s", file, suffixes[i]);
        if (stat(name, &st) == 0) {
            fault_set(fault, "%s is a database in use: there is %s%s", file,
                      file, suffixes[i]);
            return true;
        }
    }
    return false;
}

/* Put beside a database, a file of such a name would be played into it. */
static bool is_sqlites_own(const char *file)
{
    static const char *const suffixes[] = {"-wal", "-journal", "-shm"};
    size_t len = strlen(file);

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t n = strlen(suffixes[i]);
        if (len >= n && strcmp(file + len - n, suffixes[i]) == 0)
            return true;
    }
    return false;
}

static bool begins_well(const char *file, struct fault *fault)
{
    static const char magic[16] = "SQLite format 3"; /* with its NUL */
    char head[sizeof magic];
    struct stat st;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &st) != 0) {
        fault_set(fault, "%s: %s", file, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok = S_ISREG(st.st_mode) &&
              pread(fd, head, sizeof head, 0) == sizeof head &&
              memcmp(head, magic, sizeof magic) == 0;
    close(fd);
    return ok || fault_set(fault, "%s is not a SQLite database", file);
}

static bool may_replace(const char *file, const struct stat *database,
                        struct fault *fault)
{
    struct stat st;

    if (strlen(file) >= PARTFILE_PATH)
        return fault_set(fault, "%.60s…: the name is too long", file);
    if (is_sqlites_own(file))
        return fault_set(fault, "%s is a name for SQLite's own files", file);
    if (lstat(file, &st) != 0)
        return errno == ENOENT
                   ? !has_journal(file, fault)
                   : fault_set(fault, "%s: %s", file, strerror(errno));
    if (st.st_ino == database->st_ino && st.st_dev == database->st_dev)
        return fault_set(fault, "%s is the database itself", file);
    if (!S_ISREG(st.st_mode))
        return fault_set(fault, "%s is not a regular file", file);
    if (st.st_size > 0 && !begins_well(file, fault))
        return fault_set(fault, "%s is there, and is no database", file);
    return !has_journal(file, fault);
}

/* ---- the copy ------------------------------------------------------------*/

/* The source is open no longer than it must be: while it is, the WAL grows. */
static bool copy(const char *database, const struct partfile *part,
                 const struct backup_progress *progress, struct fault *fault)
{
    struct db_source *s = db_source_open(database, fault);
    bool ok = s && partfile_room(part->target, db_source_bytes(s), fault) &&
              db_source_copy(s, part->path, progress, fault);

    db_source_close(s);
    return ok;
}

static bool make_good(const struct partfile *part,
                      const struct backup_progress *progress,
                      struct backup_report *out, struct fault *fault)
{
    struct fault why;

    if (db_backup_fold(part->path, false, &why) == DB_DONE &&
        db_backup_verify(part->path, progress, &out->orphans, &why))
        return true;
    return fault_set(fault, "the copy is not good: %s", why.text);
}

static bool measure(const char *file, struct backup_report *out,
                    struct fault *fault)
{
    struct stat st;

    if (stat(file, &st) != 0)
        return fault_set(fault, "%s: %s", file, strerror(errno));
    out->bytes = (uint64_t)st.st_size;
    return true;
}

bool backup_make(const char *database, const char *file,
                 const struct backup_progress *progress,
                 struct backup_report *out, struct fault *fault)
{
    uint64_t begin_ns = loop_clock_ns();
    struct partfile part;
    struct stat st;

    *out = (struct backup_report){0};
    if (stat(database, &st) != 0)
        return fault_set(fault, "database %s: %s", database, strerror(errno));
    if (!may_replace(file, &st, fault) ||
        !partfile_open(&part, file, &st, fault))
        return false;
    bool ok = copy(database, &part, progress, fault) &&
              make_good(&part, progress, out, fault) &&
              measure(part.path, out, fault) && partfile_sync(&part, fault) &&
              partfile_place(&part, fault);
    partfile_drop(&part);
    out->took_ns = loop_clock_ns() - begin_ns;
    return ok;
}

/* ---- a file given to us --------------------------------------------------*/

bool backup_glance(const char *file, struct fault *fault)
{
    return begins_well(file, fault) && !has_journal(file, fault);
}

bool backup_check(const char *file, struct fault *fault)
{
    struct fault why;
    uint64_t orphans;

    if (!backup_glance(file, fault))
        return false;
    return db_backup_verify(file, NULL, &orphans, &why) ||
           fault_set(fault, "%s: %s", file, why.text);
}
