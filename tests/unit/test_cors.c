#include "ask.h"
#include "common/app/routes.h"
#include "worker/http/preflight.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct ask asker;

static const char *everybody[] = {"*", NULL};
static const char *some[] = {"https://a.example", "http://localhost:3000",
                             NULL};
static const char *nobody[] = {"off", NULL};

enum { UNSAID, OPEN, SOME, OFF, WRITE };

static struct endpoint endpoints[] = {
    [UNSAID] = {.method = METHOD_GET, .path = "/unsaid"},
    [OPEN] = {.method = METHOD_GET, .path = "/open", .cors = everybody},
    [SOME] = {.method = METHOD_GET, .path = "/some/{id}", .cors = some},
    [OFF] = {.method = METHOD_DELETE, .path = "/some/{id}", .cors = nobody},
    [WRITE] = {.method = METHOD_PUT, .path = "/some/{id}", .cors = some},
};
static const struct app app = {.endpoints = endpoints,
                               .endpoint_count = COUNT(endpoints)};

static struct cors_rules *rules_of(const char **origins, size_t count)
{
    const struct settings s = {.cors_origin = {origins, count}};

    return cors_rules_new(&app, &s);
}

/* The fields that an answer to such a request gets. */
static const char *fields_of(const struct cors *rule, const char *line,
                             const char *fields)
{
    static struct buf text;
    struct response res;

    response_init(&res);
    cors_answer(rule,
                ask(&asker, &(struct asked){.line = line, .fields = fields}),
                &res);
    buf_clear(&text);
    buf_slice(&text, buf_view(&res.headers));
    response_free(&res);
    return buf_text(&text);
}

#define ALL    "Access-Control-Allow-Origin: *\r\n"
#define VARY   "Vary: Origin\r\n"
#define ECHOED VARY "Access-Control-Allow-Origin: https://a.example\r\n"
#define SHOWN  "Access-Control-Expose-Headers: "

static void starts(const char *text, const char *with)
{
    if (strncmp(text, with, strlen(with)) != 0)
        fail_msg("%s\ndoes not start with\n%s", text, with);
}

static void answers(void **state)
{
    struct cors_rules *rules = rules_of(NULL, 0);
    const struct cors *listed = cors_of(rules, SOME);
    const struct cors *all = cors_of(rules, OPEN);

    (void)state;
    starts(fields_of(listed, "GET /", "Origin: https://a.example\r\n"),
           ECHOED SHOWN);
    assert_string_equal(fields_of(listed, "GET /", NULL), VARY);
    assert_string_equal(
        fields_of(listed, "OPTIONS /", "Origin: https://a.example\r\n"),
        ECHOED);
    starts(fields_of(all, "GET /", "Origin: https://b.example\r\n"), ALL SHOWN);
    starts(fields_of(all, "GET /", NULL), ALL SHOWN);
    assert_string_equal(
        fields_of(NULL, "GET /", "Origin: https://a.example\r\n"), "");
    const char *shown = fields_of(all, "GET /", NULL);
    assert_non_null(strstr(shown, "X-Total-Count"));
    assert_non_null(strstr(shown, "Retry-After"));
    assert_null(strstr(shown, "Credentials"));
    cors_rules_free(rules);
}

static void strangers(void **state)
{
    static const char *const origins[] = {
        "null",
        "https://a.example.evil.example",
        "https://a.exampl",
        "https://A.example",
        "http://a.example",
        "https://a.example:8443",
        "https://a.example/",
        "http://localhost",
        "http://localhost:3001",
        "https://a.example, http://localhost:3000",
        "*",
        "off",
        "",
    };
    struct cors_rules *rules = rules_of(NULL, 0);

    (void)state;
    for (size_t i = 0; i < COUNT(origins); i++) {
        char field[100];
        snprintf(field, sizeof field, "Origin: %s\r\n", origins[i]);
        if (strcmp(fields_of(cors_of(rules, SOME), "GET /", field), VARY) != 0)
            fail_msg("%s is admitted", origins[i]);
    }
    assert_true(cors_admits(cors_of(rules, OPEN), SLICE("null")));
    assert_false(cors_admits(cors_of(rules, OPEN), slice_of(NULL)));
    assert_null(cors_of(rules, OFF));
    cors_rules_free(rules);
}

