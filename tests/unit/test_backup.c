#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/db/backup.h"

#include "scratch.h"

static const off_t PAGE = 4096;

/* ---- small things --------------------------------------------------------*/

/* Rows of a page and a half each, so that 1000 are 8 MB. */
static struct db *open_with_rows(const struct scratch *s, int rows)
{
    struct db *db = must_open(s->path, DB_CREATE);
    char sql[200];

    must_run(db, "CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB)");
    snprintf(sql, sizeof sql,
             "INSERT INTO t (b) WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL "
             "SELECT n + 1 FROM c WHERE n < %d) SELECT randomblob(6000) FROM c",
             rows);
    assert_int_equal(run_sql(db, sql), DB_DONE);
    return db;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static int64_t rows_of(const char *path)
{
    struct db *db = must_open(path, DB_READONLY_MODE);
    int64_t n = one_int(db, "SELECT count(*) FROM t");

    db_close(db);
    return n;
}

/* Files of the folder whose name holds that. */
static int count_names(const struct scratch *s, const char *piece)
{
    char command[256];
    int n = -1;

    snprintf(command, sizeof command, "ls %s | grep -cF -- %s", s->dir, piece);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &n), 1);
    pclose(f);
    return n;
}

static void assert_says(const struct fault *fault, const char *piece)
{
    if (strstr(fault->text, piece) == NULL)
        fail_msg("\"%s\" says nothing of \"%s\"", fault->text, piece);
}

static void must_back_up(const char *from, const char *to,
                         struct backup_report *report)
{
    struct fault fault = {""};

    if (!backup_make(from, to, NULL, report, &fault))
        fail_msg("%s", fault.text);
}

static void refuses(const char *from, const char *to, const char *reason)
{
    struct backup_report report;
    struct fault fault = {""};

    assert_false(backup_make(from, to, NULL, &report, &fault));
    assert_says(&fault, reason);
}

static pid_t dead_pid(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    return pid;
}

/* ---- a good one ----------------------------------------------------------*/

static void test_copy_is_one_whole_file(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_with_rows(s, 50);
    const char *file = scratch_name(s, "copy?50%#.db");
    struct backup_report report;
    struct fault fault;
    struct stat st;
    char head[20];

    assert_int_equal(chmod(s->path, 0640), 0);
    must_back_up(s->path, file, &report);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(st.st_size, report.bytes);
    assert_true(report.bytes > 300000);
    assert_int_equal(report.orphans, 0);
    assert_true(report.took_ns > 0);
    int fd = open(file, O_RDONLY);
    assert_int_equal(read(fd, head, sizeof head), sizeof head);
    close(fd);
    assert_int_equal(head[18], 1); /* not WAL: sqlite.org/fileformat.html */
    assert_int_equal(head[19], 1);
    assert_true(backup_check(file, &fault));
    assert_int_equal(count_names(s, ".part-"), 0);
    assert_int_equal(count_names(s, "copy"), 1);
    assert_int_equal(rows_of(file), 50);
    db_close(db);
}

/* Each time the copy has come further, somebody writes. */
struct writing {
    struct db *db;
    int64_t copied;
    int calls;
    bool backwards;
};

static bool on_pages_write(void *self, int64_t copied, int64_t all)
{
    struct writing *w = self;

    if (all == 0)
        return true;
    w->backwards |= copied < w->copied || copied > all;
    w->copied = copied;
    w->calls++;
    must_run(w->db, "INSERT INTO t (b) VALUES (randomblob(6000));"
                    "UPDATE t SET b = zeroblob(10) WHERE n = 1");
    return w->calls < 100; /* one that begins anew never ends */
}

static void test_writers_do_not_disturb(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_with_rows(s, 2000);
    const char *file = scratch_name(s, "copy.db");
    struct writing w = {.db = db};
    struct backup_progress progress = {on_pages_write, &w};
    struct backup_report report;
    struct fault fault = {""};

    if (!backup_make(s->path, file, &progress, &report, &fault))
        fail_msg("%s", fault.text);
    assert_true(w.calls >= 4);
    assert_false(w.backwards);
    assert_true(w.copied * PAGE == (int64_t)report.bytes);
    struct db *copy = must_open(file, DB_READONLY_MODE);
    assert_int_equal(one_int(copy, "SELECT count(*) FROM t"), 2000);
    assert_int_equal(one_int(copy, "SELECT length(b) FROM t WHERE n = 1"),
                     6000);
    db_close(copy);
    assert_int_equal(one_int(db, "SELECT count(*) FROM t"), 2000 + w.calls);
    db_close(db);
}

