#include "kitchen.h"

static const struct {
    const char *sql;
    const char *reads; /* null: of no interest */
    const char *writes;
} sets[] = {
    {"SELECT 1", "", ""},
    {"SELECT name FROM chefs", "chefs", ""},
    {"SELECT NAME FROM Chefs", "chefs", ""},
    {"SELECT count(*) FROM CHEFS", "chefs", ""},
    {"SELECT 1 FROM chefs", "chefs", ""},
    {"SELECT * FROM rated", "chefs rated reviews", ""},
    {"SELECT count(*) FROM best", "chefs rated reviews", ""},
    {"SELECT (SELECT max(id) FROM reviews)", "reviews", ""},
    {"SELECT 1 FROM audit WHERE EXISTS (SELECT 1 FROM totals)", "audit totals",
     ""},
    {"WITH c AS (SELECT id FROM chefs) SELECT c.id FROM c"
     " JOIN reviews r ON r.chef = c.id",
     "chefs reviews", ""},
    {"SELECT id FROM chefs UNION SELECT id FROM bookings", "bookings chefs",
     ""},
    {"SELECT value FROM json_each('[1]')", "json_each", ""},
    {"SELECT name FROM sqlite_schema", "", ""},
    {"SELECT text FROM words WHERE words MATCH 'x'", "words words_config", ""},
    {"SELECT text FROM found WHERE found MATCH 'x'",
     "found found_config reviews", ""},
    {"SELECT term FROM terms", "terms words", ""},
    {"SELECT name FROM over_view", "chefs over_view over_view_config reviews",
     ""},
    {"SELECT c0 FROM words_content", "words words_content", ""},
    /* Of what these join by, SQLite does not ask the authorizer. */
    {"SELECT DISTINCT r.text FROM reviews r JOIN bookings USING (chef)",
     "bookings reviews", ""},
    {"SELECT r.text FROM reviews r LEFT JOIN bookings USING (chef)",
     "bookings reviews", ""},
    {"SELECT t.n FROM totals t JOIN bookings b USING (chef)"
     " JOIN reviews USING (chef)",
     "bookings reviews totals", ""},
    {"SELECT count(*) FROM totals NATURAL JOIN bookings NATURAL JOIN reviews",
     "bookings reviews totals", ""},
    {"SELECT 1 WHERE EXISTS (SELECT 1 FROM totals NATURAL JOIN bookings)",
     "bookings totals", ""},
    {"SELECT t.n FROM totals t FULL JOIN bookings USING (chef)",
     "bookings totals", ""},
    {"SELECT t.n FROM totals t NATURAL LEFT JOIN rated",
     "chefs rated reviews totals", ""},
    {"SELECT seq FROM sqlite_sequence", " …", ""},
    {"SELECT name FROM sqlite_temp_schema", " …", ""},

    {"INSERT INTO audit VALUES (1)", "", "audit"},
    {"INSERT INTO audit SELECT name FROM chefs", "chefs", "audit"},
    {"INSERT INTO totals VALUES (1, 2)", "", "totals"},
    {"INSERT INTO numbered(v) VALUES (1)", "totals", "audit numbered"},
    {"INSERT INTO best(name) VALUES ('x')", NULL, "best chefs"},
    {"INSERT INTO chefs(name) VALUES ('x')"
     " ON CONFLICT (name) DO UPDATE SET stars = excluded.stars",
     NULL, "chefs"},
    {"INSERT INTO chefs(name) VALUES ('x')"
     " ON CONFLICT (name) DO UPDATE SET name = 'y'",
     NULL, "chefs totals"},
    {"INSERT INTO words VALUES ('x')", NULL, "words"},
    {"REPLACE INTO chefs VALUES (1, 'x', 2)", NULL,
     "bookings chefs notes reviews"},
    {"UPDATE chefs SET stars = 1", NULL, "chefs"},
    {"UPDATE chefs SET name = 'x'", NULL, "chefs totals"},
    {"UPDATE totals SET n = (SELECT count(*) FROM audit)", "audit", "totals"},
    {"DELETE FROM audit", "", "audit"},
    {"DELETE FROM reviews WHERE id = 1", NULL, "notes reviews"},
    {"DELETE FROM chefs", NULL, "bookings chefs notes reviews"},
    {"CREATE TABLE new_one(a)", NULL, " …"},
    {"/* x */ drop VIEW best", NULL, "best …"},
};

static void test_sets(void **state)
{
    struct watched w = watched_make();
    struct db *db = open_kitchen(*state, &w);

    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct stmt *s = must_prepare(db, sets[i].sql);
        const char *reads = list(db, stmt_reads(s));
        const char *writes = list(db, stmt_writes(s));
        if (sets[i].reads && strcmp(reads, sets[i].reads) != 0)
            fail_msg("%s reads [%s]", sets[i].sql, reads);
        if (strcmp(writes, sets[i].writes) != 0)
            fail_msg("%s writes [%s]", sets[i].sql, writes);
        db_finalize(s);
    }
    db_close(db);
    watched_free(&w);
}