static void which_rule(void **state)
{
    const char *own[] = {"https://b.example"};
    struct cors_rules *rules = rules_of(own, 1);
    struct slice b = SLICE("https://b.example");

    (void)state;
    assert_true(cors_admits(cors_of(rules, UNSAID), b));
    assert_true(cors_admits(cors_of_rest(rules), b));
    assert_false(cors_admits(cors_of(rules, SOME), b));
    assert_null(cors_of(rules, OFF));
    cors_rules_free(rules);

    rules = rules_of(NULL, 0);
    assert_null(cors_of(rules, UNSAID));
    assert_null(cors_of_rest(rules));
    cors_rules_free(rules);

    const struct app plain = {.endpoints = endpoints, .endpoint_count = 1};
    assert_null(cors_rules_new(&plain, &(struct settings){.app = "x"}));
    assert_null(cors_of(NULL, 0));
    assert_null(cors_of_rest(NULL));
}

/* ---- preflights ----------------------------------------------------------*/

static struct router *routes(void)
{
    struct router *r = router_new();

    for (size_t i = 0; i < app.endpoint_count; i++)
        assert_true(router_add(r, endpoints[i].method, endpoints[i].path,
                               OWN_PATHS + (int)i));
    assert_true(router_add(r, METHOD_GET, "/metrics", OWN_PROMETHEUS));
    return r;
}

#define FROM(origin) "Origin: " origin "\r\n"
#define WANTS(m)     "Access-Control-Request-Method: " m "\r\n"

static const struct {
    const char *line;
    const char *fields;
    const char *methods; /* null: it is not answered */
} preflights[] = {
    {"OPTIONS /some/1", FROM("https://a.example") WANTS("PUT"),
     "GET, HEAD, PUT, OPTIONS"},
    {"OPTIONS /some/1", FROM("https://a.example") WANTS("DELETE"),
     "GET, HEAD, PUT, OPTIONS"},
    {"OPTIONS /open", FROM("https://z.example") WANTS("GET"),
     "GET, HEAD, OPTIONS"},
    {"OPTIONS /open", FROM("null") WANTS("GET"), "GET, HEAD, OPTIONS"},
    {"OPTIONS /some/1", FROM("https://z.example") WANTS("PUT"), NULL},
    {"OPTIONS /some/1", FROM("null") WANTS("PUT"), NULL},
    {"OPTIONS /some/1", WANTS("PUT"), NULL},
    {"OPTIONS /some/1", FROM("https://a.example"), NULL},
    {"OPTIONS /unsaid", FROM("https://a.example") WANTS("GET"), NULL},
    {"OPTIONS /metrics", FROM("https://a.example") WANTS("GET"), NULL},
    {"OPTIONS /nothing", FROM("https://a.example") WANTS("GET"), NULL},
    {"OPTIONS *", FROM("https://a.example") WANTS("GET"), NULL},
};

static void preflight(const struct cors_rules *rules, size_t i)
{
    struct router *r = routes();
    struct response res;
    char wanted[100] = "";

    response_init(&res);
    struct call call = {
        .req = ask(&asker, &(struct asked){.line = preflights[i].line,
                                           .fields = preflights[i].fields}),
        .res = &res};
    bool answered = preflight_answer(rules, r, &call);
    if (answered != (preflights[i].methods != NULL))
        fail_msg("%s %s: %d", preflights[i].line, preflights[i].fields,
                 answered);
    if (answered) {
        snprintf(wanted, sizeof wanted, "Access-Control-Allow-Methods: %s\r\n",
                 preflights[i].methods);
        assert_int_equal(res.status, 204);
        assert_non_null(call.cors);
        starts(buf_text(&res.headers), wanted);
        assert_non_null(strstr(buf_text(&res.headers), "authorization, "));
        assert_non_null(strstr(buf_text(&res.headers), "Max-Age: "));
    } else {
        assert_null(call.cors);
        assert_int_equal(res.headers.len, 0);
    }
    response_free(&res);
    router_free(r);
}

