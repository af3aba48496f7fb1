#include "scratch.h"

#include <signal.h>
#include <sys/wait.h>

#include "common/app/app.h"
#include "worker/migrate.h"

enum { SCRIPTS_MAX = 4 };

/* An app by hand: only what migrate looks at. */
struct made {
    struct app app;
    struct script migrations[SCRIPTS_MAX];
    struct script demo;
};

static struct script script_of(const char *name, const char *text)
{
    static char file[SCRIPTS_MAX + 1][64];
    static unsigned turn;
    char *f = file[turn++ % (SCRIPTS_MAX + 1)];

    snprintf(f, sizeof file[0], "schema/%s", name);
    return (struct script){f, name, slice_of(text)};
}

/* Texts of 001.sql, 002.sql …, up to a null; demo may be null. */
static const struct app *make_app(struct made *m, const char *const *texts,
                                  const char *demo)
{
    static const char *const names[] = {"001.sql", "002.sql", "003.sql",
                                        "004.sql"};

    *m = (struct made){.app = {.migrations = m->migrations}};
    for (size_t i = 0; texts[i]; i++)
        m->migrations[m->app.migration_count++] = script_of(names[i], texts[i]);
    if (demo) {
        m->demo = script_of("demo.sql", demo);
        m->app.demo = &m->demo;
    }
    return &m->app;
}

static const char *const first_two[] = {
    "CREATE TABLE a(x INTEGER PRIMARY KEY);\nINSERT INTO a VALUES (1);\n",
    "-- tokens are there already\n"
    "INSERT INTO tokens(sha256, role, name, created_at)"
    " VALUES ('00', 'user', '', '2026-01-01');\n",
    NULL,
};

static void must_migrate(struct db *db, const struct app *app, bool demo)
{
    struct fault fault = {""};

    if (!migrate(db, app, demo, &fault))
        fail_msg("%s", fault.text);
}

/* The fault's text; "" after success. */
static const char *fault_of(struct db *db, const struct app *app)
{
    static struct fault fault;

    fault.text[0] = '\0';
    bool ok = migrate(db, app, true, &fault);
    assert_int_equal(ok, fault.text[0] == '\0');
    return fault.text;
}

static int64_t tables(struct db *db)
{
    return one_int(db, "SELECT count(*) FROM sqlite_schema");
}

static void test_applies_once(void **state)
{
    const struct scratch *s = *state;
    struct made m;
    const struct app *app = make_app(&m, first_two, NULL);
    struct db *db = must_open(s->path, DB_CREATE);

    must_migrate(db, app, false);
    assert_int_equal(one_int(db, "SELECT count(*) FROM a"), 1);
    assert_int_equal(one_int(db, "SELECT count(*) FROM tokens"), 1);
    assert_int_equal(one_int(db, "SELECT count(*) FROM prong_migrations"
                                 " WHERE name IN ('001.sql', '002.sql')"
                                 " AND length(sha256) = 64"
                                 " AND applied_at LIKE '____-__-__T%Z'"),
                     2);
    must_migrate(db, app, false);
    assert_int_equal(one_int(db, "SELECT count(*) FROM a"), 1);

    /* What is new is applied to what is there. */
    const char *const three[] = {first_two[0], first_two[1],
                                 "ALTER TABLE a ADD COLUMN y;", NULL};
    must_migrate(db, make_app(&m, three, NULL), false);
    assert_int_equal(run_sql(db, "UPDATE a SET y = 1"), DB_DONE);
    db_close(db);
}

/* With nothing to do the write lock is not needed. */
static void test_fast_path(void **state)
{
    const struct scratch *s = *state;
    struct made m;
    const struct app *app = make_app(&m, first_two, NULL);
    struct db *holder = must_open(s->path, DB_CREATE);
    struct db *db;

    must_migrate(holder, app, false);
    assert_int_equal(db_begin_write(holder), DB_DONE);
    db = must_open(s->path, DB_CREATE);
    must_migrate(db, app, true);
    db_close(db);

    /* Nor when a migration was applied and its file is gone. */
    db = must_open(s->path, DB_CREATE);
    m.app.migration_count = 1;
    must_migrate(db, app, false);
    db_close(db);
    db_close(holder);
}

