#include "tests/unit/troupe.h"

static const char schema[] =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);"
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, item INTEGER);"
    "CREATE VIEW seen AS SELECT count(*) AS n FROM items;"
    "INSERT INTO items VALUES (1, 'one'), (2, 'two');";

static const char api[] =
    "-- GET /items\n-- @cache 10s\n-- @param n integer default 9\n"
    "SELECT id, name FROM items WHERE id < :n ORDER BY id;\n\n"

    "-- GET /items/{id}\n-- @cache 10s\n-- @one\n-- @param id integer\n"
    "SELECT name FROM items WHERE id = :id;\n\n"

    "-- PUT /items/{id}\n-- @auth public\n-- @param id integer\n-- @one\n"
    "-- @param name text\n"
    "UPDATE items SET name = :name WHERE id = :id RETURNING id;\n\n"

    "-- POST /orders\n-- @auth public\n-- @param item integer\n-- @one\n"
    "INSERT INTO orders (item) VALUES (:item) RETURNING item;\n\n"

    "-- GET /long\n-- @cache 10s\n-- @param n integer default 400\n-- @value\n"
    "SELECT replace(hex(zeroblob(:n)), '00', 'xy') FROM items LIMIT 1;\n\n"

    "-- GET /absolute\n-- @cache 10s\n-- @param n integer\n-- @value\n"
    "SELECT abs(:n) FROM items;\n\n"

    "-- GET /seen\n-- @cache 10s\n-- @value\nSELECT n FROM seen;\n\n"

    "-- GET /paged\n-- @cache 10s\n-- @page 1\n"
    "SELECT id FROM items ORDER BY id;\n\n"

    "-- GET /mine\n-- @cache 10s\n-- @auth user\n-- @value\n"
    "SELECT :auth.user_id FROM items;\n\n"

    "-- GET /guest\n-- @cache 10s\n-- @value\n"
    "SELECT coalesce(:auth.user_id, 'nobody') FROM items;\n\n"

    "-- GET /secret\n-- @cache 10s\n-- @auth admin\n-- @value\n"
    "SELECT 'treasure' FROM items;\n\n"

    "-- GET /fleeting\n-- @value\nSELECT count(*) FROM items;\n";

static int set_up(void **state)
{
    (void)state;
    troupe_open("", schema, api);
    theatre_token("seven", "7", "user");
    theatre_token("eight", "8", "user");
    theatre_token("root", "NULL", "admin");
    db_current(troupe.anna.db); /* of what this stranger did */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    troupe_close();
    return 0;
}

/* One step of a play: who asks what, when, and what is answered. */
struct scene {
    const struct actor *who;
    struct shown shown;
    uint64_t later_ms; /* than the scene before */
};

static void play(const struct scene *scenes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        troupe.now_ms += scenes[i].later_ms;
        actor_expect(scenes[i].who, &scenes[i].shown);
    }
}

#define PLAY(scenes) play(scenes, sizeof(scenes) / sizeof *(scenes))
#define ANNA &troupe.anna
#define BEN &troupe.ben
#define MISS "fwd=uri-miss; stored"
#define OUTDATED "fwd=stale; detail=outdated; stored"
#define EXPIRED "fwd=stale; stored"
#define HIT "hit; ttl=10"
#define LIST(one) "[{\"id\":1,\"name\":\"" one "\"},{\"id\":2,\"name\":\"two\"}]"

static void what_happens(void **state)
{
    static const struct scene scenes[] = {
        {ANNA, {{"GET /items"}, 0, MISS, LIST("one"), 1}},
        {ANNA, {{"GET /items"}, 0, HIT, LIST("one"), 0}},
        {BEN, {{"GET /items"}, 0, HIT, LIST("one"), 0}},
        {BEN, {{"GET /items?utm=x&n=9"}, 0, HIT, LIST("one"), 0}},
        {BEN, {{"HEAD /items"}, 0, HIT, LIST("one"), 0}},
        {BEN, {{"GET /items?n=2"}, 0, MISS, NULL, 1}},
        /* A write by one worker; then all read anew. */
        {BEN, {{"PUT /items/1", .form = "name=uno"}, 0, "", NULL, 1}},
        {ANNA, {{"GET /items"}, 0, OUTDATED, LIST("uno"), 1}},
        {BEN, {{"GET /items"}, 0, HIT, LIST("uno"), 0}},
        /* One that it does not depend on, and one that changes nothing. */
        {ANNA, {{"POST /orders", .form = "item=1"}, 0, "", NULL, 1}},
        {BEN, {{"GET /items"}, 0, HIT, LIST("uno"), 0}},
        {ANNA, {{"PUT /items/9", .form = "name=x"}, 404, "", NULL, 1}},
        {BEN, {{"GET /items"}, 0, HIT, LIST("uno"), 0}},
        /* Time. */
        {ANNA, {{"GET /items"}, 0, "hit; ttl=0", NULL, 0}, 9999},
        {ANNA, {{"GET /items"}, 0, EXPIRED, LIST("uno"), 1}, 1},
        {BEN, {{"GET /items"}, 0, HIT, LIST("uno"), 0}},
        /* Without @cache nothing is said. */
        {BEN, {{"GET /fleeting"}, 0, "", "2", 1}},
        {BEN, {{"GET /fleeting"}, 0, "", "2", 1}},
    };

    (void)state;
    PLAY(scenes);
}

