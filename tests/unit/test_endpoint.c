#include "tests/unit/theatre.h"

static const char schema[] =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    "  price REAL NOT NULL DEFAULT 1 CHECK (price >= 0), tags TEXT,"
    "  data BLOB, owner INTEGER);"
    "CREATE TABLE parts (id INTEGER PRIMARY KEY, label TEXT NOT NULL,"
    "  item INTEGER NOT NULL REFERENCES items (id));"
    "CREATE TRIGGER names BEFORE INSERT ON items WHEN NEW.name = 'cursed'"
    "  BEGIN SELECT RAISE(ABORT, 'this name is cursed'); END;"
    "INSERT INTO items (id, name, price, owner) VALUES (1, 'one', 1.5, 7),"
    "  (2, 'two', 2, 8);";

static const char api[] =
    "-- GET /items/{id}\n-- @param id integer min 1\n-- @one\n"
    "SELECT id, name, price FROM items WHERE id = :id;\n\n"

    "-- GET /find\n-- @param like text required\n-- @param max real max 100\n"
    "-- @param day date\n"
    "SELECT id FROM items WHERE name LIKE :like\n"
    "   AND (:max IS NULL OR price <= :max) AND :day IS NULL;\n\n"

    "-- POST /items\n-- @auth public\n-- @param name text required max 10\n"
    "-- @param price real default 1\n-- @param owner integer\n"
    "-- @param data blob\n-- @param tags json\n-- @json tags\n-- @one\n"
    "-- @status 201\n"
    "INSERT INTO items (name, price, owner, data, tags)\n"
    "VALUES (:name, :price, :owner, :data, :tags)\n"
    "RETURNING id, name, price, owner, data, tags;\n\n"

    "-- PUT /items/{id}\n-- @auth public\n-- @param id integer\n"
    "-- @param name text\n-- @one\n"
    "UPDATE items SET name = :name WHERE id = :id RETURNING id, name;\n\n"

    "-- PATCH /items/{id}\n-- @auth public\n-- @param id integer\n"
    "UPDATE items SET price = price + 1 WHERE id = :id;\n\n"

    "-- DELETE /items/{id}\n-- @auth admin\n-- @param id integer\n-- @none\n"
    "DELETE FROM items WHERE id = :id RETURNING id;\n\n"

    "-- POST /pairs\n-- @auth public\n-- @param name text required\n"
    "-- @param item integer\n-- @param label text\n-- @many\n"
    "INSERT INTO items (name) VALUES (:name);\n"
    "INSERT INTO parts (item, label)\n"
    "VALUES (coalesce(:item, last_insert_rowid()), :label);\n"
    "SELECT i.name, p.label FROM parts p JOIN items i ON i.id = p.item;\n\n"

    "-- POST /batch/{owner}\n-- @auth public\n-- @each items max 3\n"
    "-- @param owner integer\n-- @param name text required\n"
    "-- @param price real default 9 min 0\n-- @param tags json\n"
    "-- @status 201\n"
    "INSERT INTO items (name, price, owner, tags)\n"
    "VALUES (:name, :price, :owner, :tags) RETURNING name, owner;\n\n"

    "-- POST /silent\n-- @auth public\n-- @each items\n"
    "-- @param name text required\n"
    "INSERT INTO items (name) VALUES (:name);\n\n"

    "-- GET /me\n-- @auth user\n-- @one\n"
    "SELECT :auth.user_id AS id, :auth.role AS role;\n\n"

    "-- GET /guest\n-- @one\n-- @http public, max-age=5\n"
    "SELECT :auth.user_id AS id, :auth.role AS role;\n\n"

    "-- GET /chefs\n-- @auth chef\n-- @value\nSELECT 'soup';\n\n"

    "-- GET /endless\n-- @timeout 30ms\n-- @value\n"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)\n"
    "SELECT count(*) FROM n;\n\n"

    "-- POST /endless\n-- @timeout 30ms\n-- @auth public\n-- @value\n"
    "INSERT INTO items (name) VALUES ('late');\n"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)\n"
    "SELECT count(*) FROM n;\n\n"

    "-- GET /large\n-- @param n integer\n"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n\n"
    "                         WHERE i < :n)\nSELECT hex(zeroblob(500)) FROM n;"
    "\n\n"

    "-- POST /large\n-- @auth public\n-- @one\n"
    "INSERT INTO items (name) VALUES ('large')\n"
    "RETURNING hex(zeroblob(40000)) AS body;\n\n"

    "-- POST /huge\n-- @auth public\n"
    "INSERT INTO items (name) VALUES ('huge')\n"
    "RETURNING hex(zeroblob(40000)) AS body;\n\n"

    "-- GET /broken\n-- @value\nSELECT abs(-9223372036854775807 - 1);\n";