static void test_unwatched(void **state)
{
    const struct scratch *s = *state;
    struct db *db = must_open(s->path, DB_CREATE);

    must_run(db, kitchen);
    struct stmt *read = must_prepare(db, "SELECT name FROM chefs");
    struct stmt *none = must_prepare(db, "SELECT 1");
    assert_true(stmt_reads(read)->more);
    assert_false(stmt_reads(none)->more);
    assert_true(db_current(db));
    assert_null(db_tables(db));
    db_close(db);
}

/* A join of that many tables, t0 and on. */
static struct stmt *join(struct db *db, int count)
{
    char sql[2048] = "SELECT 1 FROM t0";

    for (int i = 1; i < count; i++)
        snprintf(sql + strlen(sql), sizeof sql - strlen(sql), ", t%d", i);
    return must_prepare(db, sql);
}

static void test_too_many_tables(void **state)
{
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = must_watch(&w, s->path, OWN_SLOT);
    char sql[64];

    for (int i = 0; i <= DB_TABLES_MAX; i++) {
        snprintf(sql, sizeof sql, "CREATE TABLE t%d(a)", i);
        must_run(db, sql);
    }
    struct stmt *fits = join(db, DB_TABLES_MAX);
    assert_int_equal(stmt_reads(fits)->count, DB_TABLES_MAX);
    assert_false(stmt_reads(fits)->more);
    struct stmt *larger = join(db, DB_TABLES_MAX + 1);
    assert_true(stmt_reads(larger)->more);

    /* A transaction that writes more than that moves everything. */
    uint64_t epoch = tables_epoch(w.tables);
    assert_int_equal(db_begin_write(db), DB_DONE);
    for (int i = 0; i <= DB_TABLES_MAX; i++) {
        snprintf(sql, sizeof sql, "INSERT INTO t%d VALUES (1)", i);
        assert_int_equal(run_sql(db, sql), DB_DONE);
    }
    assert_true(tables_epoch(w.tables) == epoch);
    assert_int_equal(db_commit(db), DB_DONE);
    assert_true(tables_epoch(w.tables) > epoch);
    assert_true(db_current(db));
    must_be_still(&w);
    db_close(db);
    watched_free(&w);
}

static void test_impure(void **state)
{
    static const struct {
        const char *sql;
        const char *impure; /* null: it is not */
    } cases[] = {
        {"SELECT name FROM chefs ORDER BY lower(name)", NULL},
        {"SELECT name FROM chefs ORDER BY random()", "random()"},
        {"SELECT hex(randomblob(4))", "randomblob()"},
        {"SELECT changes()", "changes()"},
        {"SELECT total_changes()", "total_changes()"},
        {"SELECT last_insert_rowid()", "last_insert_rowid()"},
        {"SELECT 1 FROM audit WHERE what < CURRENT_TIMESTAMP",
         "current_timestamp"},
        {"SELECT current_date", "current_date"},
        {"SELECT * FROM pragma_table_info('chefs')", "pragma_table_info"},
        {"SELECT datetime('now')", "datetime('now')"},
        {"SELECT datetime('NOW', '-1 day')", "datetime('now')"},
        {"SELECT \"date\"('now')", "date('now')"},
        {"SELECT date /* so */ ( -- and\n 'now')", "date('now')"},
        {"SELECT date()", "date()"},
        {"SELECT strftime('%Y')", "strftime()"},
        {"SELECT strftime('%Y', what) FROM audit", NULL},
        {"SELECT strftime('%Y', 'now')", "strftime('now')"},
        {"SELECT date(what) FROM audit", NULL},
        {"SELECT date(what, '+1 day'), 'soon' FROM audit", NULL},
        {"SELECT date(coalesce(what, (SELECT 'now'))) FROM audit",
         "date('now')"},
        {"SELECT date(w) FROM (SELECT 'now' AS w)", "perhaps date('now')"},
        {"SELECT 'now' FROM audit", NULL},
        {"SELECT julianday('2026-01-01') - julianday(what) FROM audit", NULL},
        {"SELECT unixepoch(what), unixepoch('now') FROM audit",
         "unixepoch('now')"},
        {"SELECT * FROM recent", "perhaps date() inside recent"},
        {"SELECT * FROM dated", "perhaps date() inside dated"},
        {"WITH d AS (SELECT date(what) AS x FROM audit) SELECT x FROM d", NULL},
        {"WITH d(x) AS NOT MATERIALIZED (SELECT date(what) FROM audit)"
         " SELECT x FROM d",
         NULL},
        {"WITH d AS (SELECT date('now') AS x) SELECT x FROM d", "date('now')"},
        {"SELECT date(text) FROM reviews WHERE text <> 'it''s now'", NULL},
    };
    struct watched w = watched_make();
    struct db *db = open_kitchen(*state, &w);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stmt *s = must_prepare(db, cases[i].sql);
        const char *impure = stmt_impure(s);
        const char *expected = cases[i].impure ? cases[i].impure : "-";
        if (strcmp(impure ? impure : "-", expected) != 0)
            fail_msg("%s: %s, not %s", cases[i].sql, impure, expected);
        db_finalize(s);
    }
    db_close(db);
    watched_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sets, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_unwatched, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_too_many_tables, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_impure, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
