#include "scratch.h"

#include <sys/stat.h>

#include "common/app/app.h"
#include "worker/commands/check.h"
#include "worker/migrate.h"

static const char base_schema[] =
    "CREATE TABLE users(id INTEGER PRIMARY KEY, email TEXT NOT NULL,"
    " age INTEGER);\n"
    "CREATE INDEX users_email ON users(email);\n"
    "\n"
    "CREATE TABLE orders(id INTEGER PRIMARY KEY,\n"
    "  user_id INTEGER NOT NULL REFERENCES users(id),\n"
    "  status TEXT, total REAL, made TEXT);\n"
    "CREATE INDEX orders_user ON orders(user_id);\n"
    "CREATE VIEW open_orders AS SELECT o.id AS oid, o.total AS amount\n"
    "  FROM orders AS o WHERE o.status = 'open';\n";

/* 20 orders for each of 100 users; scan_rows is 1000. */
static const char base_demo[] =
    "INSERT INTO users WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
    " SELECT i + 1 FROM n LIMIT 100) SELECT i, 'u' || i, i FROM n;\n"
    "INSERT INTO orders WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL"
    " SELECT i + 1 FROM n LIMIT 2000)"
    " SELECT i, 1 + i % 100, 'open', i, '2026-01-01' FROM n;\n";

static void put(const struct scratch *s, const char *name, const char *text)
{
    write_file(scratch_name(s, name), text, strlen(text));
}

/* An app folder: null leaves a file out. */
static void make_app(const struct scratch *s, const char *schema,
                     const char *demo, const char *api)
{
    mkdir(scratch_name(s, "schema"), 0700);
    mkdir(scratch_name(s, "api"), 0700);
    put(s, "app.conf", "database = a.db\n");
    put(s, "schema/001.sql", schema);
    put(s, "api/x.sql", api);
    if (demo)
        put(s, "demo.sql", demo);
}

static char said[16384];

/* Loads the folder and checks it; the number of errors. */
static int check(const struct scratch *s)
{
    struct fault fault = {""};
    struct app *app = app_load(s->dir, &fault);

    if (app == NULL)
        fail_msg("%s", fault.text);
    FILE *to = fmemopen(said, sizeof said, "w");
    assert_non_null(to);
    int errors = check_app(app, to);
    assert_int_equal(fclose(to), 0);
    app_free(app);
    return errors;
}

static void must_say(const char *text)
{
    if (strstr(said, text) == NULL)
        fail_msg("not said: %s\n--- but:\n%s", text, said);
}

static void must_not_say(const char *text)
{
    if (strstr(said, text))
        fail_msg("said: %s\n--- in:\n%s", text, said);
}

static void test_errors(void **state)
{
    static const struct {
        const char *api;
        const char *error;
    } cases[] = {
        {"-- GET /a\n\nSELECT id,\n  nope FROM users;\n",
         "api/x.sql:4: error: no such column: nope"},
        {"-- GET /a\nSELECT * FROM gone;\n",
         "api/x.sql:2: error: no such table: gone"},
        {"-- GET /a\n-- @auth public\nDELETE FROM users;\n",
         "api/x.sql:3: error: GET /a writes"},
        {"-- GET /a\n-- @json meta\nSELECT id FROM users;\n",
         "api/x.sql:1: error: @json names no column of the result: meta"},
        {"-- GET /a\n-- @sort size\nSELECT id FROM users;\n",
         "api/x.sql:1: error: @sort names no column of the result: size"},
        {"-- GET /a\n-- @page key=made 10\nSELECT id FROM users;\n",
         "api/x.sql:1: error: @page names no column of the result: made"},
        {"-- POST /a\n-- @auth public\n-- @each ids max 5\n"
         "-- @param id integer\nSELECT id FROM users WHERE id = :id;\n",
         "api/x.sql:1: error: @each, but no statement writes"},
        {"-- POST /a\n-- @auth public\n-- @one\nDELETE FROM users;\n",
         "api/x.sql:1: error: no statement of POST /a gives rows"},
        {"-- GET /a\nSELECT 1;\n-- GET /b\nSELECT\nnope;\n-- GET /c\n"
         "SELECT 2;\n",
         "api/x.sql:5: error: no such column: nope"},
    };
    const struct scratch *s = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_app(s, base_schema, NULL, cases[i].api);
        if (check(s) != 1)
            fail_msg("case %zu: not one error:\n%s", i, said);
        must_say(cases[i].error);
        must_say("1 errors, 0 warnings\n");
    }
}

static void test_every_error_is_told(void **state)
{
    const struct scratch *s = *state;

    make_app(s, base_schema, NULL,
             "-- GET /a\nSELECT nope;\n-- GET /b\nSELECT 1;\n"
             "-- GET /c\nSELECT nada;\n");
    assert_int_equal(check(s), 2);
    must_say("api/x.sql:2: error: no such column: nope\n");
    must_say("api/x.sql:6: error: no such column: nada\n");
}

