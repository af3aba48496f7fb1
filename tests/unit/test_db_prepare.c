#include "scratch.h"

#include "common/buf.h"

static struct db *open_memory(void)
{
    struct db *db = must_open(":memory:", DB_CREATE);

    must_run(db, "CREATE TABLE a(id INTEGER PRIMARY KEY, x, y);"
                 "CREATE TABLE b(id INTEGER PRIMARY KEY, z);"
                 "CREATE VIEW v AS SELECT a.x AS vx FROM a JOIN b"
                 " ON b.id = a.id;");
    return db;
}

static void test_faults(void **state)
{
    static const struct {
        const char *sql;
        const char *reason;
        int offset;
    } cases[] = {
        {"SELEC 1", "near \"SELEC\": syntax error", 0},
        {"SELECT\n nope FROM a", "no such column: nope", 8},
        {"SELECT 1 FROM gone", "no such table: gone", -1},
        {"SELECT \"x y\" FROM a", "no such column: x y", 7},
        {"SELECT 'open", "unrecognized token: \"'open\"", 7},
        {"SELECT 1; SELECT 2", "more than one statement", 10},
        {"", "there is no statement in this text", -1},
        {"-- only words", "there is no statement in this text", -1},
        {"BEGIN", "BEGIN is not allowed here", 0},
        {"/* x */ -- y\n commit", "commit is not allowed here", 14},
        {"; RollBack", "RollBack is not allowed here", 2},
        {"SAVEPOINT a", "SAVEPOINT is not allowed here", 0},
        {"VACUUM", "VACUUM is not allowed here", 0},
        {"ATTACH 'x' AS y", "ATTACH is not allowed here", 0},
        {"PRAGMA foreign_keys = OFF", "PRAGMA is not allowed here", 0},
    };
    struct db *db = open_memory();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fault fault = {""};
        int offset = -2;
        assert_null(db_prepare(db, cases[i].sql, &fault, &offset));
        assert_string_equal(fault.text, cases[i].reason);
        if (cases[i].offset >= 0)
            assert_int_equal(offset, cases[i].offset);
    }
    db_finalize(must_prepare(db, "SELECT 1; -- and a word\n ; /* two */ "));
    db_finalize(NULL);
    db_close(db);
}

static void test_fault_line(void **state)
{
    static const struct {
        const char *text;
        int offset;
        int first;
        int line;
    } cases[] = {
        {"a\nb\nc", 0, 7, 7},  {"a\nb\nc", 1, 7, 7}, {"a\nb\nc", 2, 7, 8},
        {"a\nb\nc", 4, 1, 3},  {"a\nb", -1, 5, 5},   {"", 3, 2, 2},
        {"a\nb\nc", 99, 1, 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            db_fault_line(cases[i].text, cases[i].offset, cases[i].first),
            cases[i].line);
}

static void test_facts(void **state)
{
    static const struct {
        const char *sql;
        bool readonly;
        int columns;
    } cases[] = {
        {"SELECT x, y FROM a", true, 2},
        {"WITH q AS (SELECT 1 AS one) SELECT * FROM q", true, 1},
        {"INSERT INTO a(x) VALUES (1)", false, 0},
        {"INSERT INTO a(x) VALUES (1) RETURNING id, x", false, 2},
        {"DELETE FROM a", false, 0},
    };
    struct db *db = open_memory();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stmt *s = must_prepare(db, cases[i].sql);
        assert_int_equal(stmt_readonly(s), cases[i].readonly);
        assert_int_equal(stmt_columns(s), cases[i].columns);
        assert_string_equal(stmt_sql(s), cases[i].sql);
        db_finalize(s);
    }
    struct stmt *s = must_prepare(db, "SELECT x AS name FROM a");
    assert_string_equal(stmt_column_name(s, 0), "name");
    db_close(db);
}

/* Columns are those of the present schema, and the version tells. */
static void test_version(void **state)
{
    struct db *db = open_memory();
    struct stmt *s = must_prepare(db, "SELECT * FROM b");
    unsigned before = stmt_version(s);

    (void)state;
    must_run(db, "INSERT INTO b VALUES (1, 2)");
    assert_int_equal(run_int(s), 1);
    assert_int_equal(stmt_version(s), before);
    assert_int_equal(stmt_columns(s), 2);

    must_run(db, "ALTER TABLE b ADD COLUMN w");
    assert_int_equal(stmt_step(s), DB_ROW);
    assert_int_not_equal(stmt_version(s), before);
    assert_int_equal(stmt_columns(s), 3);
    assert_string_equal(stmt_column_name(s, 2), "w");
    db_close(db);
}

static void note_read(void *self, const char *table, const char *column)
{
    struct buf *seen = self;

    buf_format(seen, "%s.%s ", table, column);
}

static void test_reads(void **state)
{
    struct db *db = open_memory();
    struct stmt *kept = must_prepare(db, "SELECT 7");
    struct buf seen = {0};

    (void)state;
    assert_true(db_reads(db, "SELECT vx FROM v", note_read, &seen));
    assert_non_null(strstr(buf_text(&seen), "a.x "));
    assert_non_null(strstr(buf_text(&seen), "a.id "));
    assert_non_null(strstr(buf_text(&seen), "b.id "));
    assert_null(strstr(buf_text(&seen), "a.y "));
    assert_null(strstr(buf_text(&seen), "b.z "));
    assert_false(db_reads(db, "SELECT nope FROM v", note_read, &seen));
    assert_int_equal(run_int(kept), 7);
    buf_free(&seen);
    db_close(db);
}

static void test_script(void **state)
{
    static const struct {
        const char *script;
        const char *reason; /* null: runs */
        int offset;
    } cases[] = {
        {"", NULL, 0},
        {"-- nothing\n/* at all */ ;;", NULL, 0},
        {"INSERT INTO b(z) VALUES (1);\nSELECT * FROM b;", NULL, 0},
        {"CREATE TRIGGER t AFTER INSERT ON b BEGIN SELECT 1; END; -- x", NULL,
         0},
        {"SELECT 1;\n-- word\nINSERT INTO b VALUES (1, 1);",
         "UNIQUE constraint failed: b.id", 18},
        {"SELECT 1;\nSELECT 2, nope;", "no such column: nope", 20},
        {"SELECT 1; COMMIT;", "COMMIT: a script runs inside a transaction", 10},
        {"/**/begin", "begin: a script runs inside a transaction", 4},
        {"SELECT 1;\nCREATE TABLE", "incomplete input", 10},
    };
    struct db *db = open_memory();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fault fault = {""};
        int offset = -2;
        bool ok = db_script(db, slice_of(cases[i].script), &fault, &offset);
        assert_int_equal(ok, cases[i].reason == NULL);
        if (ok)
            continue;
        assert_string_equal(fault.text, cases[i].reason);
        assert_int_equal(offset, cases[i].offset);
    }
    assert_int_equal(one_int(db, "SELECT count(*) FROM b"), 1);
    db_close(db);
}

/* SQLite would read only what stands before the NUL. */
static void test_script_with_nul(void **state)
{
    struct db *db = open_memory();
    struct fault fault;
    int offset;

    (void)state;
    assert_false(
        db_script(db, SLICE("SELECT 1;\0DROP TABLE a;"), &fault, &offset));
    assert_int_equal(offset, 9);
    db_close(db);
}

static int set_up(void **state)
{
    (void)state;
    db_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_fault_line),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_script),
        cmocka_unit_test(test_script_with_nul),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
