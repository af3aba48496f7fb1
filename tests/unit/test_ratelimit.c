#include "tests/unit/troupe.h"

#include "common/segment/turnstile.h"

static const char schema[] = "CREATE TABLE items (id INTEGER PRIMARY KEY, name "
                             "TEXT);"
                             "INSERT INTO items VALUES (1, 'one');";

static const char api[] = "-- GET /free\n"
                          "SELECT name FROM items;\n"
                          "-- GET /kept\n"
                          "-- @cache 1h\n"
                          "-- @rate 2/h burst 3\n"
                          "SELECT name FROM items;\n"
                          "-- GET /mine\n"
                          "-- @auth user\n"
                          "-- @rate 2/h by user\n"
                          "SELECT :auth.user_id AS id;\n"
                          "-- GET /token\n"
                          "-- @rate 2/h by token\n"
                          "SELECT name FROM items;\n"
                          "-- GET /fast\n"
                          "-- @rate 1000/s burst 5 by address\n"
                          "SELECT name FROM items;\n"
                          "-- GET /public\n"
                          "-- @cache 1h\n"
                          "-- @http public, max-age=60\n"
                          "-- @rate 2/h\n"
                          "SELECT name FROM items;\n"
                          "-- GET /aged\n"
                          "-- @http max-age=60\n"
                          "-- @rate 2/h\n"
                          "SELECT name FROM items;\n"
                          "-- POST /items\n"
                          "-- @auth public\n"
                          "-- @rate 1/m\n"
                          "-- @param name text\n"
                          "-- @none\n"
                          "INSERT INTO items (name) VALUES (:name);\n";

static int set_up(void **state)
{
    (void)state;
    troupe_open("", schema, api);
    theatre_token("anna", "1", "user");
    theatre_token("anna-too", "1", "user");
    theatre_token("ben", "2", "user");
    theatre_token("robot", "NULL", "user");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    troupe_close();
    return 0;
}

/* A request that comes from an address, with a token, or null. */
static int show(const struct actor *to, const char *line, const char *address,
                const char *token)
{
    struct part *p = &troupe.part;
    char fields[128] = "";

    if (token)
        snprintf(fields, sizeof fields, "Authorization: Bearer %s\r\n", token);
    part_begin(p, &(struct asked){.line = line, .fields = fields});
    p->call.client = address;
    part_play(p, to);
    assert_int_equal(p->done, 1);
    return p->res.status;
}

static int come(const struct actor *to, const char *line, const char *address)
{
    return show(to, line, address, NULL);
}

static void said(const char *aside)
{
    assert_string_equal(buf_text(&troupe.part.res.aside), aside);
}

static void policy(const char *rest)
{
    char aside[256];

    snprintf(aside, sizeof aside, "RateLimit-Policy: %s\r\n", rest);
    said(aside);
}

/* ---- @rate ---------------------------------------------------------------*/

static void workers_count_together(void **state)
{
    (void)state;
    assert_int_equal(come(ANNA, "GET /kept", "10.0.0.1"), 200);
    policy("\"address\";q=3;w=5400\r\nRateLimit: \"address\";r=2;t=1800");
    assert_int_equal(come(BEN, "GET /kept", "10.0.0.1"), 200);
    assert_int_equal(troupe.part.trace.cache, CACHE_HIT);
    policy("\"address\";q=3;w=5400\r\nRateLimit: \"address\";r=1;t=3600");
    assert_int_equal(come(ANNA, "HEAD /kept", "10.0.0.1"), 200);
    assert_int_equal(come(BEN, "GET /kept", "10.0.0.1"), 429);
    policy("\"address\";q=3;w=5400\r\nRateLimit: \"address\";r=0;t=5400");
    assert_string_equal(part_header(&troupe.part, "Retry-After"), "1800");
    assert_string_equal(troupe.part.res.type, "application/problem+json");
    assert_non_null(strstr(part_body(&troupe.part), "try again in 1800 s"));
    assert_int_equal(come(BEN, "GET /kept", "10.0.0.2"), 200);
}

/* What is left is this client's, and not kept with the answer. */
static void answers_kept_say_what_is_left_now(void **state)
{
    char tag[64];
    char fields[128];

    (void)state;
    assert_int_equal(come(ANNA, "GET /kept", "10.0.0.1"), 200);
    part_tag(&troupe.part, tag);
    assert_int_equal(come(ANNA, "GET /kept", "10.0.0.2"), 200);
    policy("\"address\";q=3;w=5400\r\nRateLimit: \"address\";r=2;t=1800");
    assert_null(strstr(part_headers(&troupe.part), "RateLimit"));
    snprintf(fields, sizeof fields, "If-None-Match: %s\r\n", tag);
    part_begin(&troupe.part,
               &(struct asked){.line = "GET /kept", .fields = fields});
    troupe.part.call.client = "10.0.0.2";
    part_play(&troupe.part, ANNA);
    assert_int_equal(troupe.part.res.status, 304);
    policy("\"address\";q=3;w=5400\r\nRateLimit: \"address\";r=1;t=3600");
    assert_int_equal(come(ANNA, "GET /free", "10.0.0.2"), 200);
    said("");
}

static void a_whole_answer_says_it(void **state)
{
    struct part *p = &troupe.part;

    (void)state;
    assert_int_equal(come(ANNA, "GET /kept", "10.0.0.1"), 200);
    struct slice all =
        response_finish(&p->res, SLICE("Sun, 06 Nov 1994 08:49:37 GMT"), 1);
    assert_non_null(memmem(all.ptr, all.len, "\nRateLimit: ", 12));
}

