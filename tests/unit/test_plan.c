#include "tests/unit/theatre.h"

#include "common/segment/names.h"
#include "common/segment/shm.h"
#include "common/segment/tables.h"
#include "worker/endpoint/plan.h"

/* Apps that must not start, and where the fault lies. */
static const struct {
    const char *api;
    const char *fault; /* behind the file's name */
} cases[] = {
    {"-- GET /a\nSELECT 1;\n", NULL},
    {"-- GET /a\nSELECT id\n  FROM nowhere;\n", ":2: no such table: nowhere"},
    {"-- GET /a\nSELECT id,\n nix FROM t;\n", ":3: no such column: nix"},
    {"-- GET /a\nSELECT\n \"text\" FROM t;\n", ":3: no such column: text"},
    {"-- GET /a\nSELECT 1;\nSELEKT 2;\n", ":3: near \"SELEKT\""},
    {"-- GET /a\n-- @page 5\n-- a\nSELECT id,\n nix FROM t;\n",
     ":5: no such column: nix"},
    {"-- GET /a\nDELETE FROM t;\n", ":2: GET /a writes"},
    {"-- GET /a\nSELECT 1;\nUPDATE t SET id = 1;\n", ":3: GET /a writes"},
    {"-- GET /a\nSELECT 1;\n\nINSERT INTO v VALUES (1);\n",
     ":4: GET /a writes"},
    {"-- GET /a\nPRAGMA user_version = 3;\n", ":2: "},
    {"-- POST /a\n-- @auth public\nBEGIN;\n", ":3: "},
    {"-- POST /a\n-- @auth public\nATTACH 'x' AS y;\n", ":3: "},
    {"-- GET /a\n-- @sort id,nix\nSELECT id FROM t;\n",
     ":1: @sort names no column of the result: nix"},
    {"-- GET /a\n-- @json nix\nSELECT id FROM t;\n",
     ":1: @json names no column of the result: nix"},
    {"-- GET /a\n-- @page key=id,nix 5\nSELECT id FROM t;\n",
     ":1: @page names no column of the result: nix"},
    {"-- GET /a\n-- @page key=a,b,c,d,e 5\n"
     "SELECT 1 a, 2 b, 3 c, 4 d, 5 e;\n",
     ":1: @page takes at most 4 keys"},
    {"-- GET /a\n-- @page key=a,b,c,d 5\nSELECT 1 a, 2 b, 3 c, 4 d;\n", NULL},
    {"-- POST /a\n-- @auth public\n-- @one\nDELETE FROM t;\n",
     ":1: no statement of POST /a gives rows to answer"},
    {"-- POST /a\n-- @auth public\n-- @none\nDELETE FROM t;\n", NULL},
    {"-- POST /a\n-- @auth public\nDELETE FROM t;\n", NULL},
    {"-- GET /a\n-- @param j json default {\"a\":\nSELECT :j;\n",
     ":1: the default of j is not JSON"},
    {"-- GET /a\n-- @param j json default {\"a\":1}\nSELECT :j;\n", NULL},
    {"-- GET /a\nSELECT ?;\n", ":2: "},
    {"-- GET /a\nSELECT :b;\n", ":2: "},
    {"-- GET /a\n-- @page 5\nVALUES (1, 2);\n", NULL},
    {"-- GET /a\n-- @page 5\nWITH x AS (SELECT 1 AS n) SELECT n FROM x;\n",
     NULL},
};

static void faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fault fault = {""};
        theatre_open("", "CREATE TABLE t (id);"
                         "CREATE VIEW v AS SELECT id FROM t;"
                         "CREATE TRIGGER w INSTEAD OF INSERT ON v BEGIN"
                         " INSERT INTO t VALUES (NEW.id); END;");
        bool good = theatre_play(cases[i].api, &fault) != NULL;
        const char *at = strstr(fault.text, "test.sql");
        if (good != (cases[i].fault == NULL) ||
            (!good && (!at || strncmp(at + 8, cases[i].fault,
                                      strlen(cases[i].fault)) != 0)))
            fail_msg("%s\n%s", cases[i].api, fault.text);
        theatre_close();
    }
}

