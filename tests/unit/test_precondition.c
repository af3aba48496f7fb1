#include "tests/unit/troupe.h"

static const char schema[] =
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, owner INTEGER);";

#define CHANGE                                                                 \
    "-- @auth public\n-- @param text text default new\n-- @one\n"              \
    "UPDATE notes SET text = :text WHERE id = 1 RETURNING id;\n\n"

static const char api[] =
    "-- GET /notes/{id}\n-- @cache 10s\n-- @one\n-- @param id integer\n"
    "SELECT id, text FROM notes WHERE id = :id;\n\n"

    "-- PUT /notes/{id}\n-- @auth public\n-- @param id integer\n-- @one\n"
    "-- @param text text default new\n"
    "UPDATE notes SET text = :text WHERE id = :id RETURNING id;\n\n"

    "-- PATCH /notes/{id}\n-- @auth public\n-- @param id integer\n-- @none\n"
    "UPDATE notes SET text = 'new' WHERE id = :id;\n"
    "UPDATE notes SET owner = 1 WHERE id = :id;\n\n"

    "-- DELETE /notes/{id}\n-- @auth public\n-- @param id integer\n-- @none\n"
    "DELETE FROM notes WHERE id = :id;\n\n"

    "-- GET /kept/{id}\n-- @value\n-- @param id integer\n"
    "SELECT text FROM notes WHERE id = :id;\n\n"
    "-- PUT /kept/{id}\n-- @auth public\n-- @param id integer\n-- @one\n"
    "INSERT OR REPLACE INTO notes VALUES (:id, 'new', 0) RETURNING id;\n\n"

    "-- PUT /alone\n" CHANGE

    "-- GET /failing\n-- @param k integer\n-- @value\nSELECT abs(:k);\n\n"
    "-- PUT /failing\n" CHANGE

    "-- GET /big\n-- @value\nSELECT hex(zeroblob(4000));\n\n"
    "-- PUT /big\n" CHANGE

    "-- GET /day\n-- @param day date required\n-- @value\nSELECT :day;\n\n"
    "-- PUT /day\n" CHANGE

    "-- GET /mine\n-- @auth user\n-- @value\n"
    "SELECT text || :auth.user_id FROM notes;\n\n"
    "-- PUT /mine\n-- @auth user\n-- @one\n"
    "UPDATE notes SET text = 'new' WHERE id = 1 RETURNING id;\n\n"

    "-- GET /slow\n-- @value\n"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n\n"
    "                         WHERE i < 100000) SELECT count(*) FROM n;\n\n"
    "-- PUT /slow\n" CHANGE;

/* Tags of /notes/1, as it is and compressed. */
static char plain[64], zipped[64];

static void find_tags(void)
{
    actor_get(ANNA, "/notes/1");
    part_tag(&troupe.part, plain);
    actor_ask(ANNA, &(struct asked){.line = "GET /notes/1",
                                    .fields = "Accept-Encoding: gzip\r\n"});
    part_tag(&troupe.part, zipped);
    assert_string_not_equal(plain, zipped);
}

/* A text long enough to be compressed. */
static int set_up(void **state)
{
    (void)state;
    troupe_open("response_max = 4K\n", schema, api);
    theatre_token("seven", "7", "user");
    theatre_token("eight", "8", "user");
    theatre_run("INSERT INTO notes VALUES (1, hex(zeroblob(100)), 0)");
    find_tags();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    troupe_close();
    return 0;
}

/* "If-Match: T" with T and G for the two tags, in quotes already. */
static const char *with_tags(const char *field)
{
    static char out[256];
    size_t len = 0;

    for (; *field; field++) {
        bool is_tag = strchr("TG", *field) != NULL;
        const char *tag = *field == 'T' ? plain : zipped;
        len += (size_t)snprintf(out + len, sizeof out - len, "%.*s",
                                is_tag ? 63 : 1, is_tag ? tag : field);
    }
    snprintf(out + len, sizeof out - len, "\r\n");
    return out;
}

struct expected {
    const char *line;
    const char *field; /* a condition */
    int status;
    bool changes; /* something in the table */
};