static int set_up(void **state)
{
    struct fault fault = {""};

    (void)state;
    theatre_open("response_max = 64K\n", schema);
    theatre_token("seven", "7", "user");
    theatre_token("cook", "8", "chef");
    theatre_token("root", "NULL", "admin");
    if (theatre_play(api, &fault) == NULL)
        fail_msg("%s", fault.text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    theatre_close();
    return 0;
}

/* What a case expects: null texts are not looked at. */
struct expected {
    struct asked ask;
    int status;
    const char *body;   /* exactly */
    const char *has;    /* somewhere in the body */
    const char *header; /* somewhere among the headers */
};

static void expect(const struct expected *e)
{
    theatre_ask(&e->ask);
    const char *body = theatre_body();
    bool good = house.res.status == e->status &&
                (e->body == NULL || strcmp(body, e->body) == 0) &&
                (e->has == NULL || strstr(body, e->has)) &&
                (e->header == NULL || strstr(theatre_headers(), e->header)) &&
                (e->status < 400 ||
                 (strstr(body, "\"request_id\":\"id7\"") &&
                  strcmp(house.res.type, "application/problem+json") == 0));
    if (!good)
        fail_msg("%s %s%s: %d %s\n%s", e->ask.line,
                 e->ask.json ? e->ask.json : "", e->ask.form ? e->ask.form : "",
                 house.res.status, body, theatre_headers());
}

static void expect_all(const struct expected *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(&cases[i]);
}

#define EXPECT(cases) expect_all(cases, sizeof(cases) / sizeof *(cases))

static void values_are_checked(void **state)
{
    static const struct expected cases[] = {
        {.ask = {.line = "GET /items/1"},
         .status = 200,
         .body = "{\"id\":1,\"name\":\"one\",\"price\":1.5}",
         .header = "Vary: Accept\r\n"},
        {.ask = {.line = "GET /items/3"}, .status = 404},
        {.ask = {.line = "GET /items/0"},
         .status = 400,
         .has = "{\"pointer\":\"/id\",\"detail\":\"must be at least 1\"}"},
        {.ask = {.line = "GET /items/1x"},
         .status = 400,
         .has = "\"/id\",\"detail\":\"must be an integer\""},
        {.ask = {.line = "GET /items/9223372036854775808"}, .status = 400},
        /* All faults come together. */
        {.ask = {.line = "GET /find?max=101&day=2023-02-29&fields=x"},
         .status = 400,
         .has = "\"errors\":[{\"pointer\":\"/max\",\"detail\":\"must be at "
                "most 100\"},{\"pointer\":\"/day\",\"detail\":\"must be a "
                "date, YYYY-MM-DD\"},{\"pointer\":\"/like\",\"detail\":\"is "
                "required\"},{\"pointer\":\"/fields\",\"detail\":\"names a "
                "column that is not there\"}]}"},
        {.ask = {.line = "GET /find?like=t%25&max=1e400"}, .status = 400},
        {.ask = {.line = "GET /find?like=%25&like=x"},
         .status = 400,
         .has = "is given more than once"},
        {.ask = {.line = "GET /find?like=%ff"}, .status = 400, .has = "UTF-8"},
        {.ask = {.line = "GET /find?like=%25&max=1.75&unknown=1"},
         .status = 200,
         .body = "[{\"id\":1}]"},
        {.ask = {.line = "GET /find?like=x'+OR+1=1--"},
         .status = 200,
         .body = "[]"},
        {.ask = {.line = "POST /items"}, .status = 411},
        {.ask = {.line = "POST /items", .fields = "Content-Length: 0\r\n"},
         .status = 400,
         .has = "\"/name\""},
        {.ask = {.line = "POST /items?name=url"}, .status = 201},
    };

    (void)state;
    EXPECT(cases);
}

static void bodies_are_read(void **state)
{
    static const struct expected cases[] = {
        {.ask = {.line = "POST /items",
                 .json = "{\"name\":\"a\",\"owner\":null,\"price\":2,"
                         "\"data\":\"AAEC\",\"tags\":{\"x\":[1,\"\\u00e9\"]},"
                         "\"else\":[]}"},
         .status = 201,
         .body = "{\"id\":3,\"name\":\"a\",\"price\":2,\"owner\":null,"
                 "\"data\":\"AAEC\",\"tags\":{\"x\":[1,\"\\u00e9\"]}}"},
        {.ask = {.line = "POST /items",
                 .json = "{\"name\":\"b\",\"tags\":\"\\u0001\\n\"}"},
         .status = 201,
         .has = "\"tags\":\"\\u0001\\n\""},
        {.ask = {.line = "POST /items",
                 .form = "name=c+d&price=0.125&tags=%5B1%5D&data="},
         .status = 201,
         .body = "{\"id\":5,\"name\":\"c d\",\"price\":0.125,\"owner\":null,"
                 "\"data\":\"\",\"tags\":[1]}"},
        {.ask = {.line = "POST /items", .form = "name=%zz"}, .status = 400},
        {.ask = {.line = "POST /items", .form = "name=e&tags=%5B1"},
         .status = 400,
         .has = "must be JSON"},
        {.ask = {.line = "POST /items", .json = "{\"name\":\"f\""},
         .status = 400,
         .has = "must be a JSON object"},
        {.ask = {.line = "POST /items", .json = "[]"}, .status = 400},
        {.ask = {.line = "POST /items", .json = "\"name\""}, .status = 400},
        {.ask = {.line = "POST /items", .json = "{\"name\":1}"},
         .status = 400,
         .has = "must be a string"},
        {.ask = {.line = "POST /items", .json = "{\"name\":\"x\\u0000y\"}"},
         .status = 400},
        {.ask = {.line = "POST /items",
                 .json = "{\"name\":\"f\",\"price\":1e999}"},
         .status = 400,
         .has = "must be a number"},
        {.ask = {.line = "POST /items",
                 .json = "{\"name\":\"f\",\"tags\":[\"\xff\"]}"},
         .status = 400,
         .has = "must be a JSON object"},
        {.ask = {.line = "POST /items",
                 .json = "{\"name\":\"f\",\"name\":\"g\"}"},
         .status = 400,
         .has = "is given more than once"},
        {.ask = {.line = "POST /items", .json = "{\"name\":\"0123456789x\"}"},
         .status = 400,
         .has = "must have at most 10 characters"},
        {.ask = {.line = "POST /items?name=q", .json = "{\"name\":\"q\"}"},
         .status = 400},
        {.ask = {.line = "PUT /items/1", .json = "{\"id\":2,\"name\":\"uno\"}"},
         .status = 200,
         .body = "{\"id\":1,\"name\":\"uno\"}"},
        {.ask = {.line = "PUT /items/99", .json = "{\"name\":\"z\"}"},
         .status = 404},
        {.ask = {.line = "PATCH /items/1"}, .status = 204, .body = ""},
    };

    (void)state;
    EXPECT(cases);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 5);
}

