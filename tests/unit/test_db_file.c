#include "scratch.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Loop times of three looks at the file, each due. */
enum { LOOK_1 = 10000, LOOK_2 = 11000, LOOK_3 = 12000, LOOK_4 = 13000 };

/* A closed database with one row, in one file. */
static void make_database(const char *path, int value)
{
    struct db *db = must_open(path, DB_CREATE);
    char sql[64];

    must_run(db, "CREATE TABLE t(v)");
    snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%d)", value);
    must_run(db, sql);
    db_fold(db);
    db_close(db);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void test_open_faults(void **state)
{
    const struct scratch *s = *state;
    const struct {
        const char *name;
        enum db_mode mode;
        const char *reason;
    } cases[] = {
        {"none.db", DB_SERVE, "there is no such file"},
        {"none.db", DB_READONLY_MODE, "there is no such file"},
        {"none/x.db", DB_CREATE, "its folder does not exist"},
        {"file/x.db", DB_CREATE, "its folder is not a folder"},
        {".", DB_CREATE, "it is not a regular file"},
        {"words.db", DB_SERVE, "file is not a database"},
    };

    write_file(scratch_name(s, "file"), "", 0);
    write_file(scratch_name(s, "words.db"),
               "These are only words, over and"
               " over, in place of SQLite's header of a hundred bytes: they"
               " must never be taken for a database.",
               120);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fault fault = {""};
        const char *path = scratch_name(s, cases[i].name);
        char expected[512];
        snprintf(expected, sizeof expected, "database %s: %s", path,
                 cases[i].reason);
        assert_null(db_open(path, cases[i].mode, &fault));
        assert_string_equal(fault.text, expected);
    }
    assert_false(exists(scratch_name(s, "none.db")));
    db_close(NULL);
}

/* What a user without rights is told; the tests may run as root. */
static int open_as_nobody(const char *path, enum db_mode mode)
{
    struct fault fault = {""};

    if (geteuid() == 0 && seteuid(65534) != 0)
        return 1;
    if (db_open(path, mode, &fault) != NULL)
        return 2;
    return strstr(fault.text, "this user may not write it")                ? 10
           : strstr(fault.text, "this user may not write into its folder") ? 11
                                                                           : 3;
}

static int exit_code_as_nobody(const char *path, enum db_mode mode)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(open_as_nobody(path, mode));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_unwritable(void **state)
{
    const struct scratch *s = *state;

    make_database(s->path, 1);
    assert_int_equal(chmod(s->path, 0444), 0);
    assert_int_equal(chmod(s->dir, 0555), 0);
    assert_int_equal(exit_code_as_nobody(s->path, DB_SERVE), 10);
    assert_int_equal(exit_code_as_nobody(scratch_name(s, "new.db"), DB_CREATE),
                     11);
    assert_int_equal(chmod(s->path, 0666), 0);
    assert_int_equal(exit_code_as_nobody(s->path, DB_SERVE), 11);
    assert_int_equal(chmod(s->dir, 0755), 0);
}

static void test_settings(void **state)
{
    const struct scratch *s = *state;
    struct db *db = must_open(s->path, DB_CREATE);
    char header[20] = "";

    must_run(db, "CREATE TABLE t(v)");
    assert_string_equal(db_path(db), s->path);
    assert_int_equal(one_int(db, "SELECT * FROM pragma_foreign_keys"), 1);
    assert_int_equal(one_int(db, "SELECT * FROM pragma_synchronous"), 1);
    assert_int_equal(one_int(db, "SELECT * FROM pragma_cache_size"), -4096);
    assert_int_equal(one_int(db, "SELECT * FROM pragma_temp_store"), 1);
    db_fold(db);
    db_close(db);

    /* File format: bytes 18 and 19 are 2 for WAL. */
    FILE *f = fopen(s->path, "r");
    assert_non_null(f);
    assert_int_equal(fread(header, 1, sizeof header, f), sizeof header);
    fclose(f);
    assert_int_equal(header[18], 2);
    assert_int_equal(header[19], 2);
    assert_false(exists(scratch_name(s, "a.db-wal")));
}