static int64_t changed(void)
{
    return theatre_count("SELECT count(*) <> 1 OR text = 'new' FROM notes");
}

/* Each on a database of its own: what one changed the next would see. */
static void expect_all(const struct expected *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        theatre_run("DELETE FROM notes;"
                    "INSERT INTO notes VALUES (1, hex(zeroblob(100)), 0);");
        actor_ask(BEN, &(struct asked){.line = cases[i].line,
                                       .fields = with_tags(cases[i].field),
                                       .form = ""});
        if (troupe.part.res.status != cases[i].status ||
            changed() != cases[i].changes)
            fail_msg("%s %s: %d %s, changed %d", cases[i].line, cases[i].field,
                     troupe.part.res.status, part_body(&troupe.part),
                     (int)changed());
    }
}

#define EXPECT(cases) expect_all(cases, sizeof(cases) / sizeof *(cases))

static void if_match(void **state)
{
    static const struct expected cases[] = {
        {"PUT /notes/1", "If-Match: T", 200, true},
        {"PUT /notes/1", "If-Match: G", 200, true},
        {"PUT /notes/1", "If-Match: \"x\", T", 200, true},
        {"PUT /notes/1", "If-Match: \"x\"\r\nIf-Match: T", 200, true},
        {"PUT /notes/1", "If-Match: *", 200, true},
        {"PUT /notes/1", "If-Match: \"x\"", 412, false},
        {"PUT /notes/1", "If-Match: W/T", 412, false},
        {"PUT /notes/1", "If-Match: ", 412, false},
        {"PUT /notes/9", "If-Match: *", 412, false},
        {"PUT /notes/9", "If-Match: T", 412, false},
        {"PATCH /notes/1", "If-Match: T", 204, true},
        {"PATCH /notes/1", "If-Match: \"x\"", 412, false},
        {"DELETE /notes/1", "If-Match: T", 204, true},
        {"DELETE /notes/1", "If-Match: \"x\"", 412, false},
        /* Of other columns the tag is another one. */
        {"PUT /notes/1?fields=text", "If-Match: T", 412, false},
        {"PUT /notes/1", "If-Match: T\r\nAccept: text/csv", 412, false},
        {"PUT /notes/x", "If-Match: \"x\"", 400, false},
    };

    (void)state;
    EXPECT(cases);
}

static void if_none_match(void **state)
{
    static const struct expected cases[] = {
        {"PUT /notes/1", "If-None-Match: \"x\"", 200, true},
        {"PUT /notes/1", "If-None-Match: T", 412, false},
        {"PUT /notes/1", "If-None-Match: G", 412, false},
        {"PUT /notes/1", "If-None-Match: W/T", 412, false},
        {"PUT /notes/1", "If-None-Match: *", 412, false},
        {"PUT /notes/1", "If-Match: T\r\nIf-None-Match: *", 412, false},
        {"PUT /notes/9", "If-None-Match: *", 404, false},
        {"PUT /kept/1", "If-None-Match: *", 412, false},
        {"PUT /kept/2", "If-None-Match: *", 200, true},
        {"PUT /kept/2", "If-None-Match: T", 200, true},
        /* There are no dates: it must be ignored (RFC 9110, 13.1.4). */
        {"PUT /notes/1", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
         200, true},
    };

    (void)state;
    EXPECT(cases);
}

/* Something may be there, but nothing that has a tag. */
static void without_tag(void **state)
{
    static const struct expected cases[] = {
        {"PUT /alone", "If-Match: *", 200, true},
        {"PUT /alone", "If-Match: \"x\"", 412, false},
        {"PUT /alone", "If-None-Match: *", 412, false},
        {"PUT /alone", "If-None-Match: \"x\"", 200, true},
        /* The GET cannot be asked without its parameter. */
        {"PUT /day", "If-Match: \"x\"", 412, false},
        {"PUT /day", "If-None-Match: *", 412, false},
        {"PUT /day", "If-Match: *", 200, true},
        {"PUT /day?day=2024-02-29", "If-None-Match: *", 412, false},
        {"PUT /day?day=2024-02-29", "If-None-Match: \"x\"", 200, true},
    };

    (void)state;
    EXPECT(cases);
}