/* As many columns as fit a word, and one more. */
static void many_columns(void **state)
{
    (void)state;
    for (int count = 64; count <= 65; count++) {
        struct buf api = {0};
        struct fault fault = {""};
        buf_string(&api, "-- GET /a\nSELECT 1 AS c1");
        for (int i = 2; i <= count; i++)
            buf_format(&api, ", %d AS c%d", i, i);
        buf_string(&api, ";\n");
        theatre_open("", "");
        bool good = theatre_play(buf_text(&api), &fault) != NULL;
        assert_int_equal(good, count <= 64);
        if (good) {
            theatre_ask(&(struct asked){.line = "GET /a"});
            assert_non_null(strstr(theatre_body(), ",\"c64\":64}]"));
            theatre_ask(&(struct asked){.line = "GET /a?fields=c64"});
            assert_string_equal(theatre_body(), "[{\"c64\":64}]");
        } else {
            assert_non_null(strstr(fault.text, ":2: more than 64 columns"));
        }
        theatre_close();
        buf_free(&api);
    }
}

/* Who may do without a transaction around its statement: when that gives no
 * row, the 404 has nothing to take back. */
static const struct {
    const char *api;
    bool alone;
} singles[] = {
    {"-- @one\nINSERT INTO t VALUES (1) RETURNING id;\n", true},
    {"-- @value\nINSERT INTO t VALUES (1) RETURNING id;\n", true},
    {"-- @one\nINSERT INTO t SELECT id FROM u RETURNING id;\n", true},
    {"INSERT INTO t VALUES (1) RETURNING id;\n", false},
    {"-- @none\nINSERT INTO t VALUES (1);\n", false},
    {"-- @one\nINSERT INTO t VALUES (1) RETURNING id;\n"
     "INSERT INTO u VALUES (1);\n",
     false},
    {"-- @one\nSELECT 1;\n", false}, /* writes nothing */
    /* Its trigger writes another table, even for a row that is not added. */
    {"-- @one\nINSERT INTO gated VALUES (1) ON CONFLICT DO NOTHING "
     "RETURNING id;\n",
     false},
    /* As does one that writes the same table. */
    {"-- @one\nINSERT INTO own VALUES (1, 0) ON CONFLICT DO NOTHING "
     "RETURNING id;\n",
     false},
    {"-- @one\nUPDATE gated SET id = 2 WHERE id = 1 RETURNING id;\n", true},
};

static void alone(void **state)
{
    struct names *names = shm_map(names_size());
    struct tables *tables = shm_map(tables_size());
    struct fault fault = {""};
    struct json *json = json_new(&fault);
    char api[512];

    (void)state;
    assert_true(names && tables && json);
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++) {
        theatre_open("", "CREATE TABLE t (id);"
                         "CREATE TABLE u (id);"
                         "CREATE TABLE gated (id INTEGER PRIMARY KEY);"
                         "CREATE TRIGGER gate BEFORE INSERT ON gated BEGIN"
                         " INSERT INTO u VALUES (NEW.id); END;"
                         "CREATE TABLE own (id INTEGER PRIMARY KEY, n);"
                         "CREATE TRIGGER mine BEFORE INSERT ON own BEGIN"
                         " UPDATE own SET n = n + 1; END;");
        db_watch(house.db, names, tables, 0);
        snprintf(api, sizeof api, "-- POST /a\n-- @auth public\n%s",
                 singles[i].api);
        assert_true(theatre_load(api, &fault));
        struct plan *p =
            plan_new(house.db, json, &house.app->endpoints[0], &fault);
        if (p == NULL || p->alone != singles[i].alone)
            fail_msg("%s%s", api, fault.text);
        plan_free(p);
        theatre_close();
    }
    json_free(json);
    shm_unmap(names, names_size());
    shm_unmap(tables, tables_size());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults),
        cmocka_unit_test(many_columns),
        cmocka_unit_test(alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
