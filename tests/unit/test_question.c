#include "tests/unit/theatre.h"

#include "worker/endpoint/question.h"

static const char schema[] =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, price REAL);";

static const char api[] =
    "-- GET /list\n-- @param n integer default 3\n-- @param r real\n"
    "-- @param b boolean\n-- @param t text\n-- @param u text\n"
    "SELECT id, name, price FROM items\n"
    " WHERE coalesce(:n, :r, :b, :t, :u);\n\n"

    "-- GET /blobs\n-- @param x blob\n-- @param y blob\nSELECT :x, :y;\n\n"

    "-- GET /kinds\n-- @param n integer\n-- @param t text\nSELECT :n, :t;\n\n"

    "-- GET /page\n-- @page 5 max 20\n-- @sort name,price\n"
    "SELECT id, name, price FROM items;\n\n"

    "-- GET /cursor\n-- @page key=price,name 5\n"
    "SELECT price, name FROM items;\n\n"

    "-- GET /{a}/of/{b}\nSELECT :a, :b;\n\n"
    "-- GET /value\n-- @value\nSELECT 1;\n\n"
    "-- GET /other\n-- @value\nSELECT 1;\n\n"

    "-- GET /mine\n-- @auth user\nSELECT :auth.user_id AS me;\n\n"
    "-- GET /role\nSELECT :auth.role AS role;\n\n"
    "-- GET /ours\n-- @auth user\nSELECT 1 AS us;\n";

static struct question question;
static struct json *reader;

static int set_up(void **state)
{
    struct fault fault = {""};

    (void)state;
    theatre_open("", schema);
    if (theatre_play(api, &fault) == NULL)
        fail_msg("%s", fault.text);
    reader = json_new(&fault);
    assert_non_null(reader);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    question_free(&question);
    question = (struct question){.plan = NULL};
    json_free(reader);
    theatre_close();
    return 0;
}

/* One way of asking a question; what it is has a number. */
struct asking {
    int is;
    const char *line;
    const char *fields; /* of the head */
    struct identity who;
};

/* The key, appended; what it points into is another request's afterwards. */
static void add_key(const struct asking *a, struct buf *out)
{
    const struct request *req =
        ask(&house.ask, &(struct asked){.line = a->line, .fields = a->fields});
    struct fault fault = {""};
    const struct endpoint *e = &house.app->endpoints[theatre_route(req)];
    struct plan *plan = plan_new(house.db, reader, e, &fault);

    if (plan == NULL)
        fail_msg("%s", fault.text);
    question.who = a->who;
    response_reset(&house.res);
    if (!question_read(&question, reader, plan, req, &house.res))
        fail_msg("%s: %s", a->line, theatre_body());
    question_key(&question, out);
    plan_free(plan);
}

/* Every two of them: the same key if and only if the same number. */
static void compare(const struct asking *asked, size_t count)
{
    struct buf keys[64] = {{NULL, 0, 0}};

    assert_true(count <= 64);
    for (size_t i = 0; i < count; i++)
        add_key(&asked[i], &keys[i]);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (slice_equal(buf_view(&keys[i]), buf_view(&keys[k])) !=
                (asked[i].is == asked[k].is))
                fail_msg("%s %s and %s %s", asked[i].line,
                         asked[i].fields ? asked[i].fields : "", asked[k].line,
                         asked[k].fields ? asked[k].fields : "");
    for (size_t i = 0; i < count; i++)
        buf_free(&keys[i]);
}

#define COMPARE(asked) compare(asked, sizeof(asked) / sizeof *(asked))

