#include "tests/unit/theatre.h"

/* Seven rows, by price with ties, so that keys must break them. */
static const char schema[] =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, price REAL,"
    "                    tags TEXT, data BLOB);"
    "INSERT INTO items VALUES (1, 'a', 2, '[1]', x'00ff'),"
    "  (2, 'b,\"c', 1, 'no json', NULL), (3, 'd\r\ne', 2, '{\n}', NULL),"
    "  (4, 'é', 1.5, NULL, NULL), (5, ';:', 2, 'null', NULL),"
    "  (6, '', 0.1, '1', NULL), (7, NULL, 1e300, '\"x\"', NULL);";

static const char api[] =
    "-- GET /pages\n-- @page 3 max 5\n-- @sort price, name\n"
    "SELECT id, price, name FROM items -- a remark at the end\n;\n\n"
    "-- GET /sorted\n-- @sort price,name\n"
    "SELECT id, price, name FROM items ORDER BY id DESC;\n\n"
    "-- GET /rising/{x}\n-- @param x text\n-- @param min real\n"
    "-- @page key=price,id 2\n"
    "SELECT id, price, :x AS x FROM items WHERE price >= coalesce(:min, 0);\n\n"
    "-- GET /falling\n-- @page key=-price,-id 3 max 4\n"
    "SELECT id, price FROM items;\n\n"
    "-- GET /names\n-- @page key=name 2\n"
    "SELECT name FROM items WHERE name IS NOT NULL;\n\n"
    "-- GET /all\n-- @json tags\nSELECT * FROM items;\n\n"
    "-- GET /one\n-- @one\n-- @json tags\n"
    "SELECT id, tags FROM items WHERE id = 3;\n\n"
    "-- GET /two\n-- @one\nSELECT id FROM items ORDER BY id;\n\n"
    "-- GET /value\n-- @value\nSELECT name, id FROM items WHERE id = 4;\n\n"
    "-- GET /none\n-- @none\nSELECT 1;\n\n"
    "-- GET /last\nSELECT 1 AS a;\nSELECT 2 AS b;\n";