static void test_demo(void **state)
{
    const struct scratch *s = *state;
    const char *path = scratch_name(s, "b.db");
    struct made m;
    const struct app *app =
        make_app(&m, first_two, "INSERT INTO a VALUES (100), (101);");
    struct db *db = must_open(s->path, DB_CREATE);

    must_migrate(db, app, true);
    assert_int_equal(one_int(db, "SELECT count(*) FROM a"), 3);
    db_close(db);

    /* Not into a database that has lived without it. */
    db = must_open(path, DB_CREATE);
    must_migrate(db, app, false);
    must_migrate(db, app, true);
    assert_int_equal(one_int(db, "SELECT count(*) FROM a"), 1);

    const char *const more[] = {first_two[0], first_two[1],
                                "CREATE TABLE more(x);", NULL};
    must_migrate(db, make_app(&m, more, "INSERT INTO a VALUES (100);"), true);
    assert_int_equal(one_int(db, "SELECT count(*) FROM a"), 1);
    db_close(db);
}

static void test_no_migrations(void **state)
{
    const struct scratch *s = *state;
    static const char *const none[] = {NULL};
    struct made m;
    const struct app *app = make_app(
        &m, none, "CREATE TABLE IF NOT EXISTS d(x); INSERT INTO d VALUES (1);");
    struct db *db = must_open(s->path, DB_CREATE);

    must_migrate(db, app, true);
    must_migrate(db, app, true); /* the demo only once */
    assert_int_equal(one_int(db, "SELECT count(*) FROM d"), 1);
    db_close(db);
}

static void test_failures_leave_no_trace(void **state)
{
    static const struct {
        const char *second;
        const char *demo;
        const char *fault; /* how it must begin */
    } cases[] = {
        {.second = "CREATE TABLE b(x);\n\nCREATE TABLE b(x);\n",
         .fault = "schema/002.sql:3: table b already exists"},
        {.second = "-- one\nINSERT INTO a VALUES (2);\n -- two\n"
                   "INSERT INTO a\n VALUES (1);\n",
         .fault = "schema/002.sql:4: UNIQUE constraint failed: a.x"},
        {.second = "SELECT 1;\nSELECT\n 2,\n nope FROM a;\n",
         .fault = "schema/002.sql:4: no such column: nope"},
        {.second = "\n\nCOMMIT;",
         .fault = "schema/002.sql:3: COMMIT: a script runs inside"},
        {.second = "CREATE TABLE b(x);\nbegin immediate;",
         .fault = "schema/002.sql:2: begin: a script runs inside"},
        {.second = "/* x\n */ ROLLBACK;",
         .fault = "schema/002.sql:2: ROLLBACK: a script runs inside"},
        {.second = "CREATE TABLE c(x REFERENCES a(x)\n"
                   " DEFERRABLE INITIALLY DEFERRED);\n"
                   "INSERT INTO c VALUES (77);",
         .fault = "database "}, /* … row 1 of "c" refers to no row of "a" */
        {.second = "CREATE TABLE b(x);",
         .demo = "INSERT INTO b VALUES (1);\nINSERT INTO nope VALUES (1);",
         .fault = "schema/demo.sql:2: no such table: nope"},
    };
    const struct scratch *s = *state;
    struct db *db = must_open(s->path, DB_CREATE);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const texts[] = {first_two[0], cases[i].second, NULL};
        struct made m;
        const char *fault = fault_of(db, make_app(&m, texts, cases[i].demo));
        if (strncmp(fault, cases[i].fault, strlen(cases[i].fault)) != 0)
            fail_msg("case %zu: %s", i, fault);
        assert_int_equal(tables(db), 0);
    }
    /* And the connection is as good as new. */
    struct made m;
    must_migrate(db, make_app(&m, first_two, NULL), false);
    db_close(db);
}