static void test_broken_schema(void **state)
{
    const struct scratch *s = *state;

    make_app(s, "CREATE TABLE a(x);\n\nCREATE TABLE a(x);\n", NULL,
             "-- GET /a\nSELECT 1;\n");
    assert_int_equal(check(s), 1);
    must_say("schema/001.sql:3: error: table a already exists\n");
}

static void test_broken_demo(void **state)
{
    const struct scratch *s = *state;

    make_app(s, base_schema, "SELECT 1;\nSELECT nope;\n",
             "-- GET /a\nSELECT 1;\n");
    assert_int_equal(check(s), 1);
    must_say("demo.sql:2: error: no such column: nope\n");
}

/* Each statement with its plan, and the index that mends it. */
static void test_warnings(void **state)
{
    static const struct {
        const char *sql;
        const char *warning; /* null: nothing to say */
        const char *remedy;  /* what must follow */
    } cases[] = {
        {"SELECT id FROM orders WHERE status = 'x'", "scans orders",
         "    plan: SCAN orders\n"
         "    CREATE INDEX orders_status ON orders(status);"},
        {"SELECT x.total FROM orders x WHERE x.status = 'x' AND"
         " x.made > '2026'",
         "scans orders",
         "    plan: SCAN x\n"
         "    CREATE INDEX orders_status_made ON orders(status, made);"},
        {"SELECT amount FROM open_orders", "scans orders",
         "    plan: SCAN o\n"
         "    CREATE INDEX orders_status ON orders(status);"},
        {"SELECT id FROM orders WHERE status = 'x' ORDER BY made LIMIT 5",
         "scans orders",
         "    plan: SCAN orders\n"
         "    CREATE INDEX orders_status_made ON orders(status, made);"},
        {"SELECT total FROM orders WHERE user_id = 1 ORDER BY made",
         "sorts rows of orders",
         "    plan: USE TEMP B-TREE FOR ORDER BY\n"
         "    CREATE INDEX orders_user_id_made ON orders(user_id, made);"},
        {"SELECT u.age, o.total FROM users u JOIN orders o ON o.status ="
         " u.email",
         "orders", "CREATE INDEX orders_status ON orders(status);"},
        {"SELECT id FROM orders WHERE total * 2 = 4", "scans orders",
         "    no index of one or two columns helps"},
        {"SELECT sum(total) FROM orders", "scans orders",
         "    no index of one or two columns helps"},
        /* nothing to say */
        {"SELECT id FROM orders WHERE user_id = 1", NULL, NULL},
        {"SELECT total FROM orders WHERE id = 1", NULL, NULL},
        {"SELECT total FROM orders ORDER BY id LIMIT 5", NULL, NULL},
        {"SELECT count(*) FROM orders", NULL, NULL},
        {"SELECT age FROM users WHERE age > 3 ORDER BY age", NULL, NULL},
        {"SELECT total FROM orders WHERE id = 1 ORDER BY made", NULL, NULL},
    };
    const struct scratch *s = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char api[512];
        snprintf(api, sizeof api, "-- GET /a\n-- words\n%s;\n", cases[i].sql);
        make_app(s, base_schema, base_demo, api);
        assert_int_equal(check(s), 0);
        if (cases[i].warning == NULL) {
            must_not_say("warning: ");
            continue;
        }
        must_say("api/x.sql:3: warning: GET /a ");
        must_say(cases[i].warning);
        must_say(cases[i].remedy);
    }
}

/* The statements that paging makes are judged, not the author's alone. */
static void test_paging(void **state)
{
    const struct scratch *s = *state;

    make_app(s, base_schema, base_demo,
             "-- GET /a\n-- @page 20 max 100\n-- @sort made\n"
             "SELECT id, made FROM orders;\n");
    assert_int_equal(check(s), 0);
    must_say("CREATE INDEX orders_made ON orders(made);");
    must_say("0 errors, 1 warnings\n");

    make_app(s, base_schema, base_demo,
             "-- GET /a\n-- @page key=id 20\nSELECT id, made FROM orders;\n");
    assert_int_equal(check(s), 0);
    must_say("0 errors, 0 warnings\n");
}

/* The proposal is good when, put into the schema, it silences the warning. */
static void test_proposal_holds(void **state)
{
    const struct scratch *s = *state;
    char schema[2048];
    char index[256];

    make_app(s, base_schema, base_demo,
             "-- GET /a\nSELECT id FROM orders WHERE status = 'x'"
             " ORDER BY made LIMIT 5;\n");
    assert_int_equal(check(s), 0);
    const char *at = strstr(said, "CREATE INDEX");
    assert_non_null(at);
    snprintf(index, sizeof index, "%.*s", (int)strcspn(at, "\n"), at);
    snprintf(schema, sizeof schema, "%s%s\n", base_schema, index);
    put(s, "schema/001.sql", schema);
    assert_int_equal(check(s), 0);
    must_say("0 errors, 0 warnings\n");
}

