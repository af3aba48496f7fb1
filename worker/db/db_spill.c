#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/log.h"

#include "worker/db/db_private.h"

#include "worker/db/db.h"

enum {
    /* A statement's journal, which undoes it alone, goes to a file then. */
    JOURNAL_BYTES = 1 << 20,
    /*
     * The sorter's runs are as large as cache_size says (db_open.c), and are
     * to be small; the pages of the database are to stay in memory all the
     * same. So a page cache holds that many times what SQLite asks for: 40 MB
     * of the database, 20 MB of each table that a statement makes for itself.
     */
    CACHE_TIMES = 10,
    CACHE_PAGES_MAX = INT_MAX / CACHE_TIMES,

    LOOK_BYTES = 1 << 20, /* written between two looks at the room left */
    /* What is left to writers, whose rows are worth more than a sort; of a
     * small file system no more than a part. */
    RESERVE_BYTES = 64 << 20,
    RESERVE_PART = 16,
};

/* ---- memory -------------------------------------------------------------- */

static sqlite3_pcache_methods2 page_cache; /* SQLite's own */

/* "Advisory only": sqlite.org/c3ref/pcache_methods2.html */
static void on_cache_size(sqlite3_pcache *cache, int pages)
{
    page_cache.xCachesize(cache, pages < CACHE_PAGES_MAX ? pages * CACHE_TIMES
                                                         : pages);
}

void db_spill_configure(void)
{
    sqlite3_pcache_methods2 larger;

    sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, JOURNAL_BYTES);
    sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &page_cache);
    larger = page_cache;
    larger.xCachesize = on_cache_size;
    sqlite3_config(SQLITE_CONFIG_PCACHE2, &larger);
}

/* ---- files --------------------------------------------------------------- */

/*
 * Only temporary files are opened through this layer; for all others it
 * passes SQLite's own file on, and stands in no way.
 */
static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *below;
    char folder[PATH_BYTES]; /* "": not chosen */
} spill;

struct spill_file {
    sqlite3_file base;
    sqlite3_int64 granted; /* bytes for which there was room */
    sqlite3_file *below;   /* behind this struct */
};

static struct spill_file *spill_file(sqlite3_file *file)
{
    return (struct spill_file *)file;
}

static sqlite3_file *below(sqlite3_file *file)
{
    return spill_file(file)->below;
}

/*
 * SQLite reports what a temporary file refuses as if it had been the database:
 * an SQLITE_IOERR would be damage, and after that or SQLITE_FULL SQLite gives
 * up the whole transaction and every other statement that runs in it. By a
 * code of our own the statement ends alone. The reason is logged once a
 * process: as many statements may meet it as there are clients.
 */
static int refused(int code, const char *what)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    int reason = errno;

    if (code == SQLITE_OK)
        return SQLITE_OK;
    if (!atomic_flag_test_and_set(&said))
        log_warning("A statement's temporary file cannot be %s: %s (%s)", what,
                    sqlite3_errstr(code), strerror(reason));
    return DB_CODE_SPILL;
}

/* Where it cannot be known, the write itself shows. */
static bool has_room(sqlite3_int64 bytes)
{
    struct statvfs disk;

    if (statvfs(spill.folder, &disk) != 0)
        return true;
    uint64_t reserve = (uint64_t)disk.f_blocks * disk.f_frsize / RESERVE_PART;
    if (reserve > RESERVE_BYTES)
        reserve = RESERVE_BYTES;
    uint64_t left = (uint64_t)disk.f_bavail * disk.f_frsize;
    return left >= reserve + (uint64_t)bytes;
}

/* Several files grow at once, each by what it was granted and no more. */
static bool grant(struct spill_file *f, sqlite3_int64 end)
{
    if (end <= f->granted)
        return true;
    sqlite3_int64 wanted = end + LOOK_BYTES;
    if (!has_room(wanted - f->granted))
        return false;
    f->granted = wanted;
    return true;
}

static int on_write(sqlite3_file *file, const void *from, int len,
                    sqlite3_int64 at)
{
    if (!grant(spill_file(file), at + len))
        return DB_CODE_SPILL;
    return refused(below(file)->pMethods->xWrite(below(file), from, len, at),
                   "written");
}