static void test_foreign_key_fault(void **state)
{
    static const char *const texts[] = {
        "PRAGMA defer_foreign_keys = ON;"
        "CREATE TABLE p(x PRIMARY KEY); CREATE TABLE c(x REFERENCES p(x));"
        "INSERT INTO c VALUES (1), (2);",
        NULL};
    const struct scratch *s = *state;
    struct made m;
    struct db *db = must_open(s->path, DB_CREATE);
    const char *fault = fault_of(db, make_app(&m, texts, NULL));

    assert_non_null(strstr(
        fault,
        "after its migrations row 1 of \"c\" refers to no row of \"p\""));
    db_close(db);
}

static void test_changed_migration(void **state)
{
    static const char *const changed[] = {
        "CREATE TABLE a(x INTEGER PRIMARY KEY, y);", "CREATE TABLE n(x);",
        NULL};
    const struct scratch *s = *state;
    struct made m;
    struct db *db = must_open(s->path, DB_CREATE);

    must_migrate(db, make_app(&m, first_two, NULL), false);
    int64_t before = tables(db);
    const char *fault = fault_of(db, make_app(&m, changed, NULL));
    assert_non_null(strstr(fault, "schema/001.sql:1: was changed after"));
    assert_int_equal(tables(db), before);
    db_close(db);
}

/* A table that has the name by chance, and one that is only slow. */
static void test_foreign_tokens(void **state)
{
    static const char *const none[] = {NULL};
    const struct scratch *s = *state;
    struct made m;
    const struct app *app = make_app(&m, none, NULL);
    struct db *db = must_open(s->path, DB_CREATE);

    must_run(db, "CREATE TABLE tokens(id, user_id, role, word)");
    assert_non_null(strstr(fault_of(db, app),
                           "is not that of API tokens; it lacks sha256, name,"
                           " created_at, expires_at"));
    must_run(db, "DROP TABLE tokens; CREATE TABLE tokens(id INTEGER PRIMARY"
                 " KEY, sha256, user_id, role, name, created_at, expires_at,"
                 " note)");
    must_migrate(db, app, false);
    assert_int_equal(one_int(db, "SELECT count(*) FROM"
                                 " pragma_index_list('tokens')"),
                     1);
    must_migrate(db, app, false);
    db_close(db);
}

static bool needed(struct db *db, const struct app *app)
{
    struct fault fault = {""};
    bool needed = false;

    if (!migrate_needed(db, app, &needed, &fault))
        fail_msg("%s", fault.text);
    return needed;
}

static const char own_names[][24] = {"tokens", "prong_idempotency",
                                     "prong_jobs"};
enum { OWN_NAMES = sizeof own_names / sizeof *own_names };

/* Tables that a former version did not make are made, once, and nothing else
 * is done again. */
static void test_former_version(void **state)
{
    const struct scratch *s = *state;
    struct made m;
    const struct app *app =
        make_app(&m, first_two, "INSERT INTO a VALUES (100);");
    struct db *db = must_open(s->path, DB_CREATE);
    char sql[128];

    must_migrate(db, app, false);
    int64_t before = tables(db);
    for (size_t i = 0; i < OWN_NAMES; i++) {
        assert_false(needed(db, app));
        snprintf(sql, sizeof sql, "DROP TABLE %s", own_names[i]);
        must_run(db, sql);
        assert_true(needed(db, app));
        must_migrate(db, app, true);
        assert_int_equal(tables(db), before);
    }
    must_run(db, "DROP TABLE prong_jobs; DROP TABLE prong_idempotency");
    must_migrate(db, app, true);
    assert_int_equal(tables(db), before);
    assert_int_equal(one_int(db, "SELECT count(*) FROM a"), 1);
    must_run(db, "INSERT INTO prong_idempotency(scope, key, request,"
                 " created_at, status, headers, body)"
                 " VALUES ('', '', '', 0, 200, '', x'');"
                 "INSERT INTO prong_jobs(name, ran_at) VALUES ('', 0)");
    db_close(db);
}