static void test_read_only(void **state)
{
    const struct scratch *s = *state;

    make_database(s->path, 5);
    struct db *db = must_open(s->path, DB_READONLY_MODE);
    assert_int_equal(one_int(db, "SELECT v FROM t"), 5);
    assert_int_equal(run_sql(db, "UPDATE t SET v = 6"), DB_READONLY);
    db_close(db);
}

/*
 * Two workers hold the old file and a -wal with pages that must not reach the
 * new one. Both find the new file, and they find the same one.
 */
static void test_replaced(void **state)
{
    const struct scratch *s = *state;
    const char *query = "SELECT sum(v) FROM t";

    make_database(s->path, 1);
    make_database(scratch_name(s, "new.db"), 100);
    struct db *one = must_open(s->path, DB_SERVE);
    struct db *two = must_open(s->path, DB_SERVE);
    struct stmt *sum_one = must_prepare(one, query);
    struct stmt *sum_two = must_prepare(two, query);
    must_run(one, "INSERT INTO t VALUES (2)");
    assert_true(db_ready(one, LOOK_1));
    assert_true(db_ready(two, LOOK_1));
    assert_int_equal(run_int(sum_two), 3);
    unsigned before = stmt_version(sum_one);

    assert_int_equal(rename(s->path, scratch_name(s, "old.db")), 0);
    assert_int_equal(rename(scratch_name(s, "new.db"), s->path), 0);
    assert_true(db_ready(one, LOOK_1 + 999)); /* not yet looked at */
    assert_int_equal(run_int(sum_one), 3);

    assert_true(db_ready(one, LOOK_2));
    assert_int_equal(run_int(sum_one), 100);
    assert_int_not_equal(stmt_version(sum_one), before);
    must_run(one, "INSERT INTO t VALUES (200)");

    assert_true(db_ready(two, LOOK_2));
    assert_int_equal(run_int(sum_two), 300);
    must_run(two, "INSERT INTO t VALUES (1000)");
    assert_int_equal(run_int(sum_one), 1300);
    assert_int_equal(one_int(one, "SELECT count(*) FROM"
                                  " pragma_integrity_check"
                                  " WHERE integrity_check = 'ok'"),
                     1);
    db_close(one);
    db_close(two);

    /* What was committed to the old file before is in the old file. */
    struct db *old = must_open(scratch_name(s, "old.db"), DB_SERVE);
    assert_int_equal(one_int(old, query), 3);
    db_close(old);
}

static void test_deleted(void **state)
{
    const struct scratch *s = *state;
    static const enum db_mode modes[] = {DB_SERVE, DB_CREATE};

    for (size_t i = 0; i < 2; i++) {
        make_database(s->path, 1);
        struct db *db = must_open(s->path, modes[i]);
        struct stmt *get = must_prepare(db, "SELECT v FROM t");
        assert_true(db_ready(db, LOOK_1));
        assert_int_equal(rename(s->path, scratch_name(s, "away.db")), 0);

        assert_false(db_ready(db, LOOK_2));
        assert_non_null(strstr(db_message(db), "the file is gone"));
        stmt_bind_int(get, 1, 1); /* harmless, whatever it binds */
        assert_int_equal(stmt_step(get), DB_GONE);
        stmt_reset(get);
        assert_int_equal(db_begin_read(db), DB_GONE);
        assert_int_equal(db_begin_write(db), DB_GONE);
        assert_false(db_ready(db, LOOK_3));
        assert_false(exists(s->path));

        assert_int_equal(rename(scratch_name(s, "away.db"), s->path), 0);
        assert_true(db_ready(db, LOOK_4));
        assert_int_equal(run_int(get), 1);
        db_close(db);
        assert_int_equal(unlink(s->path), 0);
    }
}

/* A file without the app's tables is waited out, and not written to. */
static void test_replaced_by_stranger(void **state)
{
    const struct scratch *s = *state;
    struct stat st;

    make_database(s->path, 1);
    make_database(scratch_name(s, "good.db"), 2);
    struct db *db = must_open(s->path, DB_SERVE);
    struct stmt *get = must_prepare(db, "SELECT v FROM t");

    write_file(scratch_name(s, "empty.db"), "", 0);
    assert_int_equal(rename(scratch_name(s, "empty.db"), s->path), 0);
    assert_false(db_ready(db, LOOK_1));
    assert_non_null(strstr(db_message(db), "no such table: t"));
    assert_int_equal(stmt_step(get), DB_GONE);
    assert_int_equal(stmt_columns(get), 0);
    assert_null(stmt_column_name(get, 0));
    stmt_reset(get);
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_size, 0);

    /* Preparing meanwhile fails, and says why. */
    struct fault fault = {""};
    int offset;
    assert_null(db_prepare(db, "SELECT 1", &fault, &offset));
    assert_non_null(strstr(fault.text, "no such table: t"));

    assert_int_equal(rename(scratch_name(s, "good.db"), s->path), 0);
    assert_true(db_ready(db, LOOK_2));
    assert_int_equal(run_int(get), 2);
    db_close(db);
}

