#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/loop.h"
#include "worker/db/db_backup.h"
#include "worker/db/partfile.h"

#include "worker/db/restore.h"

enum {
    /* The bytes that SQLite locks of a database (sqlite.org/lockingv3.html):
     * pending, reserved, and 510 that readers share. In WAL mode each
     * connection holds one of these as long as it is open. */
    LOCK_AT = 0x40000000,
    LOCK_BYTES = 1 + 1 + 510,
    PAGE = 4096,
    STEP = 256 * PAGE, /* copied between two looks at the progress */
};

struct restoring {
    const char *database; /* no symbolic link: the WAL lies beside the file */
    const char *file;
    const struct backup_progress *progress;
    struct restore_report *out;
    struct partfile part;
    int lock; /* descriptor of the former database; -1: there is none */
};

/* ---- the lock ------------------------------------------------------------*/

static struct flock whole_lock(short type)
{
    return (struct flock){.l_type = type,
                          .l_whence = SEEK_SET,
                          .l_start = LOCK_AT,
                          .l_len = LOCK_BYTES};
}

/* Says who has it open, as far as the kernel does. */
static bool blame_user(const struct restoring *r, struct fault *fault)
{
    struct flock lock = whole_lock(F_WRLCK);
    char path[64];
    char name[32] = "";

    if (fcntl(r->lock, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK ||
        lock.l_pid <= 0)
        return fault_set(fault, "database %s is in use; stop the server first",
                         r->database);
    snprintf(path, sizeof path, "/proc/%d/comm", (int)lock.l_pid);
    FILE *f = fopen(path, "re");
    if (f && fgets(name, sizeof name, f))
        name[strcspn(name, "\n")] = '\0';
    if (f)
        fclose(f);
    return fault_set(fault,
                     "database %s is in use by process %d (%s); stop the "
                     "server first",
                     r->database, (int)lock.l_pid, name);
}

/* Another restore may have ended since the file was opened. */
static bool still_there(const struct restoring *r, struct fault *fault)
{
    struct stat held;
    struct stat now;

    if (fstat(r->lock, &held) == 0 && stat(r->database, &now) == 0 &&
        held.st_ino == now.st_ino && held.st_dev == now.st_dev)
        return true;
    return fault_set(fault, "database %s was replaced just now", r->database);
}

/* A lock of the open file, not of the process: closing what SQLite opens of
 * the same file here would drop the latter (fcntl(2)). */
static bool take_lock(struct restoring *r, struct fault *fault)
{
    struct flock lock = whole_lock(F_WRLCK);

    r->lock = open(r->database, O_RDWR | O_CLOEXEC);
    if (r->lock < 0)
        return errno == ENOENT || fault_set(fault, "database %s: %s",
                                            r->database, strerror(errno));
    if (fcntl(r->lock, F_OFD_SETLK, &lock) == 0)
        return still_there(r, fault);
    if (errno == EAGAIN || errno == EACCES)
        return blame_user(r, fault);
    return fault_set(fault, "database %s cannot be locked: %s", r->database,
                     strerror(errno));
}

/* ---- the copy ------------------------------------------------------------*/

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return true;
}

/* Returns false with errno; ECANCELED when told to give up. */
static bool pour(const struct restoring *r, int from, int to, int64_t size)
{
    const struct backup_progress *p = r->progress;
    char *block = malloc(STEP);
    int64_t done = 0;
    ssize_t n = 0;

    while (block && (n = read(from, block, STEP)) > 0) {
        if (!write_all(to, block, (size_t)n))
            break;
        done += n;
        if (p && !p->on_pages(p->self, done / PAGE, size / PAGE)) {
            errno = ECANCELED;
            break;
        }
    }
    int reason = errno;
    free(block);
    errno = reason;
    return block && n == 0;
}

static bool blame_copy(const struct restoring *r, struct fault *fault)
{
    if (errno == ECANCELED)
        return fault_set(fault, "it was interrupted");
    if (errno == ENOSPC)
        return fault_set(fault, "no space left for a copy of %s beside %s",
                         r->file, r->database);
    return fault_set(fault, "copying %s: %s", r->file, strerror(errno));
}

static bool copy(struct restoring *r, const struct stat *st,
                 struct fault *fault)
{
    int from = open(r->file, O_RDONLY | O_CLOEXEC);
    int to = open(r->part.path, O_WRONLY | O_CLOEXEC);
    bool ok = from >= 0 && to >= 0 && pour(r, from, to, st->st_size);

    if (!ok)
        blame_copy(r, fault);
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    r->out->bytes = (uint64_t)st->st_size;
    return ok;
}

/* The copy is what is checked, so nothing can change afterwards. */
static bool make_part(struct restoring *r, const struct stat *st,
                      struct fault *fault)
{
    struct fault why;

    if (!partfile_room(r->database, (uint64_t)st->st_size, fault) ||
        !copy(r, st, fault))
        return false;
    if (!db_backup_verify(r->part.path, r->progress, &r->out->orphans, &why) ||
        db_backup_fold(r->part.path, true, &why) != DB_DONE)
        return fault_set(fault, "%s: %s", r->file, why.text);
    return true;
}

/* ---- the former database -------------------------------------------------*/

enum { NAME_BYTES = PARTFILE_PATH + 64 };

static void name_beside(char out[NAME_BYTES], const char *path,
                        const char *suffix)
{
    snprintf(out, NAME_BYTES, "%.*s%s", PARTFILE_PATH, path, suffix);
}

static bool same_file(const char *a, const char *b)
{
    struct stat x;
    struct stat y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_ino == y.st_ino &&
           x.st_dev == y.st_dev;
}