static int set_up(void **state)
{
    struct fault fault = {""};

    (void)state;
    theatre_open("", schema);
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

struct expected {
    struct asked ask;
    int status;         /* 0: 200 */
    const char *body;   /* exactly; null is not looked at */
    const char *has;    /* somewhere in the body */
    const char *header; /* somewhere among the headers, */
    const char *absent; /* or not */
};

static void expect(const struct expected *e)
{
    theatre_ask(&e->ask);
    const char *body = theatre_body();
    const char *headers = theatre_headers();
    int status = e->status ? e->status : 200;

    if (house.res.status != status || (e->body && strcmp(body, e->body) != 0) ||
        (e->has && !strstr(body, e->has)) ||
        (e->header && !strstr(headers, e->header)) ||
        (e->absent && strstr(headers, e->absent)))
        fail_msg("%s: %d %s\n%s", e->ask.line, house.res.status, body, headers);
}

static void expect_all(const struct expected *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(&cases[i]);
}

#define EXPECT(cases) expect_all(cases, sizeof(cases) / sizeof *(cases))

static void pages_by_offset(void **state)
{
    static const struct expected cases[] = {
        {.ask = {.line = "GET /pages?x=%3E&fields=id"},
         .body = "[{\"id\":1},{\"id\":2},{\"id\":3}]",
         .header = "Link: </pages?fields=id&limit=3&offset=3>; "
                   "rel=\"next\"\r\n",
         .absent = "prev"},
        {.ask = {.line = "GET /pages?offset=5&fields=id"},
         .body = "[{\"id\":6},{\"id\":7}]",
         .header =
             "Link: </pages?fields=id&limit=3&offset=2>; rel=\"prev\"\r\n",
         .absent = "next"},
        {.ask = {.line = "GET /pages?offset=2&limit=4&count=exact"},
         .header = "Link: </pages?count=exact&limit=4&offset=6>; rel=\"next\""
                   ", </pages?count=exact&limit=4&offset=0>; rel=\"prev\""},
        {.ask = {.line = "GET /pages?count=exact"},
         .header = "X-Total-Count: 7\r\n"},
        {.ask = {.line = "GET /pages?count=no"}, .absent = "X-Total-Count"},
        {.ask = {.line = "GET /pages?limit=0"}, .body = "[]", .absent = "Link"},
        {.ask = {.line = "GET /pages?offset=7"},
         .body = "[]",
         .header = "prev"},
        {.ask = {.line = "GET /pages?offset=4611686018427387903"},
         .body = "[]"},
        {.ask = {.line = "GET /pages?limit=6"}, .status = 400, .has = "/limit"},
        {.ask = {.line = "GET /pages?limit=-1"}, .status = 400},
        {.ask = {.line = "GET /pages?limit="}, .status = 400},
        {.ask = {.line = "GET /pages?offset=1e3"},
         .status = 400,
         .has = "/offset"},
        {.ask = {.line = "GET /pages?offset=9223372036854775807"},
         .status = 400},
        {.ask = {.line = "GET /pages?sort=price,id&limit=9"},
         .status = 400,
         .has = "\"/sort\",\"detail\":\"is no column that can be sorted by\"},"
                "{\"pointer\":\"/limit\""},
    };

    (void)state;
    EXPECT(cases);
}

static void sorted(void **state)
{
    static const struct expected cases[] = {
        {.ask = {.line = "GET /sorted?fields=id"},
         .body = "[{\"id\":7},{\"id\":6},{\"id\":5},{\"id\":4},{\"id\":3},"
                 "{\"id\":2},{\"id\":1}]",
         .absent = "Link"},
        {.ask = {.line = "GET /sorted?fields=price&sort=-price"},
         .body = "[{\"price\":1e+300},{\"price\":2.0},{\"price\":2.0},"
                 "{\"price\":2.0},{\"price\":1.5},{\"price\":1.0},"
                 "{\"price\":0.1}]"},
        {.ask = {.line =
                     "GET /sorted?sort=price&fields=+id+,price&count=exact"},
         .has = "[{\"id\":6,\"price\":0.1},{\"id\":2,\"price\":1.0},",
         .header = "X-Total-Count: 7\r\n"},
        {.ask = {.line = "GET /sorted?sort=id"}, .status = 400},
        {.ask = {.line = "GET /sorted?sort="}, .status = 400},
        {.ask = {.line = "GET /sorted?sort=--price"}, .status = 400},
        {.ask = {.line = "GET /sorted?fields="}, .status = 400},
        {.ask = {.line = "GET /sorted?fields=id,"}, .status = 400},
        {.ask = {.line = "GET /sorted?fields=id,ID"}, .status = 400},
    };

    (void)state;
    EXPECT(cases);
}

/* The target of the link with that relation; false without. */
static bool linked(const char *rel, char line[2048])
{
    char mark[32];
    const char *headers = theatre_headers();

    snprintf(mark, sizeof mark, ">; rel=\"%s\"", rel);
    const char *end = strstr(headers, mark);
    if (end == NULL)
        return false;
    const char *start = end;
    while (*start != '<')
        start--;
    snprintf(line, 2048, "GET %.*s", (int)(end - start - 1), start + 1);
    return true;
}

/* Reads all pages forwards, then backwards; each page must be the same. */
static void walk(const char *first, size_t pages)
{
    char line[2048];
    char seen[16][1024] = {""};
    size_t n = 0;

    snprintf(line, sizeof line, "GET %s", first);
    do {
        assert_true(n < 16);
        theatre_ask(&(struct asked){.line = line});
        assert_int_equal(house.res.status, 200);
        snprintf(seen[n++], sizeof *seen, "%s", theatre_body());
    } while (linked("next", line));
    assert_int_equal(n, pages);
    while (linked("prev", line)) {
        assert_true(n > 1);
        theatre_ask(&(struct asked){.line = line});
        assert_string_equal(theatre_body(), seen[--n - 1]);
    }
    assert_int_equal(n, 1);
}

static void pages_by_key(void **state)
{
    static const struct expected cases[] = {
        {.ask = {.line = "GET /rising/%22%3E?min=1&limit=2"},
         .body = "[{\"id\":2,\"price\":1.0,\"x\":\"\\\">\"},"
                 "{\"id\":4,\"price\":1.5,\"x\":\"\\\">\"}]",
         .header = "Link: </rising/%22%3E?min=1&limit=2&cursor=bnIxLjU7aTQ7>; "
                   "rel=\"next\"\r\n"},
        {.ask = {.line = "GET /rising/a?count=exact"},
         .header = "X-Total-Count: 7"},
        {.ask = {.line = "GET /rising/a?limit=0"},
         .body = "[]",
         .absent = "Link"},
        {.ask = {.line = "GET /rising/a?limit=0&cursor=cHIyLjA7aTM7"},
         .body = "[]"},
        /* The page before the first row: nothing, and no way on from it. */
        {.ask = {.line = "GET /rising/a?cursor=cHIwLjE7aTY7"}, .body = "[]"},
    };

    (void)state;
    EXPECT(cases);
    walk("/rising/a%2Fb?limit=1", 7);
    walk("/rising/a", 4);
    walk("/rising/a?limit=3&min=1.5", 2);
    walk("/rising/a?limit=7", 1);
    walk("/falling", 3);
    walk("/falling?limit=1", 7);
    walk("/names", 3);
    walk("/names?limit=1", 6);
}

/* Cursors that no list gave out. */
static void forged_cursors(void **state)
{
    static const char *const plain[] = {
        "",
        "n",
        "x",
        "ni1;",
        "nr1;",
        "nr1;i",
        "nr1;i;",
        "nr1;i1x;",
        "nr1;i1;i1;",
        "nr1;q1;",
        "nr;i1;",
        "nrNaN;i1;",
        "nr1e999;i1;",
        "nt5:ab;i1;",
        "nt-1:;i1;",
        "nt2:abi",
        "nt:;i1;",
        "nt2;i1;",
        "nr1;i1;\n",
        "nr1;t1:a",
        "nr1;t1",
        "nr1;t",
        "nt99999999999999999999:a;",
        "pr1;t0:",
    };

    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        struct buf line = {0};
        struct buf code = {0};
        digest_base64(&code, slice_of(plain[i]));
        buf_string(&line, "GET /rising/a?cursor=");
        buf_percent(&line, buf_view(&code));
        expect(&(struct expected){
            .ask = {buf_text(&line)}, .status = 400, .has = "\"/cursor\""});
        buf_free(&line);
        buf_free(&code);
    }
    expect(&(struct expected){.ask = {.line = "GET /rising/a?cursor=bnIxOw="},
                              .status = 400});
    /* Other values than ever were are a place in the list all the same. */
    expect(
        &(struct expected){.ask = {.line = "GET /rising/a?cursor=bnI5O3QxOng7"},
                           .body = "[{\"id\":7,\"price\":1e+300,"
                                   "\"x\":\"a\"}]"});
}

