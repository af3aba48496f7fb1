/*
 * disk: a file system in front of SQLite's own, which counts what is written
 * and synced, refuses it when told to, and tells a listener. Nothing is
 * really synced: for all but a loss of power that makes no difference.
 */
#ifndef PRONG_TEST_DISK_H
#define PRONG_TEST_DISK_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <sqlite3.h>

#include "scratch.h"

enum disk_part { DISK_DATABASE, DISK_WAL, DISK_REST, DISK_PARTS };

/* Before it happens; a cut is a write of no bytes at the new end. */
struct disk_listener {
    void (*on_write)(enum disk_part part, const void *bytes, size_t len,
                     size_t at);
    void (*on_sync)(enum disk_part part);
};

static struct disk {
    sqlite3_vfs vfs;
    sqlite3_vfs *below;
    unsigned writes[DISK_PARTS];
    unsigned syncs[DISK_PARTS];
    int refuse_write[DISK_PARTS]; /* with this code; 0: not at all */
    int refuse_sync[DISK_PARTS];
    struct disk_listener listener;
} disk;

struct disk_file {
    sqlite3_file base;
    enum disk_part part;
    sqlite3_file *below; /* behind this struct */
};

static inline struct disk_file *disk_file(sqlite3_file *file)
{
    return (struct disk_file *)file;
}

static inline int disk_close(sqlite3_file *file)
{
    sqlite3_file *below = disk_file(file)->below;

    return below->pMethods->xClose(below);
}

static inline int disk_read(sqlite3_file *file, void *to, int len,
                            sqlite3_int64 at)
{
    sqlite3_file *below = disk_file(file)->below;

    return below->pMethods->xRead(below, to, len, at);
}

static inline int disk_write(sqlite3_file *file, const void *from, int len,
                             sqlite3_int64 at)
{
    struct disk_file *f = disk_file(file);

    disk.writes[f->part]++;
    if (disk.refuse_write[f->part])
        return disk.refuse_write[f->part];
    if (disk.listener.on_write)
        disk.listener.on_write(f->part, from, (size_t)len, (size_t)at);
    return f->below->pMethods->xWrite(f->below, from, len, at);
}

static inline int disk_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct disk_file *f = disk_file(file);

    if (disk.listener.on_write)
        disk.listener.on_write(f->part, NULL, 0, (size_t)size);
    return f->below->pMethods->xTruncate(f->below, size);
}

static inline int disk_sync(sqlite3_file *file, int flags)
{
    struct disk_file *f = disk_file(file);

    (void)flags;
    disk.syncs[f->part]++;
    if (disk.refuse_sync[f->part])
        return disk.refuse_sync[f->part];
    if (disk.listener.on_sync)
        disk.listener.on_sync(f->part);
    return SQLITE_OK;
}

static inline int disk_size(sqlite3_file *file, sqlite3_int64 *size)
{
    sqlite3_file *below = disk_file(file)->below;

    return below->pMethods->xFileSize(below, size);
}

static inline int disk_lock(sqlite3_file *file, int level)
{
    sqlite3_file *below = disk_file(file)->below;

    return below->pMethods->xLock(below, level);
}

static inline int disk_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *below = disk_file(file)->below;

    return below->pMethods->xUnlock(below, level);
}

static inline int disk_check(sqlite3_file *file, int *reserved)
{
    sqlite3_file *below = disk_file(file)->below;

    return below->pMethods->xCheckReservedLock(below, reserved);
}

static inline int disk_control(sqlite3_file *file, int what, void *value)
{
    struct disk_file *f = disk_file(file);

    if (what == SQLITE_FCNTL_LAST_ERRNO && disk.refuse_sync[f->part]) {
        *(int *)value = EIO;
        return SQLITE_OK;
    }
    return f->below->pMethods->xFileControl(f->below, what, value);
}

static inline int disk_sector(sqlite3_file *file)
{
    sqlite3_file *below = disk_file(file)->below;

    return below->pMethods->xSectorSize(below);
}

/* None of the promises that the real file system may make. */
static inline int disk_traits(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static inline int disk_map(sqlite3_file *file, int region, int size, int extend,
                           void volatile **at)
{
    sqlite3_file *below = disk_file(file)->below;

    return below->pMethods->xShmMap(below, region, size, extend, at);
}

static inline int disk_shm_lock(sqlite3_file *file, int first, int count,
                                int flags)
{
    sqlite3_file *below = disk_file(file)->below;

    return below->pMethods->xShmLock(below, first, count, flags);
}

static inline void disk_barrier(sqlite3_file *file)
{
    sqlite3_file *below = disk_file(file)->below;

    below->pMethods->xShmBarrier(below);
}

static inline int disk_unmap(sqlite3_file *file, int delete)
{
    sqlite3_file *below = disk_file(file)->below;

    return below->pMethods->xShmUnmap(below, delete);
}

static inline int disk_open(sqlite3_vfs *vfs, const char *name,
                            sqlite3_file *file, int flags, int *out)
{
    static const sqlite3_io_methods methods = {
        .iVersion = 2,
        .xClose = disk_close,
        .xRead = disk_read,
        .xWrite = disk_write,
        .xTruncate = disk_truncate,
        .xSync = disk_sync,
        .xFileSize = disk_size,
        .xLock = disk_lock,
        .xUnlock = disk_unlock,
        .xCheckReservedLock = disk_check,
        .xFileControl = disk_control,
        .xSectorSize = disk_sector,
        .xDeviceCharacteristics = disk_traits,
        .xShmMap = disk_map,
        .xShmLock = disk_shm_lock,
        .xShmBarrier = disk_barrier,
        .xShmUnmap = disk_unmap,
    };
    struct disk_file *f = disk_file(file);

    (void)vfs;
    f->below = (sqlite3_file *)(void *)(f + 1);
    f->part = flags & SQLITE_OPEN_MAIN_DB ? DISK_DATABASE
              : flags & SQLITE_OPEN_WAL   ? DISK_WAL
                                          : DISK_REST;
    int code = disk.below->xOpen(disk.below, name, f->below, flags, out);
    f->base.pMethods = code == SQLITE_OK ? &methods : NULL;
    return code;
}

/* From now on what is opened is opened through it; nothing is counted yet. */
static inline void disk_insert(void)
{
    sqlite3_vfs *below = disk.below ? disk.below : sqlite3_vfs_find(NULL);

    disk = (struct disk){.vfs = *below, .below = below};
    disk.vfs.zName = "disk";
    disk.vfs.szOsFile = (int)sizeof(struct disk_file) + below->szOsFile;
    disk.vfs.xOpen = disk_open;
    assert_int_equal(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
}

/* What is open stays open through it. */
static inline void disk_remove(void)
{
    assert_int_equal(sqlite3_vfs_unregister(&disk.vfs), SQLITE_OK);
    assert_int_equal(sqlite3_vfs_register(disk.below, 1), SQLITE_OK);
}

static inline void disk_count_anew(void)
{
    memset(disk.writes, 0, sizeof disk.writes);
    memset(disk.syncs, 0, sizeof disk.syncs);
}

#endif