static void failures_of_sql(void **state)
{
    static const struct expected cases[] = {
        {.ask = {.line = "POST /items", .form = "name=one"}, .status = 409},
        {.ask = {.line = "POST /items", .form = "name=x&price=-1"},
         .status = 422},
        {.ask = {.line = "PUT /items/1", .json = "{}"}, .status = 422},
        {.ask = {.line = "POST /items", .form = "name=cursed"},
         .status = 400,
         .has = "\"detail\":\"this name is cursed\""},
        {.ask = {.line = "POST /pairs", .form = "name=x&item=99&label=l"},
         .status = 409},
        {.ask = {.line = "POST /pairs", .form = "name=x"}, .status = 422},
        {.ask = {.line = "GET /endless"}, .status = 504},
        {.ask = {.line = "POST /endless", .json = "{}"}, .status = 504},
        {.ask = {.line = "GET /broken"}, .status = 500},
        {.ask = {.line = "GET /large?n=200"}, .status = 500},
        {.ask = {.line = "GET /large?n=2"}, .status = 200},
        {.ask = {.line = "GET /items/1"}, .status = 200},
    };

    (void)state;
    EXPECT(cases);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 2);
    assert_int_equal(theatre_count("SELECT count(*) FROM parts"), 0);
}

/* A write either answers and is kept, or fails and leaves nothing; whatever
 * it was, the next request has its deadline. */