static void values_in_other_words(void **state)
{
    static const struct asking asked[] = {
        {.is = 1, .line = "GET /list"},
        {.is = 1, .line = "GET /list?"},
        {.is = 1, .line = "GET /list?n=3"},
        {.is = 1, .line = "GET /list?n=003"},
        {.is = 1, .line = "HEAD /list?%6e=%33"},
        {.is = 1, .line = "GET /list?utm=1&n=3&N=4&&=&t2=x"},
        {.is = 2, .line = "GET /list?n=7&t=a"},
        {.is = 2, .line = "GET /list?t=a&n=7"},
        {.is = 2, .line = "GET /list?junk=t&t=%61&n=7"},
        {.is = 3, .line = "GET /list?n=7&u=a"},
        {.is = 4, .line = "GET /list?n=7"},
        {.is = 5, .line = "GET /list?n=-7"},
        {.is = 6, .line = "GET /list?r=0"},
        {.is = 6, .line = "GET /list?r=-0.0"},
        {.is = 6, .line = "GET /list?r=0e5"},
        {.is = 7, .line = "GET /list?r=1.5"},
        {.is = 7, .line = "GET /list?r=15e-1"},
        {.is = 8, .line = "GET /list?b=true"},
        {.is = 8, .line = "GET /list?b=YES"},
        {.is = 8, .line = "GET /list?b=1"},
        {.is = 9, .line = "GET /list?b=off"},
        {.is = 10, .line = "GET /list?r=1"},
        {.is = 11, .line = "GET /list?t="},
        {.is = 12, .line = "GET /list?u="},
        {.is = 13, .line = "GET /list?t=&u="},
    };

    (void)state;
    COMPARE(asked);
}

/* Texts that would look the same one behind the other. */
static void texts_stay_apart(void **state)
{
    static const struct asking asked[] = {
        {.is = 1, .line = "GET /list?t=ab&u=c"},
        {.is = 2, .line = "GET /list?t=a&u=bc"},
        {.is = 3, .line = "GET /list?t=abc&u="},
        {.is = 4, .line = "GET /list?t=&u=abc"},
        {.is = 5, .line = "GET /list?t=abc"},
        {.is = 6, .line = "GET /list?u=abc"},
        {.is = 7, .line = "GET /ab/of/c"},
        {.is = 8, .line = "GET /a/of/bc"},
        {.is = 9, .line = "GET /kinds?n=1"},
        {.is = 10, .line = "GET /kinds?t=1"},
        {.is = 11, .line = "GET /kinds?t=%01%02%02%02%02%02%02%02"},
        {.is = 12,
         .line = "GET /kinds?n=144680345676153345"}, /* the same eight bytes */
        /* "a" and "b"; "a" with all that stands between, and "b". */
        {.is = 13, .line = "GET /blobs?x=YQ==&y=Yg=="},
        {.is = 14, .line = "GET /blobs?x=YQQBAAAAAAAAAGI="},
        {.is = 15, .line = "GET /blobs?y=YQQBAAAAAAAAAGI="},
        {.is = 16, .line = "GET /blobs?x=YQ=="},
        {.is = 17, .line = "GET /blobs?x=YQ==&y="},
        {.is = 18, .line = "GET /blobs?x=AA=="},
        {.is = 19, .line = "GET /blobs?x=AAA="},
        /* The kinds of values as bytes of one: "a", "b\0"; "a\4b", NULL. */
        {.is = 20, .line = "GET /blobs?x=YQ==&y=YgA="},
        {.is = 21, .line = "GET /blobs?x=YQRi"},
    };

    (void)state;
    COMPARE(asked);
}