static void test_foreign_tables(void **state)
{
    static const struct {
        const char *sql;
        const char *fault;
    } cases[] = {
        {"CREATE TABLE prong_idempotency(key, body)",
         "its table \"prong_idempotency\" is not that of Idempotency-Key; it "
         "lacks scope, request, created_at, status, type, headers"},
        {"CREATE TABLE prong_jobs(name, cron)",
         "its table \"prong_jobs\" is not that of jobs; it lacks ran_at"},
    };
    const struct scratch *s = *state;
    struct made m;
    const struct app *app = make_app(&m, first_two, NULL);
    struct db *db = must_open(s->path, DB_CREATE);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fault fault = {""};
        bool ignored;
        must_run(db, cases[i].sql);
        assert_non_null(strstr(fault_of(db, app), cases[i].fault));
        assert_false(migrate_needed(db, app, &ignored, &fault));
        assert_non_null(strstr(fault.text, cases[i].fault));
        assert_int_equal(tables(db), 1);
        must_run(db,
                 i ? "DROP TABLE prong_jobs" : "DROP TABLE prong_idempotency");
    }
    must_migrate(db, app, false);
    db_close(db);
}

/* Told beforehand, while another holds the lock. */
static void test_needed(void **state)
{
    static const char *const changed[] = {"SELECT 1;", NULL};
    const char *const more[] = {first_two[0], first_two[1],
                                "CREATE TABLE more(x);", NULL};
    const struct scratch *s = *state;
    struct made m;
    struct made m_more;
    struct made m_changed;
    const struct app *app = make_app(&m, first_two, NULL);
    struct fault fault = {""};
    bool ignored;
    struct db *holder = must_open(s->path, DB_CREATE);
    struct db *db = must_open(s->path, DB_SERVE);

    assert_int_equal(db_begin_write(holder), DB_DONE);
    assert_true(needed(db, app));
    db_rollback(holder);
    must_migrate(db, app, false);
    assert_int_equal(db_begin_write(holder), DB_DONE);
    assert_false(needed(db, app));
    assert_true(needed(db, make_app(&m_more, more, NULL)));
    assert_false(migrate_needed(db, make_app(&m_changed, changed, NULL),
                                &ignored, &fault));
    assert_non_null(strstr(fault.text, "001.sql:1: was changed after"));
    db_rollback(holder);
    must_run(db, "DELETE FROM prong_migrations WHERE name = '002.sql'");
    assert_true(needed(db, app));
    db_close(db);
    db_close(holder);
}

/* ---- several at once ---- */

/* A sign of life, for who reads the pipe. */
static void tell(void *self)
{
    int fd = *(int *)self;

    if (write(fd, "", 1) != 1)
        _exit(8);
}