/* Many pages, so that damage can lie beyond the first. */
static void make_large_database(const char *path)
{
    struct db *db = must_open(path, DB_CREATE);

    must_run(db, "CREATE TABLE t(v, filler);"
                 "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
                 " SELECT i + 1 FROM n LIMIT 100)"
                 " SELECT i, zeroblob(1000) FROM n;");
    db_fold(db);
    db_close(db);
}

static void overwrite(const char *path, off_t from, size_t len)
{
    char noise[8192];
    int fd = open(path, O_WRONLY);

    memset(noise, 0x5A, sizeof noise);
    assert_true(fd >= 0 && len <= sizeof noise);
    assert_int_equal(pwrite(fd, noise, len, from), len);
    close(fd);
}

static void test_corrupt_page(void **state)
{
    const struct scratch *s = *state;

    make_large_database(s->path);
    overwrite(s->path, 4096, 4096);
    struct db *db = must_open(s->path, DB_SERVE);
    struct stmt *sum = must_prepare(db, "SELECT sum(v) FROM t");
    assert_int_equal(run(sum), DB_CORRUPT);
    assert_string_equal(db_message(db), "database disk image is malformed");
    db_close(db);
}

/* Noticed in the midst of work; mended by putting a good file in place. */
static void test_corrupt_header(void **state)
{
    const struct scratch *s = *state;

    make_large_database(s->path);
    make_database(scratch_name(s, "good.db"), 7);
    struct db *db = must_open(s->path, DB_SERVE);
    struct stmt *sum = must_prepare(db, "SELECT sum(v) FROM t");
    assert_true(db_ready(db, LOOK_1));
    assert_int_equal(run_int(sum), 5050);

    /* Both what is cached and the header: another writer moved on. */
    struct db *other = must_open(s->path, DB_SERVE);
    must_run(other, "INSERT INTO t VALUES (1, 1)");
    db_close(other);
    overwrite(s->path, 0, 8192);
    overwrite(s->path, 8192, 8192);
    assert_int_equal(truncate(scratch_name(s, "a.db-wal"), 0), 0);
    assert_int_equal(run(sum), DB_CORRUPT);
    assert_false(db_ready(db, LOOK_1 + 1)); /* at once: it knows of damage */
    assert_int_equal(run(sum), DB_GONE);

    assert_int_equal(rename(scratch_name(s, "good.db"), s->path), 0);
    assert_true(db_ready(db, LOOK_2 + 1));
    assert_int_equal(run_int(sum), 7);
    db_close(db);
}

/* db_suspect brings the look forward, but opens nothing without need. */
static void test_suspect(void **state)
{
    const struct scratch *s = *state;

    make_database(s->path, 1);
    struct db *db = must_open(s->path, DB_SERVE);
    struct stmt *get = must_prepare(db, "SELECT v FROM t");
    unsigned before = stmt_version(get);
    assert_true(db_ready(db, LOOK_1));
    db_suspect(db);
    assert_true(db_ready(db, LOOK_1 + 1));
    assert_int_equal(stmt_version(get), before);
    assert_int_equal(unlink(s->path), 0);
    assert_true(db_ready(db, LOOK_1 + 2));
    db_suspect(db);
    assert_false(db_ready(db, LOOK_1 + 3));
    db_close(db);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_open_faults),
        TEST(test_unwritable),
        TEST(test_settings),
        TEST(test_read_only),
        TEST(test_replaced),
        TEST(test_deleted),
        TEST(test_replaced_by_stranger),
        TEST(test_corrupt_page),
        TEST(test_corrupt_header),
        TEST(test_suspect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
