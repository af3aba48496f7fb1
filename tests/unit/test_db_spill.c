/* Temporary files: a disk that refuses them, and where they lie. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <sqlite3.h>

#include "sorts.h"

enum { FULL_AT = 1 << 20 }; /* bytes of one, from which on it is refused */

/* ---- a disk that refuses --------------------------------------------------
 */

static struct {
    int open_errno; /* with which a temporary file is refused; 0: it is not */
    int write_errno;
    int read_errno;
} disk;

static bool is_temporary(int fd)
{
    char link[64], target[256];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, target, sizeof target - 1);
    target[len < 0 ? 0 : len] = '\0';
    return strstr(target, "/etilqs_") != NULL;
}

static int disk_open(const char *path, int flags, int mode)
{
    if (disk.open_errno && strstr(path, "/etilqs_")) {
        errno = disk.open_errno;
        return -1;
    }
    return open(path, flags, mode);
}

static ssize_t disk_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    if (disk.write_errno && at > FULL_AT && is_temporary(fd)) {
        errno = disk.write_errno;
        return -1;
    }
    return pwrite(fd, bytes, len, at);
}

static ssize_t disk_pread(int fd, void *to, size_t len, off_t at)
{
    if (disk.read_errno && is_temporary(fd)) {
        errno = disk.read_errno;
        return -1;
    }
    return pread(fd, to, len, at);
}

/* sqlite.org/c3ref/vfs.html: "overriding system calls … to simulate faults" */
static void replace(const char *name, void (*call)(void))
{
    sqlite3_vfs *unix_vfs = sqlite3_vfs_find("unix");

    assert_int_equal(unix_vfs->xSetSystemCall(unix_vfs, name, call), SQLITE_OK);
}

static int plug_in(void **state)
{
    int result = scratch_make(state);

    memset(&disk, 0, sizeof disk);
    replace("open", (void (*)(void))disk_open);
    replace("pread", (void (*)(void))disk_pread);
    replace("pread64", (void (*)(void))disk_pread);
    replace("pwrite", (void (*)(void))disk_pwrite);
    replace("pwrite64", (void (*)(void))disk_pwrite);
    return result;
}

static int pull_out(void **state)
{
    replace("open", NULL);
    replace("pread", NULL);
    replace("pread64", NULL);
    replace("pwrite", NULL);
    replace("pwrite64", NULL);
    return scratch_remove(state);
}

/* A statement ends, and nothing else does: neither what runs beside it in the
 * same transaction, nor the transaction, nor the connection. */
static void refuses(struct db *db)
{
    struct stmt *beside = must_prepare(db, "SELECT v FROM t ORDER BY v");

    db_share_reads(db);
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_int_equal(stmt_step(beside), DB_ROW);
    assert_int_equal(run_sql(db, SORTED(LARGE)), DB_FULL);
    assert_string_equal(db_message(db),
                        "no space is left for its temporary file");
    assert_int_equal(stmt_step(beside), DB_ROW);
    assert_int_equal(stmt_int(beside, 0), 2);
    stmt_reset(beside);
    db_unshare(db);

    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run_sql(db, "UPDATE t SET w = w + 1 WHERE v = 1"),
                     DB_DONE);
    assert_int_equal(run_sql(db, SORTED(LARGE)), DB_FULL);
    assert_int_equal(db_commit(db), DB_DONE);
    uint64_t file = db_identity(db);
    assert_true(db_ready(db, 1000000));
    assert_int_equal(db_identity(db), file);
    db_finalize(beside);
}

static void test_a_disk_that_refuses(void **state)
{
    struct db *db = begin(*state);

    must_run(db, "CREATE TABLE t(v, w); INSERT INTO t VALUES(1, 0), (2, 0)");
    disk.open_errno = EMFILE;
    refuses(db);
    disk.open_errno = 0;
    disk.write_errno = ENOSPC;
    refuses(db);
    disk.write_errno = EDQUOT;
    refuses(db);
    disk.write_errno = EIO;
    refuses(db);
    disk.write_errno = 0;
    disk.read_errno = EIO;
    refuses(db);
    disk.read_errno = 0;
    assert_int_equal(run_sql(db, SORTED(LARGE)), DB_DONE);
    assert_int_equal(one_int(db, "SELECT w FROM t WHERE v = 1"), 5);
    db_close(db);
}