#define CSV    "Accept: text/csv\r\n"
#define NDJSON "Accept: application/x-ndjson\r\n"

static void forms(void **state)
{
    static const struct expected cases[] = {
        {.ask = {.line = "GET /all?fields=tags"},
         .body = "[{\"tags\":[1]},{\"tags\":\"no json\"},{\"tags\":{ }},"
                 "{\"tags\":null},{\"tags\":null},{\"tags\":1},"
                 "{\"tags\":\"x\"}]"},
        {.ask = {.line = "GET /all?fields=data,id", .fields = NDJSON},
         .has = "{\"id\":1,\"data\":\"AP8=\"}\n{\"id\":2,\"data\":null}\n"},
        {.ask = {.line = "GET /all?fields=tags", .fields = NDJSON},
         .body = "{\"tags\":[1]}\n{\"tags\":\"no json\"}\n{\"tags\":{ }}\n"
                 "{\"tags\":null}\n{\"tags\":null}\n{\"tags\":1}\n"
                 "{\"tags\":\"x\"}\n"},
        {.ask = {.line = "GET /all?fields=id,name,tags", .fields = CSV},
         .body = "id,name,tags\r\n1,a,[1]\r\n2,\"b,\"\"c\",no json\r\n"
                 "3,\"d\r\ne\",\"{\n}\"\r\n4,é,\r\n5,;:,null\r\n6,,1\r\n"
                 "7,,\"\"\"x\"\"\"\r\n",
         .header = "Vary: Accept\r\n"},
        {.ask = {.line = "GET /pages?limit=1&fields=id", .fields = CSV},
         .body = "id\r\n1\r\n"},
        {.ask = {.line = "GET /falling?limit=1&cursor=cHIyLjA7aTU7",
                 .fields = CSV},
         .body = "id,price\r\n7,1e+300\r\n"},
        {.ask = {.line = "GET /falling?limit=1&cursor=cHIyLjA7aTM7",
                 .fields = CSV},
         .body = "id,price\r\n5,2.0\r\n"},
        {.ask = {.line = "GET /falling?limit=1&cursor=cHIyLjA7aTM7",
                 .fields = NDJSON},
         .body = "{\"id\":5,\"price\":2.0}\n"},
        {.ask = {.line = "GET /pages?offset=9&fields=id", .fields = CSV},
         .body = "id\r\n"},
        {.ask = {.line = "GET /pages?offset=9", .fields = NDJSON}, .body = ""},
        {.ask = {.line = "GET /one"}, .body = "{\"id\":3,\"tags\":{ }}"},
        {.ask = {.line = "GET /one", .fields = CSV},
         .body = "id,tags\r\n3,\"{\n}\"\r\n"},
        {.ask = {.line = "GET /one?fields=id", .fields = NDJSON},
         .body = "{\"id\":3}\n"},
        {.ask = {.line = "GET /two"}, .body = "{\"id\":1}"},
        {.ask = {.line = "GET /value"}, .body = "\"é\""},
        {.ask = {.line = "GET /value", .fields = CSV}, .body = "\"é\""},
        {.ask = {.line = "GET /none"}, .status = 204, .body = ""},
        {.ask = {.line = "GET /last"}, .body = "[{\"b\":2}]"},
    };

    (void)state;
    EXPECT(cases);
    assert_string_equal(house.res.type, "application/json");
}

/* Columns that appear while the server runs are seen. */
static void schema_changes(void **state)
{
    (void)state;
    expect(&(struct expected){.ask = {.line = "GET /all?limit=1&fields=id"}});
    theatre_run("ALTER TABLE items ADD COLUMN extra DEFAULT 'e'");
    expect(&(struct expected){.ask = {.line = "GET /all"}});
    expect(&(struct expected){.ask = {.line = "GET /all"},
                              .has = "\"extra\":\"e\""});
    expect(&(struct expected){
        .ask = {.line = "GET /all?fields=extra", .fields = CSV},
        .has = "extra\r\ne\r\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pages_by_offset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sorted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_by_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forged_cursors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(schema_changes, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
