#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/db/backup.h"
#include "worker/db/restore.h"

#include "scratch.h"

/* ---- dying at a chosen instant -------------------------------------------*/

/* What changes files, SQLite's calls too, goes through these: the process ends
 * before the one that brings the count to 0. */
static int calls_left = -1;

enum { KILLED = 9 };

static void one_more(void)
{
    if (calls_left > 0 && --calls_left == 0)
        _exit(KILLED);
}

int rename(const char *from, const char *to)
{
    one_more();
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int link(const char *from, const char *to)
{
    one_more();
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
    one_more();
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int fsync(int fd)
{
    one_more();
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    one_more();
    return (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    one_more();
    return syscall(SYS_pwrite64, fd, bytes, len, at);
}

/* ---- a stage -------------------------------------------------------------*/

static struct {
    char backup[128];
    char kept[128]; /* folder with the files as they were */
} the;

static void shell(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
static void shell(const char *format, ...)
{
    char command[768];
    va_list list;

    va_start(list, format);
    vsnprintf(command, sizeof command, format, list);
    va_end(list);
    if (system(command) != 0)
        fail_msg("%s", command);
}

/* A database of 10 rows and its backup; then 7 more that stand in the WAL, as
 * a server leaves it. */
static int set_up(void **state)
{
    struct backup_report report;
    struct fault fault = {""};

    if (scratch_make(state) != 0)
        return -1;
    const struct scratch *s = *state;
    snprintf(the.backup, sizeof the.backup, "%s/kept-1", s->dir);
    snprintf(the.kept, sizeof the.kept, "%s/state", s->dir);
    struct db *db = must_open(s->path, DB_CREATE);
    must_run(db, "CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB);"
                 "CREATE INDEX i ON t (b)");
    for (int n = 0; n < 10; n++)
        must_run(db, "INSERT INTO t (b) VALUES (randomblob(3000))");
    if (!backup_make(s->path, the.backup, NULL, &report, &fault))
        fail_msg("%s", fault.text);
    for (int n = 0; n < 7; n++)
        must_run(db, "INSERT INTO t (b) VALUES (randomblob(3000))");
    shell("mkdir %s && cp %s* %s/", the.kept, s->path, the.kept);
    db_close(db);
    shell("rm -f %s*; cp %s/* %s/", s->path, the.kept, s->dir);
    return 0;
}

static int64_t rows_of(const char *path)
{
    struct db *db = must_open(path, DB_SERVE);
    struct stmt *check = must_prepare(
        db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check");

    assert_int_equal(run_int(check), 1);
    db_finalize(check);
    int64_t n = one_int(db, "SELECT count(*) FROM t");
    db_close(db);
    return n;
}

static int count_names(const struct scratch *s, const char *piece)
{
    char command[256];
    int n = -1;

    snprintf(command, sizeof command, "ls %s | grep -cE -- '%s'", s->dir,
             piece);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &n), 1);
    pclose(f);
    return n;
}

static void must_restore(const char *database, const char *file,
                         struct restore_report *report)
{
    struct fault fault = {""};

    if (!restore_make(database, file, NULL, report, &fault))
        fail_msg("%s", fault.text);
}

static void refuses(const char *database, const char *file, const char *reason)
{
    struct restore_report report;
    struct fault fault = {""};

    assert_false(restore_make(database, file, NULL, &report, &fault));
    if (strstr(fault.text, reason) == NULL)
        fail_msg("\"%s\" says nothing of \"%s\"", fault.text, reason);
}

/* ---- good ones -----------------------------------------------------------*/

static void test_former_one_is_kept(void **state)
{
    const struct scratch *s = *state;
    struct restore_report report;
    struct stat st;

    assert_int_equal(chmod(s->path, 0660), 0);
    must_restore(s->path, the.backup, &report);
    assert_false(report.journal);
    assert_int_equal(count_names(s, "a\\.db-(wal|shm|journal)$"), 0);
    assert_int_equal(count_names(s, "part"), 0);
    assert_int_equal(count_names(s, "before"), 1);
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_int_equal(st.st_size, report.bytes);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(rows_of(s->path), 10);
    assert_int_equal(rows_of(report.aside), 17);
    assert_int_equal(rows_of(the.backup), 10);
}

static void test_there_and_back(void **state)
{
    const struct scratch *s = *state;
    struct restore_report first;
    struct restore_report second;

    must_restore(s->path, the.backup, &first);
    must_restore(s->path, first.aside, &second);
    assert_string_not_equal(first.aside, second.aside);
    assert_int_equal(rows_of(s->path), 17);
    assert_int_equal(rows_of(second.aside), 10);
}

static void test_without_a_former_one(void **state)
{
    const struct scratch *s = *state;
    struct restore_report report;

    must_restore(scratch_name(s, "new.db"), the.backup, &report);
    assert_string_equal(report.aside, "");
    assert_int_equal(rows_of(scratch_name(s, "new.db")), 10);
    /* The WAL of one that is gone must not be played into the new one. */
    assert_int_equal(remove(s->path), 0);
    must_restore(s->path, the.backup, &report);
    assert_int_equal(rows_of(s->path), 10);
}

static void test_through_a_link(void **state)
{
    const struct scratch *s = *state;
    struct restore_report report;
    struct stat st;

    assert_int_equal(symlink("a.db", scratch_name(s, "name.db")), 0);
    must_restore(scratch_name(s, "name.db"), the.backup, &report);
    assert_int_equal(lstat(scratch_name(s, "name.db"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(rows_of(s->path), 10);
}

/* Damage does not keep anybody from restoring. */
static void test_damaged_former_one(void **state)
{
    const struct scratch *s = *state;
    struct restore_report report;

    shell("rm %s-wal", s->path);
    write_file(s->path, "no database any more", 20);
    must_restore(s->path, the.backup, &report);
    assert_int_equal(rows_of(s->path), 10);
    shell("grep -q 'no database any more' %s", report.aside);
}

/* A WAL that does not fit its database cannot be folded, and is kept too. */
static void test_former_one_with_its_wal(void **state)
{
    const struct scratch *s = *state;
    struct restore_report report;
    struct checkpointed done;
    struct db *db = must_open(s->path, DB_SERVE);

    assert_int_equal(db_checkpoint(db, CHECKPOINT_TRUNCATE, &done), DB_DONE);
    must_run(db, "UPDATE t SET b = 'x' WHERE n = 1");
    shell("cp %s-wal %s/wal", s->path, s->dir);
    db_close(db);
    shell("sqlite3 %s/tiny 'PRAGMA page_size=512; CREATE TABLE z (a)'", s->dir);
    shell("mv %s/tiny %s && cp %s/wal %s-wal", s->dir, s->path, s->dir,
          s->path);
    must_restore(s->path, the.backup, &report);
    assert_true(report.journal);
    assert_int_equal(rows_of(s->path), 10);
    shell("cmp %s/wal %s-wal", s->dir, report.aside);
}

/* A limit on the size of files, below that of the former database, stands for
 * a disk without the space to fold its WAL. */
static void test_no_space_to_fold(void **state)
{
    const struct scratch *s = *state;
    struct rlimit before;
    struct stat st;

    assert_int_equal(stat(the.backup, &st), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {(rlim_t)st.st_size, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    refuses(s->path, the.backup, "cannot be folded");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(count_names(s, "part|before"), 0);
    assert_int_equal(rows_of(s->path), 17);
}

/* Of a restore that was killed before its last step. */
static void test_second_name_goes(void **state)
{
    const struct scratch *s = *state;
    const char *second = scratch_name(s, "a.db.before-20260101T000000Z");
    struct restore_report report;

    assert_int_equal(link(s->path, second), 0);
    must_restore(s->path, the.backup, &report);
    assert_int_equal(access(second, F_OK), -1);
    assert_int_equal(count_names(s, "before"), 1);
}

/* ---- none ----------------------------------------------------------------*/

static void test_files_that_are_refused(void **state)
{
    const struct scratch *s = *state;

    refuses(s->path, s->path, "the database itself");
    refuses(s->path, scratch_name(s, "none"), "No such file");
    refuses(s->path, s->dir, "not a SQLite database");
    write_file(scratch_name(s, "text"), "no database, to be sure", 23);
    refuses(s->path, scratch_name(s, "text"), "not a SQLite database");
    shell("cp %s %s/half; truncate -s 20480 %s/half", the.backup, s->dir,
          s->dir);
    refuses(s->path, scratch_name(s, "half"), "damaged");
    shell("cp %s %s/used; : >%s/used-wal", the.backup, s->dir, s->dir);
    refuses(s->path, scratch_name(s, "used"), "in use");
    refuses(scratch_name(s, "none/a.db"), the.backup, "none");
    assert_int_equal(count_names(s, "part|before"), 0);
    shell("cd %s && cmp a.db state/a.db && cmp a.db-wal state/a.db-wal",
          s->dir);
    assert_int_equal(rows_of(s->path), 17);
}

/* Somebody has it open, idle. */
static void test_open_database_is_refused(void **state)
{
    const struct scratch *s = *state;
    int ready[2];
    int end[2];
    char byte = 0;

    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(end), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(end[1]);
        struct db *db = must_open(s->path, DB_SERVE);
        if (one_int(db, "SELECT count(*) FROM t") == 17 &&
            write(ready[1], "x", 1) == 1)
            byte = (char)read(end[0], &byte, 1);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    char who[32];
    snprintf(who, sizeof who, "process %d ", (int)pid);
    refuses(s->path, the.backup, who);
    assert_int_equal(count_names(s, "part|before"), 0);
    close(end[1]);
    waitpid(pid, NULL, 0);
    close(end[0]);
    close(ready[0]);
    close(ready[1]);
    assert_int_equal(rows_of(s->path), 17);
}

static bool on_pages_stop(void *self, int64_t copied, int64_t all)
{
    (void)self, (void)copied, (void)all;
    return false;
}

static void test_giving_up(void **state)
{
    const struct scratch *s = *state;
    struct backup_progress progress = {on_pages_stop, NULL};
    struct restore_report report;
    struct fault fault;

    assert_false(restore_make(s->path, the.backup, &progress, &report, &fault));
    assert_non_null(strstr(fault.text, "interrupted"));
    assert_int_equal(count_names(s, "part|before"), 0);
    assert_int_equal(rows_of(s->path), 17);
}

/* Killed before each of its calls in turn: what is there then is the former
 * database or the restored one, and another restore goes well. */
static void test_killed_anywhere(void **state)
{
    const struct scratch *s = *state;
    struct restore_report report;
    struct fault fault;
    int status = KILLED << 8;
    int former = 0;
    int restored = 0;

    for (int n = 1; WEXITSTATUS(status) == KILLED; n++) {
        shell("rm -f %s*; cp %s/* %s/", s->path, the.kept, s->dir);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            calls_left = n;
            _exit(restore_make(s->path, the.backup, NULL, &report, &fault) ? 0
                                                                           : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        int64_t rows = rows_of(s->path);
        assert_true(rows == 17 || rows == 10);
        former += rows == 17;
        restored += rows == 10;
        must_restore(s->path, the.backup, &report);
        assert_int_equal(rows_of(s->path), 10);
        assert_int_equal(rows_of(report.aside), rows);
        assert_int_equal(count_names(s, "part"), 0);
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(former > 10);
    assert_true(restored >= 2); /* a folder is still to be synced; the end */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_former_one_is_kept),
        CASE(test_there_and_back),
        CASE(test_without_a_former_one),
        CASE(test_through_a_link),
        CASE(test_damaged_former_one),
        CASE(test_former_one_with_its_wal),
        CASE(test_second_name_goes),
        CASE(test_files_that_are_refused),
        CASE(test_no_space_to_fold),
        CASE(test_open_database_is_refused),
        CASE(test_giving_up),
        CASE(test_killed_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