static void test_orphans_are_told_of(void **state)
{
    const struct scratch *s = *state;
    struct db *db = must_open(s->path, DB_CREATE);
    const char *file = scratch_name(s, "copy.db");
    struct backup_report report;
    char command[256];

    must_run(db, "CREATE TABLE p (id INTEGER PRIMARY KEY);"
                 "CREATE TABLE c (p INTEGER REFERENCES p)");
    snprintf(command, sizeof command,
             "sqlite3 %s 'INSERT INTO c VALUES (7), (8)'", s->path);
    assert_int_equal(system(command), 0);
    must_back_up(s->path, file, &report);
    assert_int_equal(report.orphans, 2);
    db_close(db);
}

/* ---- none ----------------------------------------------------------------*/

static void test_damage_is_refused(void **state)
{
    const struct scratch *s = *state;
    const char *file = scratch_name(s, "copy.db");
    struct db *db = open_with_rows(s, 100);
    struct backup_report report;
    struct checkpointed done;

    must_back_up(s->path, file, &report);
    must_run(db, "DELETE FROM t WHERE n > 90");
    assert_int_equal(db_checkpoint(db, CHECKPOINT_TRUNCATE, &done), DB_DONE);
    db_close(db);
    int fd = open(s->path, O_WRONLY);
    for (int page = 1; page < 60; page++)
        assert_int_equal(pwrite(fd, "damage everywhere", 17, page * PAGE), 17);
    close(fd);
    refuses(s->path, file, "damaged");
    assert_int_equal(rows_of(file), 100); /* the former one */
    refuses(s->path, scratch_name(s, "new.db"), "damaged");
    assert_false(is_there(scratch_name(s, "new.db")));
    assert_int_equal(count_names(s, ".part-"), 0);
}

static void test_places_that_are_refused(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_with_rows(s, 1);
    char link_name[192];

    snprintf(link_name, sizeof link_name, "%s/link", s->dir);
    assert_int_equal(symlink(s->path, link_name), 0);
    refuses(s->path, s->path, "the database itself");
    refuses(s->path, link_name, "not a regular file");
    refuses(s->path, s->dir, "not a regular file");
    refuses(s->path, "/dev/null", "not a regular file");
    refuses(s->path, scratch_name(s, "a.db-wal"), "SQLite's own");
    refuses(s->path, scratch_name(s, "b.db-journal"), "SQLite's own");
    refuses(s->path, scratch_name(s, "a.db-shm"), "SQLite's own");
    refuses(s->path, scratch_name(s, "none/copy.db"), "cannot be made");
    write_file(scratch_name(s, "used.db"), "", 0);
    write_file(scratch_name(s, "used.db-wal"), "x", 1);
    refuses(s->path, scratch_name(s, "used.db"), "in use");
    write_file(scratch_name(s, "hot.db-journal"), "x", 1);
    refuses(s->path, scratch_name(s, "hot.db"), "in use");
    assert_int_equal(count_names(s, ".part-"), 0);
    assert_int_equal(one_int(db, "SELECT count(*) FROM t"), 1);
    db_close(db);
}

/* Somebody's file of that name stays; an empty one is nobody's. */
static void test_only_databases_are_replaced(void **state)
{
    static const char notes[] = "what I must not forget";
    const struct scratch *s = *state;
    struct db *db = open_with_rows(s, 10);
    const char *file = scratch_name(s, "notes.txt");
    struct backup_report report;
    char there[sizeof notes] = "";

    write_file(file, notes, sizeof notes);
    refuses(s->path, file, "no database");
    int fd = open(file, O_RDONLY);
    assert_int_equal(read(fd, there, sizeof there), sizeof there);
    close(fd);
    assert_string_equal(there, notes);
    assert_int_equal(count_names(s, ".part-"), 0);
    write_file(file, "", 0);
    must_back_up(s->path, file, &report);
    assert_int_equal(rows_of(file), 10);
    must_run(db, "DELETE FROM t WHERE n = 1");
    must_back_up(s->path, file, &report);
    assert_int_equal(rows_of(file), 9);
    db_close(db);
}

static void test_sources_that_are_refused(void **state)
{
    const struct scratch *s = *state;
    const char *file = scratch_name(s, "copy.db");

    refuses(s->path, file, "No such file");
    write_file(s->path, "", 0);
    refuses(s->path, file, "nothing in it");
    write_file(s->path, "these are no pages of a database", 32);
    refuses(s->path, file, "not a SQLite database");
    assert_false(is_there(file));
    assert_int_equal(count_names(s, ".part-"), 0);
}

