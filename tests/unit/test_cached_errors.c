#include "tests/unit/troupe.h"

#include "worker/endpoint/endpoint_private.h"

static const char schema[] =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);"
    "INSERT INTO items VALUES (1, 'one');";

/* /endless never gives an answer of its own. */
static const char api[] =
    "-- GET /firm\n-- @cache 1000s\n-- @http max-age=1, stale-if-error=3000\n"
    "-- @param n integer default 1\n-- @value\n"
    "SELECT name FROM items WHERE id = :n;\n\n"

    "-- GET /plain\n-- @cache 1000s\n-- @value\nSELECT name FROM items;\n\n"

    "-- GET /secret\n-- @cache 1000s\n-- @auth admin\n"
    "-- @http stale-if-error=3000\n-- @value\nSELECT name FROM items;\n\n"

    "-- GET /guest\n-- @cache 1000s\n-- @http stale-if-error=3000\n-- @value\n"
    "SELECT coalesce(:auth.user_id, name) FROM items;\n\n"

    "-- GET /endless\n-- @cache 1000s\n-- @http stale-if-error=3000\n"
    "-- @timeout 20ms\n-- @value\n"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)\n"
    "SELECT count(*) FROM n, items;\n";

#define UNSAID  ""
#define REFUSED "fwd=uri-miss"
#define HIT     "hit"
#define HIT     "hit"
#define MISS    "fwd=uri-miss; stored"
#define ROOT    .fields = "Authorization: Bearer root\r\n"

static int set_up(void **state)
{
    (void)state;
    troupe_open("", schema, api);
    theatre_token("root", "NULL", "admin");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    troupe_close();
    return 0;
}

/* ---- the database is not there ---- */

static void lose_database(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/t.db", house.dir);
    assert_int_equal(unlink(path), 0);
}

/* What may be shown then is shown, to those who may see it. */
static void dark(void **state)
{
    static const struct scene before[] = {
        {ANNA, "GET /firm", MISS, "\"one\"", .queries = 1},
        {ANNA, "GET /plain", MISS, "\"one\"", .queries = 1},
        {ANNA, "GET /secret", MISS, "\"one\"", .queries = 1, ROOT},
        {ANNA, "GET /guest", MISS, "\"one\"", .queries = 1},
    };
    static const struct scene after[] = {
        {BEN, "GET /firm", HIT, "\"one\"", .ttl = 998, .later_ms = 2000},
        {BEN, "GET /firm?n=2", UNSAID, .status = 503},
        {BEN, "GET /plain", UNSAID, .status = 503},
        {BEN, "GET /secret", UNSAID, .status = 503, ROOT},
        {BEN, "GET /guest", UNSAID, .status = 503},
        {BEN, "GET /firm", HIT, "\"one\"", .ttl = -2798, .later_ms = 3796000},
        {BEN, "GET /firm", UNSAID, .status = 503, .later_ms = 202000},
    };

    (void)state;
    PLAY(before);
    lose_database();
    PLAY(after);
    assert_string_equal(part_header(&troupe.part, "Retry-After"), "1");
    assert_int_equal(troupe.part.trace.error, COUNT_ERROR_GONE);
}

/* Not the database's fault, and nothing to try again. */
static void dark_and_wrong(void **state)
{
    static const struct scene scene = {BEN, "GET /firm?n=x", UNSAID,
                                       .status = 400, .later_ms = 2000};

    (void)state;
    lose_database();
    scene_play(&scene);
    assert_string_equal(part_header(&troupe.part, "Retry-After"), "");
    assert_string_equal(part_header(&troupe.part, "Cache-Control"), "no-store");
    assert_int_equal(troupe.part.trace.error, 0);
}

static void dark_and_not_modified(void **state)
{
    static const struct scene before = {ANNA, "GET /firm", MISS, .queries = 1};
    char tag[64], fields[128];

    (void)state;
    scene_play(&before);
    part_tag(&troupe.part, tag);
    snprintf(fields, sizeof fields, "If-None-Match: %s\r\n", tag);
    lose_database();
    scene_play(&(const struct scene){.by = BEN,
                                     .line = "GET /firm",
                                     .cache = HIT,
                                     .body = "",
                                     .status = 304,
                                     .fields = fields,
                                     .later_ms = 2000});
    assert_string_equal(part_header(&troupe.part, "Retry-After"), "");
}

/* ---- the SQL fails ---- */

/* Keeps something for the question that Anna was asked last. */
static void keep_by_hand(size_t endpoint)
{
    struct endpoints *es = troupe.anna.endpoints;
    const struct answer answer = {.status = 200,
                                  .tag = "\"0123456789abcdef\"",
                                  .body = SLICE("\"by hand\"")};
    struct cache_key key = kept_key(es->kept, &es->question);
    const struct kept_item item = {&key, &answer, FORM_JSON};

    assert_int_equal(db_begin_read(troupe.anna.db), DB_DONE);
    assert_true(
        kept_store(es->kept, &es->all[endpoint].policy, &item, troupe_now()));
}

static void failing(void **state)
{
    static const struct scene before = {ANNA, "GET /endless", REFUSED,
                                        .queries = 1, .status = 504};
    static const struct scene after[] = {
        {BEN, "GET /endless", HIT, "\"by hand\"", .ttl = 1000},
        {BEN, "GET /endless", HIT, "\"by hand\"", .queries = 1, .ttl = -100,
         .later_ms = 1100000},
        {ANNA, "GET /endless", HIT, "\"by hand\"", .queries = 1, .ttl = -2700,
         .later_ms = 2600000},
    };
    static const struct scene over = {BEN,           "GET /endless",
                                      "fwd=stale",   .queries = 1,
                                      .status = 504, .later_ms = 300000};

    (void)state;
    scene_play(&before);
    keep_by_hand(theatre_route(troupe.part.call.req));
    PLAY(after);
    assert_int_equal(troupe.part.trace.cache, CACHE_STALE);
    assert_int_equal(troupe.part.trace.error, COUNT_ERROR_DEADLINE);
    assert_string_equal(part_header(&troupe.part, "Cache-Control"), "");
    scene_play(&over);
}

/* Only time is forgiven. */
static void failing_and_outdated(void **state)
{
    static const struct scene before = {ANNA, "GET /endless", REFUSED,
                                        .queries = 1, .status = 504};
    static const struct scene after = {BEN, "GET /endless",
                                       "fwd=stale; detail=outdated",
                                       .queries = 1, .status = 504};

    (void)state;
    scene_play(&before);
    keep_by_hand(theatre_route(troupe.part.call.req));
    tables_move(troupe.shared.tables, troupe_number("table", "items"));
    scene_play(&after);
}

/* A look-up of a token that fails is noted as what it is. */
static void token_fails(void **state)
{
    static const struct scene scene = {ANNA, "GET /secret", UNSAID,
                                       .status = 500, ROOT};

    (void)state;
    theatre_run("ALTER TABLE tokens RENAME COLUMN role TO part");
    scene_play(&scene);
    assert_int_equal(troupe.part.trace.error, COUNT_ERROR_SQL);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(dark),
        ON_STAGE(dark_and_wrong),
        ON_STAGE(dark_and_not_modified),
        ON_STAGE(failing),
        ON_STAGE(failing_and_outdated),
        ON_STAGE(token_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