/* `start` ends when all are told to begin; `signs` may be -1. */
static int migrate_in_child(const char *path, const struct app *app, int start,
                            int signs)
{
    struct fault fault = {""};
    char go;

    if (read(start, &go, 1) != 0)
        return 9;
    struct db *db = db_open(path, DB_CREATE, &fault);
    if (db && signs >= 0)
        db_on_progress(db, tell, &signs);
    if (db == NULL || !migrate(db, app, true, &fault)) {
        fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    db_close(db);
    return 0;
}

static void test_together(void **state)
{
    /* A second migration that takes a while: the others must wait. */
    static const char *const texts[] = {
        "CREATE TABLE a(x INTEGER PRIMARY KEY); INSERT INTO a VALUES (1);",
        "CREATE TABLE b(x); INSERT INTO b WITH RECURSIVE n(i) AS (SELECT 1"
        " UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i FROM n;",
        NULL};
    enum { CHILDREN = 4 };
    const struct scratch *s = *state;
    struct made m;
    const struct app *app = make_app(&m, texts, "INSERT INTO a VALUES (100);");
    pid_t pids[CHILDREN];
    int start[2];

    assert_int_equal(pipe(start), 0);
    for (int i = 0; i < CHILDREN; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            close(start[1]);
            _exit(migrate_in_child(s->path, app, start[0], -1));
        }
    }
    close(start[0]);
    close(start[1]);
    for (int i = 0; i < CHILDREN; i++) {
        int status = -1;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    struct db *db = must_open(s->path, DB_SERVE);
    assert_int_equal(one_int(db, "SELECT count(*) FROM a"), 2);
    assert_int_equal(one_int(db, "SELECT count(*) FROM b"), 100000);
    db_close(db);
}

/* Killed in the middle of the transaction: nothing has happened. */
static void test_killed(void **state)
{
    static const char *const texts[] = {
        "CREATE TABLE a(x);",
        "INSERT INTO a WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
        " SELECT i + 1 FROM n) SELECT i FROM n;",
        NULL};
    const struct scratch *s = *state;
    struct made m;
    const struct app *app = make_app(&m, texts, NULL);
    int start[2];
    int signs[2];
    char sign;

    assert_int_equal(pipe(start), 0);
    assert_int_equal(pipe(signs), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(start[1]);
        _exit(migrate_in_child(s->path, app, start[0], signs[1]));
    }
    close(start[0]);
    close(start[1]);
    close(signs[1]);
    /* 500,000 opcodes later it is in the midst of its endless insert. */
    for (int i = 0; i < 500; i++)
        assert_int_equal(read(signs[0], &sign, 1), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(signs[0]);
    struct db *db = must_open(s->path, DB_SERVE);
    assert_int_equal(tables(db), 0);
    must_migrate(db, make_app(&m, first_two, NULL), false);
    db_close(db);
}

/* Which tokens are known to everybody: "id id …". */
static void must_mark(struct db *db, const char *ids)
{
    char sql[256];

    snprintf(sql, sizeof sql,
             "SELECT coalesce(group_concat(id, ' '), '') = '%s' FROM tokens"
             " WHERE sha256 IN (SELECT sha256 FROM prong_demo_tokens)",
             ids);
    if (one_int(db, sql) != 1)
        fail_msg("not the tokens \"%s\"", ids);
}

static const char demo_of_tokens[] =
    "INSERT INTO tokens(sha256, role, name, created_at) VALUES"
    " ('aa', 'user', '', ''), (lower('BB'), 'user', '', '')";

/* All that are there when demo.sql has run, however it made them; none that
 * came later. */
static void test_demo_tokens(void **state)
{
    const struct scratch *s = *state;
    struct made m;
    const struct app *app = make_app(&m, first_two, demo_of_tokens);
    struct db *db = must_open(s->path, DB_CREATE);

    must_migrate(db, app, true);
    must_mark(db, "1 2 3");
    must_run(db, "INSERT INTO tokens(sha256, role, name, created_at)"
                 " VALUES ('cc', 'user', '', '')");
    must_migrate(db, app, true);
    must_mark(db, "1 2 3");
    db_close(db);
}

static void test_no_demo_tokens(void **state)
{
    const struct scratch *s = *state;
    struct made m;
    const struct app *app = make_app(&m, first_two, demo_of_tokens);
    struct db *db = must_open(s->path, DB_CREATE);

    must_migrate(db, app, false);
    must_mark(db, "");
    db_close(db);
}

/* A former version marked none: those that demo.sql names are found. */
static void test_former_demo_tokens(void **state)
{
    const struct scratch *s = *state;
    struct made m;
    const struct app *app = make_app(&m, first_two, demo_of_tokens);
    struct db *db = must_open(s->path, DB_CREATE);

    must_migrate(db, app, true);
    must_run(db, "DROP TABLE prong_demo_tokens");
    must_migrate(db, app, false);
    must_mark(db, "2");
    db_close(db);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_applies_once),
        TEST(test_fast_path),
        TEST(test_demo),
        TEST(test_demo_tokens),
        TEST(test_no_demo_tokens),
        TEST(test_former_demo_tokens),
        TEST(test_no_migrations),
        TEST(test_failures_leave_no_trace),
        TEST(test_foreign_key_fault),
        TEST(test_changed_migration),
        TEST(test_foreign_tokens),
        TEST(test_former_version),
        TEST(test_foreign_tables),
        TEST(test_needed),
        TEST(test_together),
        TEST(test_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