/* Gives up while it copies, or while it checks. */
static bool on_pages_stop(void *self, int64_t copied, int64_t all)
{
    const bool *in_check = self;

    (void)copied;
    return *in_check == (all != 0);
}

static void test_giving_up(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_with_rows(s, 3000);
    const char *file = scratch_name(s, "copy.db");
    struct backup_report report;

    /* Long enough to check that it asks. */
    must_run(db, "CREATE INDEX i ON t (length(b), n, substr(b, 1, 9));"
                 "CREATE TABLE u (n INTEGER PRIMARY KEY, m INTEGER)");
    must_run(db, "INSERT INTO u (m) WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL "
                 "SELECT n + 1 FROM c WHERE n < 30000) SELECT n FROM c");
    for (int in_check = 0; in_check <= 1; in_check++) {
        bool late = in_check;
        struct backup_progress progress = {on_pages_stop, &late};
        struct fault fault = {""};
        assert_false(backup_make(s->path, file, &progress, &report, &fault));
        assert_says(&fault, "interrupted");
        assert_false(is_there(file));
        assert_int_equal(count_names(s, ".part-"), 0);
    }
    db_close(db);
}

/* A limit on the size of files stands for a disk that is full. */
static void test_no_room(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_with_rows(s, 500);
    const char *file = scratch_name(s, "copy.db");
    struct rlimit before;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {(rlim_t)(100 * PAGE), before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    refuses(s->path, file, "copying");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(is_there(file));
    assert_int_equal(count_names(s, ".part-"), 0);
    db_close(db);
}

static void test_parts_of_the_dead_go(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_with_rows(s, 1);
    struct backup_report report;
    char dead[192];
    char journal[192];
    char alive[192];
    char other[192];
    pid_t pid = dead_pid();

    snprintf(dead, sizeof dead, "%s/copy.db.part-%d", s->dir, pid);
    snprintf(journal, sizeof journal, "%s/copy.db.part-%d-wal", s->dir, pid);
    snprintf(alive, sizeof alive, "%s/copy.db.part-%d", s->dir, getppid());
    snprintf(other, sizeof other, "%s/other.db.part-%d", s->dir, pid);
    write_file(dead, "x", 1);
    write_file(journal, "x", 1);
    write_file(alive, "x", 1);
    write_file(other, "x", 1);
    must_back_up(s->path, scratch_name(s, "copy.db"), &report);
    assert_false(is_there(dead));
    assert_false(is_there(journal));
    assert_true(is_there(alive));
    assert_true(is_there(other));
    db_close(db);
}

/* ---- checking ------------------------------------------------------------*/

static void check_refuses(const char *file, const char *reason)
{
    struct fault fault = {""};

    assert_false(backup_check(file, &fault));
    assert_says(&fault, reason);
}

static void test_check(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_with_rows(s, 100);
    const char *file = scratch_name(s, "copy.db");
    struct backup_report report;
    struct fault fault;

    must_back_up(s->path, file, &report);
    assert_true(backup_check(file, &fault));
    check_refuses(s->path, "in use");
    check_refuses(scratch_name(s, "none"), "No such file");
    check_refuses(s->dir, "not a SQLite database");
    write_file(scratch_name(s, "empty"), "", 0);
    check_refuses(scratch_name(s, "empty"), "not a SQLite database");
    file = scratch_name(s, "copy.db");
    assert_int_equal(truncate(file, (off_t)report.bytes / 2 / PAGE * PAGE), 0);
    check_refuses(file, "damaged");
    db_close(db);
}

/* One that was copied with the journal mode of a server. */
static void test_check_leaves_nothing(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_with_rows(s, 10);
    struct fault fault = {""};
    struct checkpointed done;
    char command[256];

    assert_int_equal(db_checkpoint(db, CHECKPOINT_TRUNCATE, &done), DB_DONE);
    snprintf(command, sizeof command, "cp %s %s/cp.db", s->path, s->dir);
    assert_int_equal(system(command), 0);
    if (!backup_check(scratch_name(s, "cp.db"), &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(count_names(s, "cp.db"), 1);
    db_close(db);
}

#define CASE(name)                                                             \
    cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_copy_is_one_whole_file),
        CASE(test_writers_do_not_disturb),
        CASE(test_orphans_are_told_of),
        CASE(test_damage_is_refused),
        CASE(test_places_that_are_refused),
        CASE(test_only_databases_are_replaced),
        CASE(test_sources_that_are_refused),
        CASE(test_giving_up),
        CASE(test_no_room),
        CASE(test_parts_of_the_dead_go),
        CASE(test_check),
        CASE(test_check_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
