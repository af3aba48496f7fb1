#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/app/app.h"

static char dir[] = "/tmp/prong-app-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(in_dir(name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void put_dir(const char *name)
{
    assert_int_equal(mkdir(in_dir(name), 0700), 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/prong-app-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_one(const char *path, const struct stat *st, int flag,
                    struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(dir, drop_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put_all(void)
{
    put("app.conf", "# SoftFactory\nname = softfactory\ntimeout = 2s\n");
    put_dir("schema");
    put("schema/010_b.sql", "CREATE TABLE b(x);");
    put("schema/002_a.sql", "CREATE TABLE a(x);\n");
    put("schema/.hidden.sql", "nonsense");
    put("schema/readme.txt", "nonsense");
    put("demo.sql", "INSERT INTO a VALUES (1);");
    put_dir("api");
    put("api/b.sql", "-- GET /b\n-- @timeout 1s\nSELECT 1;");
    put("api/a.sql", "-- GET /a/{x}\n-- @param x text pattern a+\nSELECT :x;");
    put("api/.sql", "nonsense");
    put("api/a.sql~", "nonsense");
    put_dir("jobs");
    put("jobs/j.sql", "-- EVERY 5m tidy\nDELETE FROM a;");
    put_dir("web");
}

static void whole_app(void **state)
{
    struct fault fault = {""};
    struct app *app;

    (void)state;
    put_all();
    app = app_load(dir, &fault);
    assert_string_equal(fault.text, "");
    assert_non_null(app);
    assert_string_equal(app->dir, dir);
    assert_string_equal(app->name, "softfactory");
    assert_string_equal(app->database, in_dir("softfactory.db"));
    assert_string_equal(app->web, in_dir("web"));
    assert_int_equal(app->timeout_ms, 2000);
    assert_int_equal(app->slow_query_ms, 100);
    assert_int_equal(app->slow_request_ms, 250);
    assert_true(app->alerts.response_time == 100);
    assert_int_equal(app->scan_rows, 1000);
    assert_int_equal(app->response_max, 64 << 20);
    assert_int_equal(app->migration_count, 2);
    assert_string_equal(app->migrations[0].name, "002_a.sql");
    assert_string_equal(app->migrations[0].file, in_dir("schema/002_a.sql"));
    assert_string_equal(app->migrations[0].text.ptr, "CREATE TABLE a(x);\n");
    assert_int_equal(app->migrations[0].text.len, 19);
    assert_string_equal(app->migrations[1].name, "010_b.sql");
    assert_string_equal(app->demo->file, in_dir("demo.sql"));
    assert_int_equal(app->endpoint_count, 2);
    assert_string_equal(app->endpoints[0].path, "/a/{x}");
    assert_string_equal(app->endpoints[0].file, in_dir("api/a.sql"));
    assert_int_equal(app->endpoints[0].timeout_ms, 2000);
    assert_int_equal(app->endpoints[1].timeout_ms, 1000);
    assert_int_equal(app->job_count, 1);
    assert_string_equal(app->jobs[0].name, "tidy");
    app_free(app);
}

static void smallest_app(void **state)
{
    struct fault fault;
    char slashed[64];
    struct app *app;

    (void)state;
    put("app.conf", "");
    snprintf(slashed, sizeof slashed, "%s//", dir);
    app = app_load(slashed, &fault);
    assert_non_null(app);
    assert_string_equal(app->dir, slashed);
    assert_string_equal(app->name, dir + strlen("/tmp/"));
    assert_memory_equal(app->database, dir, strlen(dir));
    assert_string_equal(app->database + strlen(dir) + 1 + strlen(app->name),
                        ".db");
    assert_null(app->web);
    assert_null(app->demo);
    assert_int_equal(app->endpoint_count, 0);
    app_free(app);
    app_free(NULL);
}

static void database_path(void **state)
{
    struct fault fault;
    struct app *app;

    (void)state;
    put("app.conf", "database = data/x.db\nslow_query = 1s\nscan_rows = 5\n"
                    "response_max = 1M\n");
    app = app_load(dir, &fault);
    assert_non_null(app);
    assert_string_equal(app->database, in_dir("data/x.db"));
    assert_int_equal(app->slow_query_ms, 1000);
    assert_int_equal(app->scan_rows, 5);
    assert_int_equal(app->response_max, 1 << 20);
    app_free(app);
    put("app.conf", "database = /var/lib/x.db\n");
    app = app_load(dir, &fault);
    assert_non_null(app);
    assert_string_equal(app->database, "/var/lib/x.db");
    app_free(app);
}

/* The fault is "<dir>/" and then what the table says. */
static void expect_fault(const char *said)
{
    struct fault fault = {""};
    struct app *app = app_load(dir, &fault);

    assert_null(app);
    assert_memory_equal(fault.text, dir, strlen(dir));
    assert_string_equal(fault.text + strlen(dir) + 1, said);
}

static void conf_faults(void **state)
{
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"name = a\ntimeot = 5s\n",
         "app.conf:2: unknown key \"timeot\": did you mean \"timeout\"?"},
        {"\nxyz = 5s\n", "app.conf:2: unknown key \"xyz\""},
        {"[jobs]\nx = 1\n", "app.conf:2: unknown section [jobs]"},
        {"name = a\nname = b\n", "app.conf:2: name is said twice"},
        {"name = a/b\n", "app.conf:1: name must be a name up to 64 bytes, "
                         "without '/' and no dot in front, not \"a/b\""},
        {"timeout = 2h\n", "app.conf:1: timeout must be a duration up to 1h, "
                           "as 5s, not \"2h\""},
        {"timeout = 0\n", "app.conf:1: timeout must be a duration up to 1h, "
                          "as 5s, not \"0\""},
        {"scan_rows = -1\n",
         "app.conf:1: scan_rows must be a number of rows, not \"-1\""},
        {"response_max = 2G\n",
         "app.conf:1: response_max must be a size up to 1G, as 64M, not "
         "\"2G\""},
        {"slow_query = x\n",
         "app.conf:1: slow_query must be a duration, as 100ms, not \"x\""},
        {"name = a\n# \xff\n", "app.conf:2: not UTF-8"},
    };

    (void)state;
    expect_fault("app.conf: No such file or directory");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put("app.conf", cases[i].text);
        expect_fault(cases[i].fault);
    }
}

static void file_faults(void **state)
{
    (void)state;
    put_all();
    put("api/c.sql", "\n-- GET /a/{y}\nSELECT :y;\n");
    char said[512];
    snprintf(said, sizeof said,
             "api/c.sql:2: GET /a/{y} is declared already at %s:1",
             in_dir("api/a.sql"));
    expect_fault(said);
    put("api/c.sql", "-- GET /c\n-- @one two\nSELECT 1;\n");
    expect_fault("api/c.sql:2: nothing may stand behind @one");
    put("schema/003_c.sql", "SELECT 1;\n\n'\xe4'\n");
    expect_fault("schema/003_c.sql:3: not UTF-8");
}

static void large_files(void **state)
{
    (void)state;
    put_all();
    assert_int_equal(truncate(in_dir("demo.sql"), (16 << 20) + 1), 0);
    expect_fault("demo.sql: File too large");
    put("demo.sql", "");
    assert_int_equal(truncate(in_dir("api/b.sql"), (1 << 20) + 1), 0);
    expect_fault("api/b.sql: File too large");
}

static void folders_that_are_none(void **state)
{
    (void)state;
    put("app.conf", "");
    put("api", "a file");
    expect_fault("api: Not a directory");
    assert_int_equal(unlink(in_dir("api")), 0);
    put_dir("api");
    put_dir("api/x.sql");
    expect_fault("api/x.sql: Is a directory");
}

/* ---- fingerprint ---- */

static void touch(const char *name, long nanoseconds)
{
    const struct timespec times[2] = {{1000, 0}, {1000, nanoseconds}};

    assert_int_equal(utimensat(AT_FDCWD, in_dir(name), times, 0), 0);
}

static void fingerprint(void **state)
{
    uint64_t before;

    (void)state;
    put_all();
    touch("api/a.sql", 1);
    before = app_fingerprint(dir);
    assert_true(before == app_fingerprint(dir));
    put("api/readme.md", "is not read");
    put("web/index.html", "is not read either");
    assert_true(before == app_fingerprint(dir));

    touch("api/a.sql", 2);
    assert_true(before != app_fingerprint(dir));
    touch("api/a.sql", 1);
    assert_true(before == app_fingerprint(dir));
    assert_int_equal(truncate(in_dir("api/a.sql"), 1), 0);
    touch("api/a.sql", 1);
    assert_true(before != app_fingerprint(dir));

    before = app_fingerprint(dir);
    put("jobs/k.sql", "");
    assert_true(before != app_fingerprint(dir));
    assert_int_equal(unlink(in_dir("jobs/k.sql")), 0);
    assert_true(before == app_fingerprint(dir));
    assert_int_equal(unlink(in_dir("demo.sql")), 0);
    assert_true(before != app_fingerprint(dir));
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(method_name(METHOD_GET), "GET");
    assert_string_equal(method_name(METHOD_DELETE), "DELETE");
    assert_string_equal(param_type_name(PARAM_INTEGER), "integer");
    assert_string_equal(param_type_name(PARAM_BLOB), "blob");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whole_app),   TEST(smallest_app),          TEST(database_path),
        TEST(conf_faults), TEST(file_faults),           TEST(large_files),
        TEST(fingerprint), TEST(folders_that_are_none), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