/* Nobody can say what is there: then nothing is written, whatever was said
 * about it. */
static void the_read_fails(void **state)
{
    static const struct expected cases[] = {
        {"PUT /failing?k=-9223372036854775808", "If-None-Match: \"x\"", 500,
         false},
        {"PUT /failing?k=-9223372036854775808", "If-None-Match: *", 500, false},
        {"PUT /failing?k=-9223372036854775808", "If-Match: *", 500, false},
        {"PUT /failing?k=-1", "If-None-Match: \"x\"", 200, true},
        {"PUT /big", "If-None-Match: \"x\"", 500, false},
        {"PUT /big", "If-Match: *", 500, false},
        {"PUT /notes/1", "If-Match: T", 200, true},
    };

    (void)state;
    EXPECT(cases);
    actor_ask(BEN, &(struct asked){.line = "PUT /big",
                                   .form = "",
                                   .fields = "If-Match: *\r\n"});
    const char *body = part_body(&troupe.part);
    assert_true(strncmp(body, "{\"type\"", 7) == 0);
    assert_non_null(strstr(body, "\"request_id\":\"id7\""));
    assert_string_equal(troupe.part.res.type, "application/problem+json");
    assert_string_equal(part_header(&troupe.part, "Cache-Control"), "no-store");
}

/* What somebody else is shown is nothing to compare with. */
static void of_the_same_user(void **state)
{
    static const struct {
        const char *token;
        int status;
    } cases[] = {{"eight", 412}, {"seven", 200}, {"seven", 412}};
    char tag[64], fields[192];

    (void)state;
    actor_ask(ANNA,
              &(struct asked){.line = "GET /mine",
                              .fields = "Authorization: Bearer seven\r\n"});
    part_tag(&troupe.part, tag);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(fields, sizeof fields,
                 "Authorization: Bearer %s\r\nIf-Match: %s\r\n", cases[i].token,
                 tag);
        actor_ask(BEN, &(struct asked){
                           .line = "PUT /mine", .fields = fields, .form = ""});
        assert_int_equal(troupe.part.res.status, cases[i].status);
    }
}

/* A refusal writes nothing, so what is kept stays good; a conditional write
 * is one like any other. Both statements count. */
static void what_is_kept(void **state)
{
    (void)state;
    for (int refused = 1; refused >= 0; refused--) {
        actor_ask(BEN, &(struct asked){
                           .line = "PUT /notes/1",
                           .fields = with_tags(refused ? "If-None-Match: T"
                                                       : "If-Match: T"),
                           .form = ""});
        assert_int_equal(troupe.part.res.status, refused ? 412 : 200);
        assert_int_equal(troupe.part.trace.queries, refused ? 1 : 2);
        actor_get(ANNA, "/notes/1");
        assert_int_equal(troupe.part.trace.cache,
                         refused ? CACHE_HIT : CACHE_OUTDATED);
    }
}

static struct {
    int tries, successes;
} intruder;

/* While the comparison runs. */
static void intrude(void *self)
{
    (void)self;
    intruder.tries++;
    intruder.successes += db_begin_write(house.db) == DB_DONE;
    db_rollback(house.db);
}

static void nothing_changes_between(void **state)
{
    (void)state;
    intruder.tries = intruder.successes = 0;
    db_patience(house.db, 0);
    db_on_progress(troupe.ben.db, intrude, NULL);
    actor_get(BEN, "/slow");
    assert_true(intruder.tries > 0);
    assert_int_equal(intruder.successes, intruder.tries);
    intruder.tries = intruder.successes = 0;
    actor_ask(BEN, &(struct asked){.line = "PUT /slow",
                                   .fields = "If-Match: *\r\n",
                                   .form = ""});
    assert_int_equal(troupe.part.res.status, 200);
    assert_true(intruder.tries > 0);
    assert_int_equal(intruder.successes, 0);
    db_on_progress(troupe.ben.db, NULL, NULL);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(if_match),
        ON_STAGE(if_none_match),
        ON_STAGE(without_tag),
        ON_STAGE(the_read_fails),
        ON_STAGE(of_the_same_user),
        ON_STAGE(what_is_kept),
        ON_STAGE(nothing_changes_between),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