static int on_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at)
{
    int code = below(file)->pMethods->xRead(below(file), to, len, at);

    return code == SQLITE_IOERR_SHORT_READ ? code : refused(code, "read");
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return refused(below(file)->pMethods->xTruncate(below(file), size), "cut");
}

static int on_sync(sqlite3_file *file, int flags)
{
    (void)file, (void)flags;
    return SQLITE_OK; /* it does not outlive the process */
}

static int on_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return refused(below(file)->pMethods->xFileSize(below(file), size),
                   "looked at");
}

static int on_lock(sqlite3_file *file, int level)
{
    (void)file, (void)level;
    return SQLITE_OK; /* nobody else can open it */
}

static int on_check(sqlite3_file *file, int *reserved)
{
    (void)file;
    *reserved = 0;
    return SQLITE_OK;
}

/* Not the hint of its size: SQLite would have the file made that large, which
 * nobody granted. */
static int on_control(sqlite3_file *file, int what, void *value)
{
    if (what == SQLITE_FCNTL_SIZE_HINT)
        return SQLITE_OK;
    return below(file)->pMethods->xFileControl(below(file), what, value);
}

static int on_sector(sqlite3_file *file)
{
    return below(file)->pMethods->xSectorSize(below(file));
}

static int on_traits(sqlite3_file *file)
{
    return below(file)->pMethods->xDeviceCharacteristics(below(file));
}

static int on_close(sqlite3_file *file)
{
    return below(file)->pMethods->xClose(below(file));
}

static int open_temporary(sqlite3_file *file, int flags, int *out)
{
    static const sqlite3_io_methods methods = {
        .iVersion = 1, /* so it is not mapped: a failing disk would be SIGBUS */
        .xClose = on_close,
        .xRead = on_read,
        .xWrite = on_write,
        .xTruncate = on_truncate,
        .xSync = on_sync,
        .xFileSize = on_size,
        .xLock = on_lock,
        .xUnlock = on_lock,
        .xCheckReservedLock = on_check,
        .xFileControl = on_control,
        .xSectorSize = on_sector,
        .xDeviceCharacteristics = on_traits,
    };
    struct spill_file *f = spill_file(file);

    *f = (struct spill_file){.below = (sqlite3_file *)(void *)(f + 1)};
    int code = spill.below->xOpen(spill.below, NULL, f->below, flags, out);
    if (code == SQLITE_OK)
        f->base.pMethods = &methods;
    return refused(code, "made");
}

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
                   int flags, int *out)
{
    (void)vfs;
    if (name == NULL)
        return open_temporary(file, flags, out);
    return spill.below->xOpen(spill.below, name, file, flags, out);
}

bool db_spill_begin(void)
{
    spill.below = sqlite3_vfs_find(NULL);
    spill.vfs = *spill.below;
    spill.vfs.zName = "prong";
    spill.vfs.szOsFile = (int)sizeof(struct spill_file) + spill.below->szOsFile;
    spill.vfs.xOpen = on_open;
    return sqlite3_vfs_register(&spill.vfs, 1) == SQLITE_OK;
}

/* ---- the folder ---------------------------------------------------------- */

void db_spill_beside(const char *path)
{
    db_folder(path, spill.folder);
    sqlite3_free(sqlite3_temp_directory);
    sqlite3_temp_directory = db_must(sqlite3_mprintf("%s", spill.folder));
}

/* SQLite's name for one, and hexadecimal digits (os_unix.c). */
static bool is_temporary(const char *name)
{
    static const char prefix[] = "etilqs_";
    const char *at = name + sizeof prefix - 1;

    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || *at == '\0')
        return false;
    while (isxdigit((unsigned char)*at))
        at++;
    return *at == '\0';
}

static bool is_empty_file(int folder, const char *name)
{
    struct stat st;

    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st.st_mode) && st.st_size == 0;
}

void db_spill_sweep(const char *path)
{
    char folder[PATH_BYTES];
    struct dirent *entry;

    db_folder(path, folder);
    DIR *dir = opendir(folder);
    while (dir && (entry = readdir(dir)) != NULL)
        if (is_temporary(entry->d_name) &&
            is_empty_file(dirfd(dir), entry->d_name) &&
            unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            log_info("Removed %s/%s, which was left by a process that was "
                     "killed",
                     folder, entry->d_name);
    if (dir)
        closedir(dir);
}