/* Of a restore that was killed between its steps 4 and 6: a second name of the
 * database that is served. Kept when it has a WAL, which may be the only one.
 */
static void drop_second_name(const struct restoring *r, const char *name)
{
    char wal[NAME_BYTES];

    name_beside(wal, name, "-wal");
    if (same_file(name, r->database) && access(wal, F_OK) != 0)
        unlink(name);
}

static void drop_second_names(const struct restoring *r)
{
    char folder[PARTFILE_PATH];
    char path[NAME_BYTES];
    char begin[NAME_BYTES];
    const char *slash = strrchr(r->database, '/');
    struct dirent *entry;

    partfile_folder(r->database, folder);
    name_beside(begin, slash ? slash + 1 : r->database, ".before-");
    DIR *dir = opendir(folder);
    while (dir && (entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, begin, strlen(begin)) != 0)
            continue;
        snprintf(path, sizeof path, "%.*s/%s", PARTFILE_PATH - 300, folder,
                 entry->d_name);
        drop_second_name(r, path);
    }
    if (dir)
        closedir(dir);
}

/* The name that the former one keeps; another when two restores fall into
 * one second. */
static bool link_aside(struct restoring *r, struct fault *fault)
{
    char *aside = r->out->aside;
    char second[32];
    struct tm tm;
    time_t now = time(NULL);

    gmtime_r(&now, &tm);
    strftime(second, sizeof second, "%Y%m%dT%H%M%SZ", &tm);
    for (int n = 0; n < 100; n++) {
        int len = snprintf(aside, sizeof r->out->aside,
                           n ? "%s.before-%s-%d" : "%s.before-%s", r->database,
                           second, n);
        if (len < (int)sizeof r->out->aside - 16 &&
            link(r->database, aside) == 0)
            return true;
        if (errno != EEXIST)
            break;
    }
    fault_set(fault, "%s cannot be kept as %s: %s", r->database, aside,
              strerror(errno));
    *aside = '\0';
    return false;
}

/* A journal that could not be folded in belongs to the former one for ever. */
static bool link_journals(struct restoring *r, struct fault *fault)
{
    static const char *const suffixes[] = {"-wal", "-journal"};
    char from[NAME_BYTES];
    char to[NAME_BYTES];

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        name_beside(from, r->database, suffixes[i]);
        name_beside(to, r->out->aside, suffixes[i]);
        bool linked = link(from, to) == 0;
        if (!linked && errno != ENOENT)
            return fault_set(fault, "%s cannot be kept as %s: %s", from, to,
                             strerror(errno));
        r->out->journal |= linked;
    }
    return true;
}

static bool remove_journals(const struct restoring *r, struct fault *fault)
{
    static const char *const suffixes[] = {"-wal", "-journal", "-shm"};
    char name[NAME_BYTES];

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        name_beside(name, r->database, suffixes[i]);
        if (unlink(name) != 0 && errno != ENOENT)
            return fault_set(fault, "%s cannot be removed: %s", name,
                             strerror(errno));
    }
    return partfile_sync_folder(r->database, fault);
}

/* One that is damaged stays so; anything else that fails could be mended. */
static bool fold(const struct restoring *r, struct fault *fault)
{
    struct fault why;
    enum db_result result = db_backup_fold(r->database, true, &why);

    return result == DB_DONE || result == DB_CORRUPT ||
           fault_set(fault, "the WAL of %s cannot be folded into it: %s",
                     r->database, why.text);
}

/* Steps 3 to 5 of the header. */
static bool put_aside(struct restoring *r, struct fault *fault)
{
    if (r->lock >= 0 &&
        (!fold(r, fault) || !link_aside(r, fault) || !link_journals(r, fault) ||
         !partfile_sync_folder(r->database, fault)))
        return false;
    return remove_journals(r, fault);
}

/* ---- all of it -----------------------------------------------------------*/

static bool proceed(struct restoring *r, const struct stat *st,
                    struct fault *fault)
{
    struct stat former;

    if (!take_lock(r, fault))
        return false;
    if (r->lock >= 0 && fstat(r->lock, &former) != 0)
        return fault_set(fault, "%s: %s", r->database, strerror(errno));
    drop_second_names(r);
    if (!partfile_open(&r->part, r->database, r->lock >= 0 ? &former : st,
                       fault))
        return false;
    bool ok = make_part(r, st, fault) && partfile_sync(&r->part, fault) &&
              put_aside(r, fault) && partfile_place(&r->part, fault);
    partfile_drop(&r->part);
    if (!ok)
        drop_second_names(r);
    return ok;
}

static bool check_file(const struct restoring *r, struct stat *st,
                       struct fault *fault)
{
    if (stat(r->file, st) != 0)
        return fault_set(fault, "%s: %s", r->file, strerror(errno));
    if (same_file(r->file, r->database))
        return fault_set(fault, "%s is the database itself", r->file);
    return backup_glance(r->file, fault);
}

bool restore_make(const char *database, const char *file,
                  const struct backup_progress *progress,
                  struct restore_report *out, struct fault *fault)
{
    uint64_t begin_ns = loop_clock_ns();
    char *real = realpath(database, NULL);
    struct restoring r = {.database = real ? real : database,
                          .file = file,
                          .progress = progress,
                          .out = out,
                          .lock = -1};
    struct stat st;

    *out = (struct restore_report){.bytes = 0};
    bool ok = check_file(&r, &st, fault) && proceed(&r, &st, fault);
    if (r.lock >= 0)
        close(r.lock); /* and with it the lock */
    free(real);
    out->took_ns = loop_clock_ns() - begin_ns;
    return ok;
}