/* A statement that writes, and a script, leave nothing half done. */
static void test_a_write_that_is_refused(void **state)
{
    struct db *db = begin(*state);
    struct fault fault = {""};
    int offset;

    must_run(db, "CREATE TABLE t(v, pad)");
    disk.write_errno = ENOSPC;
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(db_savepoint(db), DB_DONE);
    assert_int_equal(run_sql(db, "INSERT INTO t " SORTED(LARGE)), DB_FULL);
    assert_true(db_undo(db));
    assert_int_equal(run_sql(db, "INSERT INTO t VALUES(1, 1)"), DB_DONE);
    assert_int_equal(db_commit(db), DB_DONE);
    assert_int_equal(one_int(db, "SELECT count(*) FROM t"), 1);

    disk.write_errno = 0;
    must_run(db, "INSERT INTO t " SORTED(LARGE));
    disk.write_errno = ENOSPC;
    assert_false(db_script(db, slice_of("CREATE INDEX i ON t(pad, v)"), &fault,
                           &offset));
    assert_string_equal(fault.text, "no space is left for its temporary file");
    disk.write_errno = 0;
    must_run(db, "CREATE INDEX i ON t(pad, v)");
    assert_int_equal(
        one_int(db,
                "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
        1);
    db_close(db);
}

/* ---- the folder ---------------------------------------------------------- */

static int sort_as_nobody(const char *path)
{
    struct fault fault;

    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        return 2;
    db_spill_beside(path);
    struct db *db = db_open(":memory:", DB_CREATE, &fault);
    return db && run_sql(db, SORTED(LARGE)) == DB_DONE ? 0 : 1;
}

/* Where nothing may be written, SQLite finds another place. */
static void test_a_folder_that_is_not_ours(void **state)
{
    const struct scratch *s = *state;
    int status = 0;

    assert_int_equal(chmod(s->dir, 0555), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(sort_as_nobody(s->path));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(chmod(s->dir, 0755), 0);
    assert_int_equal(status, 0);
}

static void test_sweep(void **state)
{
    static const struct {
        const char *name;
        const char *content;
        bool stays;
    } files[] = {
        {"etilqs_04fe1a", "", false}, {"etilqs_0", "", false},
        {"etilqs_04fe1b", "x", true}, /* SQLite's never are */
        {"etilqs_", "", true},        {"etilqs_04fe.db", "", true},
        {"my_etilqs_04", "", true},
    };
    const struct scratch *s = *state;
    struct stat st;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        write_file(scratch_name(s, files[i].name), files[i].content,
                   strlen(files[i].content));
    assert_int_equal(mkdir(scratch_name(s, "etilqs_ab"), 0700), 0);
    assert_int_equal(symlink("nowhere", scratch_name(s, "etilqs_ac")), 0);
    assert_int_equal(mkfifo(scratch_name(s, "etilqs_ad"), 0600), 0);
    db_spill_sweep(s->path);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_int_equal(stat(scratch_name(s, files[i].name), &st) == 0,
                         files[i].stays);
    assert_int_equal(lstat(scratch_name(s, "etilqs_ab"), &st), 0);
    assert_int_equal(lstat(scratch_name(s, "etilqs_ac"), &st), 0);
    assert_int_equal(lstat(scratch_name(s, "etilqs_ad"), &st), 0);
    db_spill_sweep("/nowhere/at.db");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, plug_in, pull_out)
    const struct CMUnitTest tests[] = {
        TEST(test_a_disk_that_refuses),
        TEST(test_a_write_that_is_refused),
        TEST(test_a_folder_that_is_not_ours),
        TEST(test_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