static void large_answers(void **state)
{
    static const struct expected cases[] = {
        {.ask = {.line = "POST /huge", .json = "{}"}, .status = 413},
        {.ask = {.line = "GET /endless"}, .status = 504},
        {.ask = {.line = "POST /large", .json = "{}"}, .status = 200},
        {.ask = {.line = "GET /endless"}, .status = 504},
        {.ask = {.line = "POST /large", .json = "{}"}, .status = 409},
        {.ask = {.line = "GET /endless"}, .status = 504},
    };

    (void)state;
    EXPECT(cases);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 3);
}

static void statements_share_a_transaction(void **state)
{
    static const struct expected cases[] = {
        {.ask = {.line = "POST /pairs", .form = "name=x&label=left"},
         .status = 200,
         .body = "[{\"name\":\"x\",\"label\":\"left\"}]"},
        {.ask = {.line = "POST /pairs", .form = "name=x&label=right"},
         .status = 409},
    };

    (void)state;
    EXPECT(cases);
    assert_int_equal(theatre_count("SELECT count(*) FROM parts"), 1);
}

static void each_element(void **state)
{
    static const struct expected cases[] = {
        {.ask = {.line = "POST /batch/7",
                 .json = "{\"note\":[1],\"items\":[{\"name\":\"a\"},"
                         "{\"price\":2,\"name\":\"b\",\"tags\":[]}],"
                         "\"items2\":3}"},
         .status = 201,
         .body = "{\"created\":2,\"items\":[{\"name\":\"a\",\"owner\":7},"
                 "{\"name\":\"b\",\"owner\":7}]}"},
        {.ask = {.line = "POST /silent",
                 .json = "{\"items\":[{\"name\":\"q\"},{\"name\":\"r\"}]}"},
         .status = 200,
         .body = "{\"created\":2}"},
        {.ask = {.line = "POST /batch/7",
                 .json = "{\"items\":[{\"name\":\"c\"},{},7,{\"name\":\"d\","
                         "\"price\":-1}]}"},
         .status = 400,
         .has = "[{\"pointer\":\"/items/1/name\",\"detail\":\"is required\"},"
                "{\"pointer\":\"/items/2\",\"detail\":\"must be an object\"},"
                "{\"pointer\":\"/items\",\"detail\":\"must have at most 3 "
                "elements\"}]"},
        {.ask = {.line = "POST /batch/x", .json = "{\"items\":[{}]}"},
         .status = 400,
         .has = "[{\"pointer\":\"/owner\",\"detail\":\"must be an integer\"},"
                "{\"pointer\":\"/items/0/name\",\"detail\":\"is required\"}]"},
        /* The second cannot be stored: the first is taken back. */
        {.ask = {.line = "POST /batch/7",
                 .json = "{\"items\":[{\"name\":\"c\"},{\"name\":\"a\"}]}"},
         .status = 409,
         .has = "\"errors\":[{\"pointer\":\"/items/1\",\"detail\":\"Conflict"
                "\"}]}"},
        {.ask = {.line = "POST /batch/7", .json = "{\"items\":[]}"},
         .status = 400,
         .has = "must not be empty"},
        {.ask = {.line = "POST /batch/7", .json = "{\"items\":{}}"},
         .status = 400,
         .has = "must be an array"},
        {.ask = {.line = "POST /batch/7", .json = "{\"item\":[]}"},
         .status = 400,
         .has = "is required"},
        {.ask = {.line = "POST /batch/7", .json = "[{\"name\":\"c\"}]"},
         .status = 400},
        {.ask = {.line = "POST /batch/7", .form = "name=c"}, .status = 415},
        {.ask = {.line = "POST /batch/7"}, .status = 411},
        {.ask = {.line = "POST /batch/7", .fields = "Content-Length: 0\r\n"},
         .status = 400},
        {.ask = {.line = "POST /batch/7",
                 .json = "{\"items\":[{\"name\":\"c\",\"name\":\"d\"}]}"},
         .status = 400,
         .has = "/items/0/name\",\"detail\":\"is given more than once"},
    };

    (void)state;
    EXPECT(cases);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 6);
}

