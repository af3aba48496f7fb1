#include "tests/unit/troupe.h"

#include "worker/endpoint/endpoint_private.h"
#include "worker/warm.h"

static const char schema[] =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);"
    "INSERT INTO items VALUES (1, 'one');";

/* One long enough to be compressed, one short, one that is not warmed, one
 * that fails, one with a form of its own, and one too large to be kept. */
static const char api[] =
    "-- GET /long\n-- @warm\n-- @cache 1000s\n-- @param n integer default 400\n"
    "-- @value\nSELECT hex(zeroblob(:n)) FROM items;\n\n"

    "-- GET /short\n-- @warm\n-- @cache 1000s\n-- @value\n"
    "SELECT name FROM items;\n\n"

    "-- GET /cold\n-- @cache 1000s\n-- @value\nSELECT name FROM items;\n\n"

    "-- GET /absent\n-- @warm\n-- @cache 1000s\n-- @one\n"
    "SELECT name FROM items WHERE id = 2;\n\n"

    "-- GET /large\n-- @warm\n-- @cache 1000s\n"
    "SELECT hex(zeroblob(40000)) AS h FROM items;\n";

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

static void expect(const struct actor *a, size_t items, size_t computed)
{
    struct warmed w = {.took_us = UINT64_MAX};

    warm(a->endpoints, house.app, troupe_now(), &w);
    db_unshare(a->db);
    assert_int_equal(w.endpoints, 4);
    assert_int_equal(w.items, items);
    assert_int_equal(w.computed, computed);
    assert_int_equal(w.failed, 1);
    assert_true(w.took_us < 60000000);
}

static void warmed(void **state)
{
    static const struct scene scenes[] = {
        {BEN, "GET /long", "hit", .queries = 0},
        {BEN, "GET /long?n=400", "hit", .queries = 0,
         .fields = "Accept-Encoding: gzip\r\n"},
        {BEN, "GET /short", "hit", "\"one\"", .queries = 0},
        {BEN, "GET /cold", "fwd=uri-miss; stored", .queries = 1},
    };

    (void)state;
    expect(ANNA, 2, 2);
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        scene_play(&scenes[i]);
        assert_false(troupe.part.trace.compressed);
    }
    expect(BEN, 2, 0);
    tables_move(troupe.shared.tables, troupe_number("endpoint", "GET /short"));
    expect(BEN, 2, 1);
    troupe.ahead_ms += 1000000;
    expect(ANNA, 2, 2);
}

/* Ben computes the same: warming waits for nobody. */
static void waits_for_nobody(void **state)
{
    struct endpoints *es = troupe.anna.endpoints;

    (void)state;
    actor_get(ANNA, "/short");
    uint64_t key = kept_key(es->kept, &es->question).hash;
    tables_move_all(troupe.shared.tables);
    assert_int_equal(flights_claim(troupe.shared.flights, key, BEN_SLOT),
                     FLIGHT_OURS);
    expect(ANNA, 2, 2);
    assert_int_equal(endpoints_waiting(es), 0);
    assert_true(flights_under_way(troupe.shared.flights, key, ANNA_SLOT));
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(warmed),
        ON_STAGE(waits_for_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