static void a_bucket_for_each(void **state)
{
    static const struct {
        const char *line, *address, *token;
        int status;
    } cases[] = {
        /* A user, whatever his token and address. */
        {"GET /mine", "10.0.0.1", "anna", 200},
        {"GET /mine", "10.0.0.2", "anna-too", 200},
        {"GET /mine", "10.0.0.3", "anna", 429},
        {"GET /mine", "10.0.0.1", "ben", 200},
        /* A token that is nobody's. */
        {"GET /mine", "10.0.0.1", "robot", 200},
        {"GET /mine", "10.0.0.2", "robot", 200},
        {"GET /mine", "10.0.0.3", "robot", 429},
        /* A token. */
        {"GET /token", "10.0.0.1", "anna", 200},
        {"GET /token", "10.0.0.2", "anna", 200},
        {"GET /token", "10.0.0.3", "anna", 429},
        {"GET /token", "10.0.0.3", "anna-too", 200},
        /* None: the address. */
        {"GET /token", "10.0.0.3", NULL, 200},
        {"GET /token", "10.0.0.3", NULL, 200},
        {"GET /token", "10.0.0.3", NULL, 429},
        {"GET /token", "2001:db8::1", NULL, 200},
        {"GET /token", "2001:db8::2", NULL, 200},
        {"GET /token", "2001:db8::3", NULL, 429},
        {"GET /token", "2001:db8:0:1::3", NULL, 200},
        /* One that opens nothing is no bucket of its own. */
        {"GET /token", "10.0.0.4", "invented", 401},
        /* Those without an address, together. */
        {"GET /token", "", NULL, 200},
        {"GET /token", NULL, NULL, 200},
        {"GET /token", "", NULL, 429},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = show(i % 2 ? ANNA : BEN, cases[i].line, cases[i].address,
                          cases[i].token);
        if (status != cases[i].status)
            fail_msg("%zu, %s: %d", i, cases[i].line, status);
    }
}

static void who_has_waited_is_served(void **state)
{
    uint64_t end = loop_clock_ms() + 10000;

    (void)state;
    while (come(ANNA, "GET /fast", "10.0.0.1") != 429)
        assert_true(loop_clock_ms() < end);
    assert_string_equal(part_header(&troupe.part, "Retry-After"), "1");
    while (come(ANNA, "GET /fast", "10.0.0.1") != 200)
        assert_true(loop_clock_ms() < end);
}

/* It may come by twice: when it waited, or was given to another thread. */
static void a_request_counts_once(void **state)
{
    struct part *p = &troupe.part;

    (void)state;
    part_begin(p, &(struct asked){.line = "GET /kept"});
    for (int i = 0; i < 5; i++)
        part_play(p, ANNA);
    assert_int_equal(p->res.status, 200);
    policy("\"address\";q=3;w=5400\r\nRateLimit: \"address\";r=2;t=1800");
}

/* A cache between us and many would tell one what another has left. */
static void what_others_may_get_does_not_say_it(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) { /* computed, and kept */
        assert_int_equal(show(ANNA, "GET /public", "10.0.0.1", "anna"), 200);
        said("");
    }
    assert_int_equal(come(BEN, "GET /public", "10.0.0.1"), 429);
    policy("\"address\";q=2;w=3600\r\nRateLimit: \"address\";r=0;t=3600");
    assert_int_equal(come(ANNA, "GET /aged", "10.0.0.1"), 200);
    said("");
    /* Who shows a token gets one of his own (RFC 9111, 3.5). */
    assert_int_equal(show(ANNA, "GET /aged", "10.0.0.1", "anna"), 200);
    policy("\"address\";q=2;w=3600\r\nRateLimit: \"address\";r=0;t=3600");
}

static void our_own_calls_are_free(void **state)
{
    struct part *p = &troupe.part;

    (void)state;
    for (int i = 0; i < 5; i++) {
        part_begin(p, &(struct asked){.line = "GET /kept"});
        p->call.inside = true;
        part_play(p, ANNA);
        assert_int_equal(p->res.status, 200);
        said("");
    }
}

static void writes_are_limited(void **state)
{
    (void)state;
    assert_int_equal(come(ANNA, "POST /items", "10.0.0.1"), 204);
    policy("\"address\";q=1;w=60\r\nRateLimit: \"address\";r=0;t=60");
    assert_int_equal(come(BEN, "POST /items", "10.0.0.1"), 429);
    assert_int_equal(theatre_count("SELECT count(*) FROM items"), 2);
}

static void refusals_are_counted(void **state)
{
    struct totals t;

    (void)state;
    for (int i = 0; i < 5; i++)
        come(ANNA, "GET /kept", "10.0.0.1");
    metrics_sum(troupe.shared.metrics, METRICS_ALL, METRICS_ALL, &t);
    assert_int_equal(t.counters[COUNT_REFUSED_RATE], 2);
    assert_string_equal(counter_refusal_name(COUNT_REFUSED_RATE), "rate");
    assert_string_equal(counter_refusal_name(COUNT_4XX), "");
}

/* The endpoint's buckets outlive a generation. */
static void a_reload_forgives_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(come(ANNA, "GET /kept", "10.0.0.1"), 200);
    actor_leave(ANNA);
    actor_enter(ANNA, 7);
    assert_int_equal(come(ANNA, "GET /kept", "10.0.0.1"), 429);
}

#define PLAYED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAYED(workers_count_together),
        PLAYED(answers_kept_say_what_is_left_now),
        PLAYED(a_whole_answer_says_it),
        PLAYED(a_bucket_for_each),
        PLAYED(who_has_waited_is_served),
        PLAYED(a_request_counts_once),
        PLAYED(what_others_may_get_does_not_say_it),
        PLAYED(our_own_calls_are_free),
        PLAYED(writes_are_limited),
        PLAYED(refusals_are_counted),
        PLAYED(a_reload_forgives_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