#define TOKEN(t) "Authorization: Bearer " t "\r\n"

static void who_may_ask(void **state)
{
    static const struct expected cases[] = {
        {.ask = {.line = "GET /me"},
         .status = 401,
         .header = "WWW-Authenticate: Bearer\r\n"},
        {.ask = {.line = "GET /me", .fields = TOKEN("wrong")},
         .status = 401,
         .header = "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n"},
        {.ask = {.line = "GET /me", .fields = "Authorization: Bearer\r\n"},
         .status = 401},
        {.ask = {.line = "GET /me", .fields = "Authorization: Basic x\r\n"},
         .status = 401},
        {.ask = {.line = "GET /me",
                 .fields = "Authorization:  bEARER \t seven \r\n"},
         .status = 200,
         .body = "{\"id\":7,\"role\":\"user\"}",
         .header = "Cache-Control: no-store\r\n"},
        {.ask = {.line = "GET /me", .fields = TOKEN("root")},
         .status = 200,
         .body = "{\"id\":null,\"role\":\"admin\"}"},
        {.ask = {.line = "GET /guest"},
         .status = 200,
         .body = "{\"id\":null,\"role\":null}",
         .header = "Cache-Control: public, max-age=5\r\n"},
        {.ask = {.line = "GET /guest", .fields = TOKEN("cook")},
         .status = 200,
         .body = "{\"id\":8,\"role\":\"chef\"}"},
        {.ask = {.line = "GET /guest", .fields = TOKEN("wrong")},
         .status = 401},
        {.ask = {.line = "GET /chefs", .fields = TOKEN("seven")},
         .status = 403},
        {.ask = {.line = "GET /chefs", .fields = TOKEN("cook")},
         .status = 200,
         .body = "\"soup\""},
        {.ask = {.line = "DELETE /items/2", .fields = TOKEN("cook")},
         .status = 403},
        {.ask = {.line = "DELETE /items/2", .fields = TOKEN("root")},
         .status = 204,
         .body = ""},
        /* Who may not ask learns nothing about the values. */
        {.ask = {.line = "DELETE /items/x"}, .status = 401},
    };

    (void)state;
    EXPECT(cases);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 1);
}

static void media_types(void **state)
{
    static const struct {
        const char *fields;
        int status;
    } cases[] = {
        {"", 415},
        {"Content-Type: \r\n", 415},
        {"Content-Type: text/plain\r\n", 415},
        {"Content-Type: +json\r\n", 415},
        {"Content-Type: application/jsonx\r\n", 415},
        {"Content-Type: multipart/form-data; boundary=x\r\n", 415},
        {"Content-Type: application/x-www-form-urlencoded\r\n", 400},
        {"Content-Type: Application/JSON;charset=utf-8\r\n", 201},
        {"Content-Type: application/merge-patch+json ; a=b\r\n", 201},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        theatre_run("DELETE FROM items");
        expect(&(struct expected){.ask = {.line = "POST /items",
                                          .fields = cases[i].fields,
                                          .text = "{\"name\":\"a\"}"},
                                  .status = cases[i].status});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_are_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bodies_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(media_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_of_sql, set_up, tear_down),
        cmocka_unit_test_setup_teardown(statements_share_a_transaction, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_element, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_may_ask, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