static void columns_and_form(void **state)
{
    static const struct asking asked[] = {
        {.is = 1, .line = "GET /list"},
        {.is = 1, .line = "GET /list?fields=id,name,price"},
        {.is = 1, .line = "GET /list?fields=price,id,name,id"},
        {.is = 1, .line = "GET /list", .fields = "Accept: */*\r\n"},
        {.is = 1,
         .line = "GET /list",
         .fields = "Accept: application/json\r\n"},
        {.is = 1,
         .line = "GET /list",
         .fields = "Accept: text/csv;q=0.5, application/json\r\n"},
        {.is = 1, .line = "GET /list", .fields = "Accept: image/png\r\n"},
        {.is = 1,
         .line = "GET /list",
         .fields = "Accept-Encoding: gzip\r\nIf-None-Match: *\r\n"},
        {.is = 2, .line = "GET /list?fields=id"},
        {.is = 2, .line = "GET /list?fields=%20id%20"},
        {.is = 2,
         .line = "GET /list?fields=id&fields=name"}, /* the first one counts */
        {.is = 3, .line = "GET /list?fields=id,name"},
        {.is = 3, .line = "GET /list?fields=name,id"},
        {.is = 4, .line = "GET /list", .fields = "Accept: text/csv\r\n"},
        {.is = 4,
         .line = "GET /list",
         .fields = "Accept: application/json;q=0.9, text/csv\r\n"},
        {.is = 5,
         .line = "GET /list",
         .fields = "Accept: application/x-ndjson\r\n"},
        {.is = 6,
         .line = "GET /list?fields=id",
         .fields = "Accept: text/csv\r\n"},
        {.is = 7, .line = "GET /value"},
        {.is = 7,
         .line = "GET /value",
         .fields = "Accept: text/csv\r\n"}, /* a value has one form */
        {.is = 8,
         .line = "GET /other"}, /* the same SQL under another address */
    };

    (void)state;
    COMPARE(asked);
}

static void pages(void **state)
{
    static const struct asking asked[] = {
        {.is = 1, .line = "GET /page"},
        {.is = 1, .line = "GET /page?limit=5"},
        {.is = 1, .line = "GET /page?limit=05&offset=0"},
        {.is = 1, .line = "GET /page?count=no"},
        {.is = 1, .line = "GET /page?cursor=x"}, /* there are none here */
        {.is = 2, .line = "GET /page?limit=6"},
        {.is = 3, .line = "GET /page?offset=5"},
        {.is = 4, .line = "GET /page?count=exact"},
        {.is = 4, .line = "GET /page?count=exact&limit=5"},
        {.is = 5, .line = "GET /page?sort=name"},
        {.is = 6, .line = "GET /page?sort=-name"},
        {.is = 7, .line = "GET /page?sort=price"},
        {.is = 8, .line = "GET /page?limit=0"},
        {.is = 9, .line = "GET /page?limit=6&offset=5"},
        {.is = 9, .line = "GET /page?offset=5&limit=6"},
        {.is = 10, .line = "GET /page?limit=5&offset=6"},
    };

    (void)state;
    COMPARE(asked);
}

/* base64 of "nr0;t1:a;" and the like. */
static void cursors(void **state)
{
    static const struct asking asked[] = {
        {.is = 1, .line = "GET /cursor"},
        {.is = 2, .line = "GET /cursor?cursor=bnIwO3QxOmE7"}, /* nr0;t1:a; */
        {.is = 2,
         .line = "GET /cursor?cursor=bnItMC4wO3QxOmE7"}, /* nr-0.0;t1:a; */
        {.is = 2,
         .line = "GET /cursor?cursor=bnIwLjA7dDE6YTs%3D"},    /* nr0.0;t1:a; */
        {.is = 3, .line = "GET /cursor?cursor=cHIwO3QxOmE7"}, /* pr0;t1:a; */
        {.is = 4, .line = "GET /cursor?cursor=bnIwO3QxOmI7"}, /* nr0;t1:b; */
        {.is = 5, .line = "GET /cursor?cursor=bmkwO3QxOmE7"}, /* ni0;t1:a; */
        {.is = 6,
         .line = "GET /cursor?cursor=bnQxOjA7dDE6YTs%3D"}, /* nt1:0;t1:a; */
        {.is = 7,
         .line = "GET /cursor?cursor=bnQwOjt0MjowYTs%3D"}, /* nt0:;t2:0a; */
        {.is = 8, .line = "GET /cursor?cursor=bnIwO3QxOmE7&limit=1"},
    };

    (void)state;
    COMPARE(asked);
}