static void test_foreign_keys(void **state)
{
    static const char schema[] =
        "CREATE TABLE p(a, b, PRIMARY KEY (a, b));\n"
        "CREATE TABLE q(id INTEGER PRIMARY KEY);\n"
        "/* CREATE TABLE c */ -- CREATE TABLE c(\n"
        "CREATE TABLE IF NOT EXISTS \"c\"(a, b, q REFERENCES q,\n"
        "  r INTEGER PRIMARY KEY REFERENCES q, FOREIGN KEY (a, b)\n"
        "  REFERENCES p(a, b));\n"
        "CREATE INDEX c_q ON c(q);\n";
    const struct scratch *s = *state;

    make_app(s, schema, NULL, "-- GET /a\nSELECT 1;\n");
    assert_int_equal(check(s), 0);
    must_say("schema/001.sql:4: warning: no index serves the foreign key"
             " c(a, b): changes of p scan c\n"
             "    CREATE INDEX c_a_b ON c(a, b);\n");
    must_say("0 errors, 1 warnings\n");
}

/* The real database's rows count, not the demonstration's; it is only read.
 * What ANALYZE found there is believed. */
static void test_real_database(void **state)
{
    const struct scratch *s = *state;
    struct fault fault = {""};

    make_app(s, base_schema, base_demo,
             "-- GET /a\nSELECT id FROM orders WHERE status = 'x';\n");
    struct app *app = app_load(s->dir, &fault);
    assert_non_null(app);
    struct db *db = must_open(s->path, DB_CREATE);
    assert_true(migrate(db, app, false, &fault));
    assert_int_equal(check(s), 0);
    must_say("0 errors, 0 warnings\n"); /* no rows, so no warning */

    must_run(db, base_demo);
    must_run(db, "ANALYZE");
    assert_int_equal(db_begin_write(db), DB_DONE); /* nor does it wait */
    assert_int_equal(check(s), 0);
    must_say("scans orders, which has more than 1000 rows");
    db_rollback(db);
    assert_int_equal(one_int(db, "SELECT count(*) FROM sqlite_schema WHERE"
                                 " name = 'prong_trial'"),
                     0);
    db_close(db);
    app_free(app);
}

static void test_unreadable_database(void **state)
{
    const struct scratch *s = *state;

    make_app(s, base_schema, base_demo, "-- GET /a\nSELECT 1;\n");
    put(s, "a.db",
        "These are words and no database at all, in a file that"
        " has the database's name, more than a hundred bytes.");
    assert_int_equal(check(s), 1);
    must_say("file is not a database");
}

static void test_jobs(void **state)
{
    const struct scratch *s = *state;

    make_app(s, base_schema, base_demo, "-- GET /a\nSELECT 1;\n");
    mkdir(scratch_name(s, "jobs"), 0700);
    put(s, "jobs/j.sql",
        "-- EVERY 5m tidy\nSELECT 1;\n"
        "DELETE FROM orders WHERE status = 'x';\n"
        "SELECT nope;\n");
    assert_int_equal(check(s), 1);
    must_say("jobs/j.sql:3: warning: job tidy scans orders");
    must_say("jobs/j.sql:4: error: no such column: nope");
}

/* A note is neither an error nor a warning. */
static void test_notes(void **state)
{
    const struct scratch *s = *state;

    make_app(s, base_schema, NULL,
             "-- GET /dice\n-- @cache 1m\nSELECT 1;\nSELECT random() AS n;\n"
             "-- GET /own\n-- @cache 1m\n"
             "SELECT name FROM sqlite_temp_schema;\n"
             "-- GET /plain\n-- @cache 1m\nSELECT id FROM users;\n"
             "-- GET /uncached\nSELECT random() AS n;\n");
    assert_int_equal(check(s), 0);
    must_say("api/x.sql:1: note: GET /dice is cached for 1m although random()"
             " makes each answer different: only the time limits it\n");
    must_say("api/x.sql:5: note: GET /own is not cached: ");
    must_not_say("/plain");
    must_not_say("/uncached");
    must_say("0 errors, 0 warnings\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_errors),         TEST(test_every_error_is_told),
        TEST(test_broken_schema),  TEST(test_broken_demo),
        TEST(test_warnings),       TEST(test_paging),
        TEST(test_proposal_holds), TEST(test_foreign_keys),
        TEST(test_real_database),  TEST(test_unreadable_database),
        TEST(test_jobs),           TEST(test_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
