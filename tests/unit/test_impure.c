#include "watched.h"

#include "common/log.h"
#include "worker/db/impure.h"

static const char tables[] = "CREATE TABLE t(a); CREATE VIEW v AS SELECT"
                             " date(a) AS day FROM t;";

/* What is logged of a statement; the optimizer wants to see it is there. */
static bool logs(struct db *db, const struct endpoint *e, const char *sql)
{
    struct stmt *s = must_prepare(db, sql);

    return s && impure_log(e, s);
}

static void test_why(void **state)
{
    static const struct {
        const char *sql;
        int64_t cache_ms;
        const char *said; /* null: nothing */
    } cases[] = {
        {"SELECT a FROM t", 60000, NULL},
        {"SELECT random()", 0, NULL},
        {"SELECT random()", 60000,
         "GET /x is cached for 1m although random() makes each answer"
         " different: only the time limits it"},
        {"SELECT random()", 90000,
         "GET /x is cached for 90s although random() makes each answer"
         " different: only the time limits it"},
        {"SELECT datetime('now')", 7200000,
         "GET /x is cached for 2h although datetime('now') makes each answer"
         " different: only the time limits it"},
        {"SELECT date()", 86400000,
         "GET /x is cached for 1d although date() makes each answer different:"
         " only the time limits it"},
        {"SELECT day FROM v", 1500,
         "GET /x is cached for 1500ms although perhaps date() inside v makes"
         " each answer different: only the time limits it"},
        {"SELECT random() FROM sqlite_temp_schema", 1000,
         "GET /x is not cached: not all of the tables that it reads can be"
         " kept track of (at most 32, none of them temporary or"
         " sqlite_sequence)"},
    };
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = must_watch(&w, s->path, OWN_SLOT);

    must_run(db, tables);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct endpoint e = {.path = "/x", .cache_ms = cases[i].cache_ms};
        struct fault said = {""};
        struct stmt *stmt = must_prepare(db, cases[i].sql);
        assert_int_equal(impure_why(&e, stmt, &said), cases[i].said != NULL);
        assert_string_equal(said.text, cases[i].said ? cases[i].said : "");
    }
    db_close(db);
    watched_free(&w);
}

static void test_log(void **state)
{
    const struct scratch *s = *state;
    const struct endpoint e = {
        .file = "api/x.sql", .line = 7, .path = "/x", .cache_ms = 1000};
    struct watched w = watched_make();
    struct db *db = must_watch(&w, s->path, OWN_SLOT);
    char line[512];

    assert_true(log_open(scratch_name(s, "log"), LOG_INFO, false));
    assert_false(logs(db, &e, "SELECT 1"));
    assert_true(logs(db, &e, "SELECT random()"));
    assert_true(logs(db, &e, "SELECT 1 FROM sqlite_temp_schema"));
    assert_true(log_open("-", LOG_INFO, false));
    FILE *f = fopen(scratch_name(s, "log"), "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    assert_non_null(strstr(line, "[INFO] api/x.sql:7: GET /x is cached for"));
    assert_non_null(fgets(line, sizeof line, f));
    assert_non_null(strstr(line, "[WARNING] api/x.sql:7: GET /x is not"));
    assert_null(fgets(line, sizeof line, f));
    fclose(f);
    db_close(db);
    watched_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_why, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_log, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