static void preflights_are_answered(void **state)
{
    const char *all[] = {"*"};
    struct cors_rules *rules = rules_of(NULL, 0);

    (void)state;
    for (size_t i = 0; i < COUNT(preflights); i++)
        preflight(rules, i);
    cors_rules_free(rules);

    rules = rules_of(all, 1); /* the server's own pages are nobody's still */
    struct router *r = routes();
    struct response res;
    response_init(&res);
    struct call call = {
        .req = ask(&asker, &(struct asked){.line = "OPTIONS /metrics",
                                           .fields = FROM("https://a.example")
                                               WANTS("GET")}),
        .res = &res};
    assert_false(preflight_answer(rules, r, &call));
    assert_false(preflight_answer(NULL, r, &call));
    response_free(&res);
    router_free(r);
    cors_rules_free(rules);
}

/* What is about a path, and no endpoint's answer. */
static void rules_of_paths(void **state)
{
    struct cors_rules *rules = rules_of(NULL, 0);
    const struct {
        const char *line;
        const char *fields;
        const struct cors *rule;
    } cases[] = {
        {"POST /some/1", FROM("https://a.example"), cors_of(rules, SOME)},
        {"POST /open", FROM("https://z.example"), cors_of(rules, OPEN)},
        {"POST /open", NULL, cors_of(rules, OPEN)},
        {"POST /unsaid", FROM("https://a.example"), NULL},
        {"POST /metrics", FROM("https://a.example"), NULL},
        {"POST /nothing", FROM("https://a.example"), NULL},
    };
    static const char *const refused[] = {FROM("https://z.example"), NULL};
    struct router *r = routes();
    struct call call = {.res = NULL};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        call.req = ask(&asker, &(struct asked){.line = cases[i].line,
                                               .fields = cases[i].fields});
        if (preflight_rule(rules, r, &call) != cases[i].rule)
            fail_msg("%s %s", cases[i].line, cases[i].fields);
        assert_null(preflight_rule(NULL, r, &call));
    }
    for (size_t i = 0; i < COUNT(refused); i++) {
        const struct asked asked = {.line = "OPTIONS /some/1",
                                    .fields = refused[i]};
        call.req = ask(&asker, &asked);
        const struct cors *rule = preflight_rule(rules, r, &call);
        assert_non_null(rule);
        assert_string_equal(fields_of(rule, asked.line, asked.fields), VARY);
    }
    router_free(r);
    cors_rules_free(rules);
}

/* Of several the one that admits, whichever comes first. */
static void rules_that_differ(void **state)
{
    static const char *a[] = {"https://a.example", NULL};
    static const char *b[] = {"https://b.example", NULL};
    static struct endpoint two[] = {
        {.method = METHOD_GET, .path = "/two", .cors = a},
        {.method = METHOD_PUT, .path = "/two", .cors = b},
    };
    const struct app differing = {.endpoints = two, .endpoint_count = 2};
    struct cors_rules *rules =
        cors_rules_new(&differing, &(struct settings){.app = "x"});
    struct router *r = router_new();
    struct call call = {.res = NULL};

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_true(router_add(r, two[i].method, "/two", OWN_PATHS + i));
    for (size_t i = 0; i < 2; i++) {
        const char *from =
            i ? FROM("https://b.example") : FROM("https://a.example");
        call.req =
            ask(&asker, &(struct asked){.line = "DELETE /two", .fields = from});
        assert_ptr_equal(preflight_rule(rules, r, &call), cors_of(rules, i));
    }
    router_free(r);
    cors_rules_free(rules);
}

static int drop_asker(void **state)
{
    (void)state;
    ask_free(&asker);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(strangers),
        cmocka_unit_test(which_rule),
        cmocka_unit_test(preflights_are_answered),
        cmocka_unit_test(rules_of_paths),
        cmocka_unit_test(rules_that_differ),
    };

    return cmocka_run_group_tests(tests, NULL, drop_asker);
}
