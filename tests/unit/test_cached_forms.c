#include "tests/unit/troupe.h"

static const char schema[] =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);"
    "INSERT INTO items VALUES (1, 'one');";

static const char api[] =
    "-- GET /long\n-- @cache 1000s\n-- @value\n"
    "SELECT replace(hex(zeroblob(400)), '00', 'xy') FROM items;\n\n"

    "-- GET /mine\n-- @cache 1000s\n-- @auth user\n-- @value\n"
    "SELECT :auth.user_id FROM items;\n\n"

    "-- GET /guest\n-- @cache 1000s\n-- @value\n"
    "SELECT coalesce(:auth.user_id, 'nobody') FROM items;\n\n"

    "-- GET /secret\n-- @cache 1000s\n-- @auth admin\n-- @value\n"
    "SELECT 'treasure' FROM items;\n";

#define UNSAID ""
#define MISS   "fwd=uri-miss; stored"
#define HIT    "hit"

static int set_up(void **state)
{
    (void)state;
    troupe_open("", schema, api);
    theatre_token("seven", "7", "user");
    theatre_token("eight", "8", "user");
    theatre_token("root", "NULL", "admin");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    troupe_close();
    return 0;
}

/* Asks for /long with that field, and expects that. */
static void ask_long(const struct actor *who, const char *field,
                     const char *said, int status)
{
    char fields[128];

    snprintf(fields, sizeof fields, "%s\r\n", field);
    scene_play(&(const struct scene){.by = who,
                                     .line = "GET /long",
                                     .cache = said,
                                     .queries = strcmp(said, MISS) == 0,
                                     .status = status,
                                     .fields = fields});
}

static const char gzip[] = "Accept-Encoding: gzip";

/* Computed for one who takes gzip: both forms are kept at once. */
static void both_forms(void **state)
{
    char plain[64], zipped[64];
    struct part *p = &troupe.part;

    (void)state;
    ask_long(ANNA, gzip, MISS, 200);
    assert_true(p->trace.compressed);
    assert_string_equal(part_header(p, "Content-Encoding"), "gzip");
    size_t len = response_body(&p->res).len;
    part_tag(p, zipped);
    ask_long(BEN, "Accept: */*", HIT, 200);
    assert_int_equal(response_body(&p->res).len, 802);
    assert_string_equal(part_header(p, "Content-Encoding"), "");
    part_tag(p, plain);
    assert_string_not_equal(plain, zipped);
    ask_long(BEN, gzip, HIT, 200);
    assert_false(p->trace.compressed);
    assert_int_equal(response_body(&p->res).len, len);
}

/* The same is judged the same, whether it was computed or kept. */
static void conditions(void **state)
{
    static const struct {
        const char *field;
        bool zipped; /* the tag behind it */
        int status;
    } cases[] = {
        {"If-None-Match: ", false, 304},   {"If-None-Match: ", true, 200},
        {"If-None-Match: W/", false, 304}, {"If-Match: ", false, 200},
        {"If-Match: ", true, 412},         {"If-Match: \"x\", ", false, 200},
    };
    struct part *p = &troupe.part;
    char tags[2][64], field[128];

    (void)state;
    ask_long(ANNA, "Accept: */*", MISS, 200);
    part_tag(p, tags[0]);
    ask_long(ANNA, gzip, HIT, 200);
    part_tag(p, tags[1]);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(field, sizeof field, "%s%s", cases[i].field,
                 tags[cases[i].zipped]);
        cache_empty(troupe.shared.cache);
        ask_long(ANNA, field, MISS, cases[i].status);
        ask_long(BEN, field, HIT, cases[i].status);
        bool refused = cases[i].status == 412;
        assert_string_equal(part_header(p, "ETag"), refused ? "" : tags[0]);
        assert_string_equal(part_header(p, "Vary"),
                            refused ? "" : "Accept, Accept-Encoding");
        assert_int_equal(response_body(&p->res).len == 0,
                         cases[i].status == 304);
    }
}

#define AS(token) .fields = "Authorization: Bearer " token "\r\n"

/* What is kept is shown to nobody who may not ask. */
static void who_may_see(void **state)
{
    static const struct scene scenes[] = {
        {ANNA, "GET /secret", UNSAID, .status = 401},
        {ANNA, "GET /secret", MISS, "\"treasure\"", .queries = 1, AS("root")},
        {BEN, "GET /secret", HIT, "\"treasure\"", AS("root")},
        {BEN, "GET /secret", UNSAID, .status = 401},
        {BEN, "GET /secret", UNSAID, .status = 403, AS("seven")},
        {BEN, "GET /secret", UNSAID, .status = 401, AS("wrong")},
    };
    static const struct scene revoked = {BEN, "GET /secret", UNSAID,
                                         .status = 401, AS("root")};

    (void)state;
    PLAY(scenes);
    theatre_run("DELETE FROM tokens WHERE name = 'root'");
    scene_play(&revoked);
    assert_string_equal(part_header(&troupe.part, "WWW-Authenticate"),
                        "Bearer error=\"invalid_token\"");
}

static void everybody_has_his_own(void **state)
{
    static const struct scene scenes[] = {
        {ANNA, "GET /mine", MISS, "7", .queries = 1, AS("seven")},
        {BEN, "GET /mine", MISS, "8", .queries = 1, AS("eight")},
        {BEN, "GET /mine", HIT, "7", AS("seven")},
        {ANNA, "GET /mine", HIT, "8", AS("eight")},
        {ANNA, "GET /mine", UNSAID, .status = 401},
        {BEN, "GET /mine", MISS, "null", .queries = 1, AS("root")},

        {ANNA, "GET /guest", MISS, "\"nobody\"", .queries = 1},
        {BEN, "GET /guest", MISS, "7", .queries = 1, AS("seven")},
        {BEN, "GET /guest", HIT, "\"nobody\"", .queries = 0},
        {BEN, "GET /guest", UNSAID, .status = 401, AS("wrong")},
    };

    (void)state;
    PLAY(scenes);
    assert_string_equal(part_header(&troupe.part, "Cache-Control"), "no-store");
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(both_forms),
        ON_STAGE(conditions),
        ON_STAGE(who_may_see),
        ON_STAGE(everybody_has_his_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