static void refusals_are_not_kept(void **state)
{
    static const struct scene scenes[] = {
        {ANNA, {{"GET /items/3"}, 404, "fwd=uri-miss", NULL, 1}},
        {BEN, {{"GET /items/3"}, 404, "fwd=uri-miss", NULL, 1}},
        {BEN, {{"GET /items/x"}, 400, "", NULL, 0}},
        {ANNA, {{"GET /absolute?n=-9223372036854775808"}, 500,
                "fwd=uri-miss", NULL, 1}},
        {BEN, {{"GET /absolute?n=-9223372036854775808"}, 500, "fwd=uri-miss",
               NULL, 1}},
        {BEN, {{"GET /absolute?n=-7"}, 0, MISS, "7", 1}},
        {ANNA, {{"GET /items/1"}, 0, MISS, NULL, 1}},
    };

    (void)state;
    PLAY(scenes);
    /* Larger than what is kept: 64 KiB. */
    actor_expect(BEN, &(struct shown){{"GET /long?n=40000"},
                                      .cache = "fwd=uri-miss",
                                      .queries = 1});
    actor_expect(BEN, &(struct shown){{"GET /long?n=40000"},
                                      .cache = "fwd=uri-miss",
                                      .queries = 1});
    assert_int_equal(troupe_stats().entries, 2);
}

#define FIELDS(text) .fields = text "\r\n"

static void conditions(void **state)
{
    static char fields[128];
    char plain[64], zipped[64];
    struct part *p = &troupe.part;

    (void)state;
    actor_expect(ANNA, &(struct shown){{"GET /long",
                                        FIELDS("Accept-Encoding: gzip")},
                                       .cache = MISS, .queries = 1});
    assert_true(p->trace.compressed);
    assert_string_equal(part_header(p, "Content-Encoding"), "gzip");
    part_tag(p, zipped);
    actor_expect(BEN, &(struct shown){{"GET /long"}, .cache = HIT});
    assert_int_equal(response_body(&p->res).len, 802);
    part_tag(p, plain);
    assert_string_not_equal(plain, zipped);
    actor_expect(BEN, &(struct shown){{"GET /long",
                                       FIELDS("Accept-Encoding: gzip")},
                                      .cache = HIT});
    assert_false(p->trace.compressed);
    snprintf(fields, sizeof fields, "If-None-Match: %s\r\n", plain);
    actor_expect(BEN, &(struct shown){{"GET /long", fields}, 304, HIT, ""});
    assert_string_equal(part_header(p, "Vary"), "Accept, Accept-Encoding");
    assert_string_equal(part_header(p, "ETag"), plain);
    cache_empty(troupe.shared.cache);
    actor_expect(BEN, &(struct shown){{"GET /long", fields}, 304, MISS, "", 1});
    actor_expect(ANNA, &(struct shown){{"GET /long"}, .cache = HIT});
    snprintf(fields, sizeof fields, "If-Match: %s\r\n", zipped);
    actor_expect(ANNA, &(struct shown){{"GET /long", fields}, 412, HIT});
    cache_empty(troupe.shared.cache);
    actor_expect(ANNA, &(struct shown){{"GET /long", fields}, 412, MISS,
                                       .queries = 1});
    assert_string_equal(part_header(p, "ETag"), "");
}

#define BEARER(token) .fields = "Authorization: Bearer " token "\r\n"

static void who_may_see(void **state)
{
    static const struct scene scenes[] = {
        {ANNA, {{"GET /secret"}, 401, "", NULL, 0}},
        {ANNA, {{"GET /secret", BEARER("root")}, 0, MISS, "\"treasure\"", 1}},
        {BEN, {{"GET /secret", BEARER("root")}, 0, HIT, "\"treasure\"", 0}},
        {BEN, {{"GET /secret"}, 401, "", NULL, 0}},
        {BEN, {{"GET /secret", BEARER("seven")}, 403, "", NULL, 0}},
        {BEN, {{"GET /secret", BEARER("wrong")}, 401, "", NULL, 0}},

        {ANNA, {{"GET /mine", BEARER("seven")}, 0, MISS, "7", 1}},
        {BEN, {{"GET /mine", BEARER("eight")}, 0, MISS, "8", 1}},
        {BEN, {{"GET /mine", BEARER("seven")}, 0, HIT, "7", 0}},
        {ANNA, {{"GET /mine", BEARER("eight")}, 0, HIT, "8", 0}},
        {ANNA, {{"GET /mine"}, 401, "", NULL, 0}},
        {BEN, {{"GET /mine", BEARER("root")}, 0, MISS, "null", 1}},

        {ANNA, {{"GET /guest"}, 0, MISS, "\"nobody\"", 1}},
        {BEN, {{"GET /guest", BEARER("seven")}, 0, MISS, "7", 1}},
        {BEN, {{"GET /guest"}, 0, HIT, "\"nobody\"", 0}},
        {BEN, {{"GET /guest", BEARER("wrong")}, 401, "", NULL, 0}},
    };

    (void)state;
    PLAY(scenes);
    theatre_run("DELETE FROM tokens WHERE name = 'root'");
    actor_expect(BEN, &(struct shown){{"GET /secret", BEARER("root")}, 401, ""});
    assert_string_equal(part_header(&troupe.part, "WWW-Authenticate"),
                        "Bearer error=\"invalid_token\"");
}