#define USER(id, name)                                                         \
    {                                                                          \
        true, true, id, name                                                   \
    }

static void who_asks(void **state)
{
    static const struct asking asked[] = {
        {.is = 1, .line = "GET /mine", .who = {.known = false}},
        {.is = 1, .line = "GET /mine", .who = {.known = false, .role = "user"}},
        {.is = 2, .line = "GET /mine", .who = USER(7, "user")},
        {.is = 2,
         .line = "HEAD /mine?user_id=8&auth.user_id=8",
         .who = USER(7, "user")},
        {.is = 3, .line = "GET /mine", .who = USER(8, "user")},
        {.is = 4, .line = "GET /mine", .who = USER(7, "users")},
        {.is = 5, .line = "GET /mine", .who = USER(0, "user")},
        {.is = 6, .line = "GET /mine", .who = {true, false, 0, "user"}},
        {.is = 7, .line = "GET /role", .who = {.known = false}},
        {.is = 8, .line = "GET /role", .who = {true, false, 0, ""}},
        {.is = 9, .line = "GET /role", .who = USER(7, "admin")},
        /* Who may ask is the gate's business; all get the same answer. */
        {.is = 10, .line = "GET /ours", .who = {.known = false}},
        {.is = 10, .line = "GET /ours", .who = USER(7, "user")},
        {.is = 10, .line = "GET /ours", .who = USER(8, "admin")},
    };

    (void)state;
    COMPARE(asked);
}

static void refusals(void **state)
{
    static const struct {
        const char *line;
        const char *has;
    } cases[] = {
        {"GET /list?n=x&fields=nothing", "/n"},
        {"GET /list?n=x&fields=nothing", "/fields"},
        {"GET /list?fields=", "/fields"},
        {"GET /list?fields=id,,name", "/fields"},
        {"GET /list?n=1&n=1", "/n"},
        {"GET /page?limit=21&sort=id", "/limit"},
        {"GET /page?limit=21&sort=id", "/sort"},
        {"GET /cursor?cursor=bnIwOw%3D%3D", "/cursor"}, /* one key of two */
        {"GET /cursor?cursor=eHIwO3QxOmE7", "/cursor"}, /* x, not n or p */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        theatre_ask(&(struct asked){.line = cases[i].line});
        if (house.res.status != 400 || !strstr(theatre_body(), cases[i].has))
            fail_msg("%s: %d %s", cases[i].line, house.res.status,
                     theatre_body());
    }
}

/* Read for the plan of one connection, it is asked on another: with all that
 * is that plan's, and the same in meaning. */
static void adopted(void **state)
{
    static const char *const lines[] = {"GET /page?sort=-price&limit=7",
                                        "GET /list?n=5&fields=name",
                                        "GET /cursor", "GET /value"};
    struct fault fault = {""};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct buf before = {0}, after = {0};
        const struct request *req =
            ask(&house.ask, &(struct asked){.line = lines[i]});
        const struct endpoint *e = &house.app->endpoints[theatre_route(req)];
        struct plan *plan = plan_new(house.db, reader, e, &fault);
        struct plan *other = plan_new(house.db, reader, e, &fault);
        assert_true(question_read(&question, reader, plan, req, &house.res));
        question_key(&question, &before);
        int64_t step = question.step ? question.step - plan->steps : -1;
        question_adopt(&question, other);
        plan_free(plan);
        assert_ptr_equal(question.plan, other);
        assert_ptr_equal(question.step, step < 0 ? NULL : &other->steps[step]);
        assert_true(question_stands(&question));
        question_key(&question, &after);
        assert_true(slice_equal(buf_view(&before), buf_view(&after)));
        buf_free(&before);
        buf_free(&after);
        plan_free(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_in_other_words, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(texts_stay_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(columns_and_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cursors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_asks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(adopted, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
