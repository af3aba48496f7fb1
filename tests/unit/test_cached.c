#include "tests/unit/troupe.h"

static const char schema[] =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);"
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, item INTEGER);"
    "CREATE VIEW seen AS SELECT count(*) AS n FROM items;"
    "INSERT INTO items VALUES (1, 'one'), (2, 'two');";

static const char api[] =
    "-- GET /items\n-- @cache 1000s\n-- @param n integer default 9\n"
    "SELECT id, name FROM items WHERE id < :n ORDER BY id;\n\n"

    "-- GET /items/{id}\n-- @cache 1000s\n-- @one\n-- @param id integer\n"
    "SELECT name FROM items WHERE id = :id;\n\n"

    "-- PUT /items/{id}\n-- @auth public\n-- @param id integer\n-- @one\n"
    "-- @param name text\n"
    "UPDATE items SET name = :name WHERE id = :id RETURNING id;\n\n"

    "-- POST /orders\n-- @auth public\n-- @param item integer\n-- @one\n"
    "INSERT INTO orders (item) VALUES (:item) RETURNING item;\n\n"

    "-- GET /long\n-- @cache 1000s\n-- @param n integer\n-- @value\n"
    "SELECT hex(zeroblob(:n)) FROM items LIMIT 1;\n\n"

    "-- GET /absolute\n-- @cache 1000s\n-- @param n integer\n-- @value\n"
    "SELECT abs(:n) FROM items;\n\n"

    "-- GET /seen\n-- @cache 1000s\n-- @value\nSELECT n FROM seen;\n\n"

    "-- GET /paged\n-- @cache 1000s\n-- @page 1\n"
    "SELECT id FROM items ORDER BY id;\n\n"

    "-- GET /fleeting\n-- @value\nSELECT count(*) FROM items;\n";

#define UNSAID   ""
#define REFUSED  "fwd=uri-miss"
#define MISS     "fwd=uri-miss; stored"
#define OUTDATED "fwd=stale; detail=outdated; stored"
#define EXPIRED  "fwd=stale; stored"
#define HIT      "hit"
#define LIST(one)                                                              \
    "[{\"id\":1,\"name\":\"" one "\"},{\"id\":2,\"name\":\"two\"}]"
#define SMALLEST "-9223372036854775808"

static int set_up(void **state)
{
    (void)state;
    troupe_open("", schema, api);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    troupe_close();
    return 0;
}

static void what_happens(void **state)
{
    static const struct scene scenes[] = {
        {ANNA, "GET /items", MISS, LIST("one"), .queries = 1},
        {ANNA, "GET /items", HIT, LIST("one"), .queries = 0},
        {BEN, "GET /items", HIT, LIST("one"), .queries = 0},
        {BEN, "GET /items?utm=x&n=9", HIT, LIST("one"), .queries = 0},
        {BEN, "HEAD /items", HIT, LIST("one"), .queries = 0},
        {BEN, "GET /items?n=2", MISS, .queries = 1},
        /* A write by one worker; then all read anew. */
        {BEN, "PUT /items/1", UNSAID, .queries = 1, .form = "name=uno"},
        {ANNA, "GET /items", OUTDATED, LIST("uno"), .queries = 1},
        {BEN, "GET /items", HIT, LIST("uno"), .queries = 0},
        {BEN, "GET /items?n=2", OUTDATED, .queries = 1},
        /* One that it does not depend on. */
        {ANNA, "POST /orders", UNSAID, .queries = 1, .form = "item=1"},
        {BEN, "GET /items", HIT, LIST("uno"), .queries = 0},
        /* Time. */
        {ANNA, "GET /items", HIT, .ttl = 200, .later_ms = 800000},
        {ANNA, "GET /items", EXPIRED, .queries = 1, .later_ms = 200000},
        {BEN, "GET /items", HIT, LIST("uno"), .queries = 0,
         .later_ms = -1000000},
        /* Without @cache nothing is said. */
        {BEN, "GET /fleeting", UNSAID, "2", .queries = 1},
        {BEN, "GET /fleeting", UNSAID, "2", .queries = 1},
    };

    (void)state;
    PLAY(scenes);
}

static void refusals_are_not_kept(void **state)
{
    static const struct scene scenes[] = {
        {ANNA, "GET /items/3", REFUSED, .queries = 1, .status = 404},
        {BEN, "GET /items/3", REFUSED, .queries = 1, .status = 404},
        {BEN, "GET /items/x", UNSAID, .queries = 0, .status = 400},
        {ANNA, "GET /absolute?n=" SMALLEST, REFUSED, .queries = 1,
         .status = 500},
        {BEN, "GET /absolute?n=" SMALLEST, REFUSED, .queries = 1,
         .status = 500},
        {BEN, "GET /absolute?n=-7", MISS, "7", .queries = 1},
        {ANNA, "GET /items/1", MISS, .queries = 1},
        /* Larger than the 64 KiB of an entry. */
        {ANNA, "GET /long?n=40000", REFUSED, .queries = 1},
        {BEN, "GET /long?n=40000", REFUSED, .queries = 1},
    };

    (void)state;
    PLAY(scenes);
    assert_int_equal(troupe_stats().entries, 2);
}