/* By whom the statements are prepared again, and read other tables. */
static void another_view(void **state)
{
    static const struct scene before[] = {
        {ANNA, {{"GET /seen"}, 0, MISS, "2", 1}},
        {BEN, {{"GET /seen"}, 0, HIT, "2", 0}},
    };
    static const struct scene after[] = {
        {BEN, {{"GET /seen"}, 0, OUTDATED, "0", 1}},
        {ANNA, {{"GET /seen"}, 0, HIT, "0", 0}},
        {ANNA, {{"POST /orders", .form = "item=1"}, 0, "", NULL, 1}},
        {ANNA, {{"GET /seen"}, 0, OUTDATED, "1", 1}},
        {BEN, {{"POST /orders", .form = "item=1"}, 0, "", NULL, 1}},
        {BEN, {{"GET /seen"}, 0, OUTDATED, "2", 1}},
    };

    (void)state;
    PLAY(before);
    theatre_run("DROP VIEW seen;"
                "CREATE VIEW seen AS SELECT count(*) AS n FROM orders;");
    PLAY(after);
}

/* The links of a kept page hold nothing of the first who asked. */
static void links_of_all(void **state)
{
    (void)state;
    actor_get(ANNA, "/paged?junk=%3Cevil%3E&limit=1&offset=0");
    assert_string_equal(part_header(&troupe.part, "Link"),
                        "</paged?limit=1&offset=1>; rel=\"next\"");
    actor_expect(BEN, &(struct shown){{"GET /paged"}, .cache = HIT});
    assert_string_equal(part_header(&troupe.part, "Link"),
                        "</paged?limit=1&offset=1>; rel=\"next\"");
}

/* Whatever is kept of it: nobody knows what else it does. */
static void quarantine(void **state)
{
    unsigned route = names_number(troupe.shared.names, SLICE("GET /items"));

    (void)state;
    actor_get(ANNA, "/items");
    recorder_quarantine(troupe.shared.recorder, route, true);
    actor_expect(BEN, &(struct shown){{"GET /items"}, 503, ""});
    actor_expect(ANNA, &(struct shown){{"GET /items"}, 503, ""});
    actor_expect(ANNA, &(struct shown){{"GET /items/1"}, 0, MISS, NULL, 1});
    recorder_absolve(troupe.shared.recorder);
    actor_expect(BEN, &(struct shown){{"GET /items"}, .cache = HIT});
}

static void cleared(void **state)
{
    (void)state;
    actor_get(ANNA, "/items");
    actor_get(ANNA, "/items/1");
    tables_move(troupe.shared.tables, troupe_number("endpoint", "GET /items"));
    actor_expect(BEN, &(struct shown){{"GET /items/1"}, .cache = HIT});
    actor_expect(BEN, &(struct shown){{"GET /items"}, 0, OUTDATED, NULL, 1});
}

/* Another database in the place of the one that was read. */
static void replaced(void **state)
{
    char old[128], new[128];

    (void)state;
    actor_get(ANNA, "/items");
    snprintf(new, sizeof new, "%s/new.db", house.dir);
    snprintf(old, sizeof old, "%s/t.db", house.dir);
    struct fault fault;
    int offset;
    struct db *db = db_open(new, DB_CREATE, &fault);
    assert_true(db_script(db, slice_of(token_schema), &fault, &offset));
    assert_true(db_script(db, slice_of(schema), &fault, &offset));
    db_close(db);
    db_close(house.db);
    house.db = NULL;
    assert_int_equal(rename(new, old), 0);
    troupe.now_ms += 1000;
    actor_expect(BEN, &(struct shown){{"GET /items"}, 0, MISS, LIST("one"), 1});
    actor_expect(ANNA, &(struct shown){{"GET /items"}, 0, HIT, LIST("one"), 0});
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(what_happens),
        ON_STAGE(refusals_are_not_kept),
        ON_STAGE(conditions),
        ON_STAGE(who_may_see),
        ON_STAGE(another_view),
        ON_STAGE(links_of_all),
        ON_STAGE(quarantine),
        ON_STAGE(cleared),
        ON_STAGE(replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
