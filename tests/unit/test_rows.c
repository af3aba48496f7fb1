#include "tests/unit/scratch.h"

#include "worker/endpoint/rows.h"

static struct {
    struct db *db;
    struct json *reader;
    struct buf out;
} t;

static int set_up(void **state)
{
    struct fault fault;

    (void)state;
    db_init();
    t.db = must_open(":memory:", DB_CREATE);
    t.reader = json_new(&fault);
    return t.reader ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    json_free(t.reader);
    db_close(t.db);
    buf_free(&t.out);
    return 0;
}

enum how { OBJECT, CSV, CSV_HEAD };

/* The first row of the query, written in that way. */
static const char *write_row(const char *sql, enum how how, const char **json)
{
    struct stmt *s = must_prepare(t.db, sql);
    struct columns *c = columns_new(s, json, t.reader);

    buf_clear(&t.out);
    assert_int_equal(stmt_step(s), DB_ROW);
    if (how == OBJECT)
        rows_object(&t.out, c, columns_all(c));
    else if (how == CSV)
        rows_csv(&t.out, c, columns_all(c));
    else
        rows_csv_head(&t.out, c, columns_all(c));
    columns_free(c);
    db_finalize(s);
    return buf_text(&t.out);
}

static const struct {
    const char *sql;
    const char *json;
    const char *csv;
} values[] = {
    {"NULL", "null", ""},
    {"''", "\"\"", ""},
    {"9223372036854775807", "9223372036854775807", "9223372036854775807"},
    {"-9223372036854775807 - 1", "-9223372036854775808",
     "-9223372036854775808"},
    {"0.1", "0.1", "0.1"},
    {"1.0", "1.0", "1.0"},
    {"1e999", "null", "null"},
    {"x'00ff10'", "\"AP8Q\"", "AP8Q"},
    {"x''", "\"\"", ""},
    {"'a,b'", "\"a,b\"", "\"a,b\""},
    {"'say \"x\"'", "\"say \\\"x\\\"\"", "\"say \"\"x\"\"\""},
    {"'a' || char(13) || char(10)", "\"a\\r\\n\"", "\"a\r\n\""},
    {"'a' || char(0) || 'b'", "\"a\\u0000b\"", NULL},
    {"CAST(x'ff' AS TEXT)", "\"\xef\xbf\xbd\"", NULL},
    {"'é'", "\"é\"", "é"},
};

static void writes_values(void **state)
{
    char sql[128];
    char wanted[128];

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(sql, sizeof sql, "SELECT %s AS v", values[i].sql);
        snprintf(wanted, sizeof wanted, "{\"v\":%s}", values[i].json);
        assert_string_equal(write_row(sql, OBJECT, NULL), wanted);
        if (values[i].csv == NULL)
            continue;
        snprintf(wanted, sizeof wanted, "%s\r\n", values[i].csv);
        assert_string_equal(write_row(sql, CSV, NULL), wanted);
    }
}

/* An answer always parses: what is no JSON is written as a string. */
static const struct {
    const char *sql;
    const char *json;
} nested[] = {
    {"'{\"a\":[1]}'", "{\"a\":[1]}"},
    {"'[1,' || char(10) || '2]'", "[1, 2]"},
    {"'tru'", "\"tru\""},
    {"''", "\"\""},
    {"'1' || char(0)", "\"1\\u0000\""},
    {"CAST(x'22ff22' AS TEXT)", "\"\\\"\xef\xbf\xbd\\\"\""},
    {"7", "7"},
    {"NULL", "null"},
    {"x'5b5d'", "\"W10=\""},
};

static void nests_json(void **state)
{
    const char *json[] = {"other", "v", NULL};
    char sql[128];
    char wanted[128];

    (void)state;
    for (size_t i = 0; i < sizeof nested / sizeof *nested; i++) {
        snprintf(sql, sizeof sql, "SELECT %s AS v", nested[i].sql);
        snprintf(wanted, sizeof wanted, "{\"v\":%s}", nested[i].json);
        assert_string_equal(write_row(sql, OBJECT, json), wanted);
    }
}

static void names(void **state)
{
    static const char sql[] = "SELECT 1 AS \"a\"\"b\", 2 AS \"c,d\", 3 AS c";

    (void)state;
    assert_string_equal(write_row(sql, OBJECT, NULL),
                        "{\"a\\\"b\":1,\"c,d\":2,\"c\":3}");
    assert_string_equal(write_row(sql, CSV_HEAD, NULL),
                        "\"a\"\"b\",\"c,d\",c\r\n");
}

static void choices_of_columns(void **state)
{
    struct stmt *s = must_prepare(t.db, "SELECT 1 AS a, 2 AS b, 3 AS A");
    struct columns *c = columns_new(s, NULL, t.reader);
    column_set set = 0;

    (void)state;
    assert_int_equal(columns_count(c), 3);
    assert_int_equal(columns_all(c), 7);
    assert_true(columns_find(c, SLICE("b"), &set));
    assert_false(columns_find(c, SLICE("B"), &set));
    assert_false(columns_find(c, SLICE(""), &set));
    assert_true(columns_find(c, SLICE("A"), &set));
    assert_int_equal(set, 6);
    assert_int_equal(stmt_step(s), DB_ROW);
    buf_clear(&t.out);
    rows_object(&t.out, c, set);
    rows_object(&t.out, c, 0);
    rows_csv(&t.out, c, 4);
    assert_string_equal(buf_text(&t.out), "{\"b\":2,\"A\":3}{}3\r\n");
    columns_free(c);
    columns_free(NULL);
    db_finalize(s);
}

static void columns_come_and_go(void **state)
{
    must_run(t.db, "CREATE TABLE x (a); INSERT INTO x VALUES (1);");
    struct stmt *s = must_prepare(t.db, "SELECT * FROM x");
    struct columns *c = columns_new(s, NULL, t.reader);
    char more[64];

    (void)state;
    must_run(t.db, "ALTER TABLE x ADD COLUMN b DEFAULT 2");
    assert_int_equal(stmt_step(s), DB_ROW);
    assert_true(columns_refresh(c));
    buf_clear(&t.out);
    rows_object(&t.out, c, columns_all(c));
    assert_string_equal(buf_text(&t.out), "{\"a\":1,\"b\":2}");
    stmt_reset(s);
    for (int i = 0; i < ROWS_COLUMNS_MAX; i++) {
        snprintf(more, sizeof more, "ALTER TABLE x ADD COLUMN c%d", i);
        must_run(t.db, more);
    }
    assert_int_equal(stmt_step(s), DB_ROW);
    assert_false(columns_refresh(c));
    columns_free(c);
    db_finalize(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_values),
        cmocka_unit_test(nests_json),
        cmocka_unit_test(names),
        cmocka_unit_test(choices_of_columns),
        cmocka_unit_test(columns_come_and_go),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