/* The statement is prepared again, and reads other tables then. */
static void another_view(void **state)
{
    static const struct scene before[] = {
        {ANNA, "GET /seen", MISS, "2", .queries = 1},
        {BEN, "GET /seen", HIT, "2", .queries = 0},
    };
    static const struct scene after[] = {
        {BEN, "GET /seen", OUTDATED, "0", .queries = 1},
        {ANNA, "GET /seen", HIT, "0", .queries = 0},
        {ANNA, "POST /orders", UNSAID, .queries = 1, .form = "item=1"},
        {ANNA, "GET /seen", OUTDATED, "1", .queries = 1},
        {BEN, "POST /orders", UNSAID, .queries = 1, .form = "item=1"},
        {BEN, "GET /seen", OUTDATED, "2", .queries = 1},
    };

    (void)state;
    PLAY(before);
    theatre_run("DROP VIEW seen;"
                "CREATE VIEW seen AS SELECT count(*) AS n FROM orders;");
    PLAY(after);
}

/* The links of a kept page hold nothing of the one who asked first. */
static void links_of_all(void **state)
{
    static const struct scene scenes[] = {
        {ANNA, "GET /paged?junk=%3Cx%3E&limit=1&offset=0", MISS, .queries = 1},
        {BEN, "GET /paged", HIT, .queries = 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        scene_play(&scenes[i]);
        assert_string_equal(part_header(&troupe.part, "Link"),
                            "</paged?limit=1&offset=1>; rel=\"next\"");
    }
}

/* Whatever is kept of it: nobody knows what else it does. */
static void quarantine(void **state)
{
    static const struct scene before = {ANNA, "GET /items", MISS, .queries = 1};
    static const struct scene closed[] = {
        {BEN, "GET /items", UNSAID, .queries = 0, .status = 503},
        {ANNA, "GET /items", UNSAID, .queries = 0, .status = 503},
        {ANNA, "GET /items/1", MISS, .queries = 1},
    };
    static const struct scene after = {BEN, "GET /items", HIT, .queries = 0};

    (void)state;
    scene_play(&before);
    recorder_quarantine(troupe.shared.recorder,
                        names_number(troupe.shared.names, SLICE("GET /items")),
                        true);
    PLAY(closed);
    recorder_absolve(troupe.shared.recorder);
    scene_play(&after);
}

static void cleared(void **state)
{
    static const struct scene before[] = {
        {ANNA, "GET /items", MISS, .queries = 1},
        {ANNA, "GET /items/1", MISS, .queries = 1},
    };
    static const struct scene after[] = {
        {BEN, "GET /items/1", HIT, .queries = 0},
        {BEN, "GET /items", OUTDATED, .queries = 1},
    };

    (void)state;
    PLAY(before);
    tables_move(troupe.shared.tables, troupe_number("endpoint", "GET /items"));
    PLAY(after);
}

/* Takes the place of the one that was read; the stranger leaves before. */
static void replace_database(void)
{
    struct fault fault;
    char new[128], old[128];
    int offset;

    snprintf(new, sizeof new, "%s/new.db", house.dir);
    snprintf(old, sizeof old, "%s/t.db", house.dir);
    struct db *db = db_open(new, DB_CREATE, &fault);
    assert_non_null(db);
    assert_true(db_script(db, slice_of(token_schema), &fault, &offset));
    assert_true(db_script(db, slice_of(idempotency_schema), &fault, &offset));
    assert_true(db_script(db, slice_of(schema), &fault, &offset));
    db_fold(db);
    db_close(db);
    db_close(house.db);
    house.db = NULL;
    assert_int_equal(rename(new, old), 0);
}

static void replaced(void **state)
{
    static const struct scene before[] = {
        {BEN, "PUT /items/1", UNSAID, .queries = 1, .form = "name=old"},
        {ANNA, "GET /items", MISS, LIST("old"), .queries = 1},
    };
    static const struct scene after[] = {
        {BEN, "GET /items", MISS, LIST("one"), .queries = 1, .later_ms = 1000},
        /* Each who notices lets all begin anew. */
        {ANNA, "GET /items", OUTDATED, LIST("one"), .queries = 1},
        {BEN, "GET /items", HIT, LIST("one"), .queries = 0},
    };

    (void)state;
    PLAY(before);
    replace_database();
    PLAY(after);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(what_happens), ON_STAGE(refusals_are_not_kept),
        ON_STAGE(another_view), ON_STAGE(links_of_all),
        ON_STAGE(quarantine),   ON_STAGE(cleared),
        ON_STAGE(replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
