/*
 * vault: a database whose WAL a keeper looks after: the keeper's connection, a
 * worker's that writes and another that reads, the segment between them, and
 * a disk whose syncs can fail.
 */
#ifndef PRONG_TEST_VAULT_H
#define PRONG_TEST_VAULT_H

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/unit/scratch.h"

#include "common/segment/bells.h"
#include "common/segment/board.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/settings/settings.h"
#include "common/segment/shared.h"
#include "common/segment/syncs.h"
#include "master/keeper/keeper_wal.h"

enum {
    LIMIT = 20, /* wal_autocheckpoint */
    SECOND = 1000,
    PAGE = 4096,
    MEGABYTE = 1 << 20,
    WORKER = 3, /* a slot */
};

/* A keeper's connection, a worker's, and a reader's. */
static struct vault {
    struct scratch *scratch;
    struct shared shared;
    struct settings settings;
    struct bells *bells;
    struct heritage heritage;
    struct keeper_wal *wal;
    struct db *db, *writer, *reader;
    char log[192];
} vault;

/* ---- a disk that fails ---- */

static bool disk_fails;
static struct syncs *disk_commits; /* one is made during the next sync */
static unsigned disk_syncs;

/* In place of the library's, for SQLite too. */
int fdatasync(int fd)
{
    disk_syncs++;
    if (disk_commits)
        syncs_commit(disk_commits);
    disk_commits = NULL;
    if (disk_fails) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return fdatasync(fd);
}

/* ---- setting up ---- */

static inline int vault_make(void **state)
{
    struct fault fault;

    vault = (struct vault){.settings = {.wal_autocheckpoint = LIMIT,
                                        .journal_size_limit = MEGABYTE,
                                        .durability = "full"}};
    disk_fails = false;
    if (scratch_make(state) != 0 || !shared_open(&vault.shared, 0, 1, &fault))
        return -1;
    vault.scratch = *state;
    vault.bells = bells_new();
    vault.heritage = (struct heritage){
        .settings = &vault.settings,
        .shared = &vault.shared,
        .slot = &vault.shared.slots[SLOT_KEEPER],
        .number = SLOT_KEEPER,
        .bells = vault.bells,
    };
    atomic_store(&vault.shared.slots[WORKER].pid, 77);
    snprintf(vault.log, sizeof vault.log, "%s/log", vault.scratch->dir);
    log_open(vault.log, LOG_INFO, false);
    vault.db = must_open(vault.scratch->path, DB_CREATE);
    vault.writer = must_open(vault.scratch->path, DB_SERVE);
    vault.reader = must_open(vault.scratch->path, DB_SERVE);
    must_run(vault.writer, "CREATE TABLE t(x)");
    vault.wal = keeper_wal_new(&vault.heritage);
    return vault.wal && vault.bells ? 0 : -1;
}

static inline int vault_remove(void **state)
{
    log_open("-", LOG_INFO, false);
    keeper_wal_free(vault.wal);
    db_close(vault.db);
    db_close(vault.writer);
    db_close(vault.reader);
    bells_free(vault.bells);
    shared_close(&vault.shared);
    return scratch_remove(state);
}

/* ---- what happens ---- */

/* In ms, as all times here. */
static inline uint64_t seconds(unsigned n)
{
    return n * UINT64_C(1000);
}

static inline uint64_t now(void)
{
    return loop_clock_ms();
}

/* Commits that grow the WAL by at least so many frames. */
static inline void write_frames(int frames)
{
    struct stmt *s = must_prepare(vault.writer, "INSERT INTO t VALUES(1)");
    struct checkpointed wal;

    db_wal_now(vault.writer, &wal);
    for (int end = wal.frames + frames; wal.frames < end;) {
        int before = wal.frames;
        assert_int_equal(run(s), DB_DONE);
        db_wal_now(vault.writer, &wal);
        if (wal.frames < before) /* it began anew */
            end = frames;
    }
    db_finalize(s);
}

static inline void look_at(uint64_t now_ms)
{
    keeper_wal_look(vault.wal, vault.db, now_ms);
}

/* What stands in the WAL. */
static inline int frames(void)
{
    struct checkpointed wal;

    db_wal_now(vault.writer, &wal);
    return wal.frames;
}

static inline int uncopied(void)
{
    struct checkpointed wal;

    db_wal_now(vault.writer, &wal);
    return wal.frames - wal.copied;
}

static inline struct board_wal figures(void)
{
    struct board_wal w;

    board_wal(vault.shared.board, &w);
    return w;
}

static inline long file_size(void)
{
    struct stat st;

    return stat(scratch_name(vault.scratch, "a.db-wal"), &st) == 0 ? st.st_size
                                                                   : -1;
}

static inline void begin_reading(void)
{
    db_share_reads(vault.reader);
    assert_int_equal(db_begin_read(vault.reader), DB_DONE);
    assert_true(one_int(vault.reader, "SELECT count(*) FROM t") >= 0);
}

static inline unsigned logged(const char *what)
{
    static char text[1 << 16];
    FILE *file = fopen(vault.log, "r");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    unsigned times = 0;

    text[n] = '\0';
    if (file)
        fclose(file);
    for (const char *at = text; (at = strstr(at, what)); at++)
        times++;
    return times;
}

#endif
