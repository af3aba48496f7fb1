#include "tests/unit/ask.h"
#include "tests/unit/scratch.h"

#include <sys/stat.h>

#include "common/app/app.h"
#include "common/loop.h"
#include "worker/http/cors.h"
#include "worker/site.h"

static const char api[] =
    "-- GET /one\n-- @auth public\nSELECT 1 AS one;\n\n"
    "-- PUT /one\n-- @auth public\n-- @param n integer\nSELECT :n AS n;\n\n"
    "-- GET /items/{id}\n-- @auth public\n-- @param id integer\n"
    "-- @cors https://a.example\nSELECT :id AS id;\n\n"
    "-- GET /live\n-- @auth public\nSELECT 'mine' AS whose;\n";

static const struct scratch *folder;
static struct settings settings;
static struct app *app;
static struct site *site;
static struct fault fault;

/* A request, and its answer. */
static struct {
    struct call call;
    struct trace trace;
    struct response res;
    struct ask ask;
    int done;
} visit;

static void write_text(const char *name, const char *text)
{
    FILE *f = fopen(scratch_name(folder, name), "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static int make(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    folder = *state;
    mkdir(scratch_name(folder, "api"), 0755);
    mkdir(scratch_name(folder, "web"), 0755);
    write_text("app.conf", "name = shop\ndatabase = a.db\n");
    write_text("api/shop.sql", api);
    write_text("web/page.txt", "a page");
    settings = (struct settings){.durability = "full",
                                 .gzip = "off",
                                 .gzip_comp_level = 1,
                                 .security_headers = "on",
                                 .wal_autocheckpoint = 1000};
    response_init(&visit.res);
    return 0;
}

static int unmake(void **state)
{
    site_close(site);
    site = NULL;
    app_free(app);
    app = NULL;
    ask_free(&visit.ask);
    response_free(&visit.res);
    return scratch_remove(state);
}

static void load(void)
{
    app = app_load(folder->dir, &fault);
    if (app == NULL)
        fail_msg("%s", fault.text);
}

static struct site *try_to_open(bool create)
{
    const struct site_config config = {
        .app = app, .create = create, .settings = &settings};

    return site_open(&config, &fault);
}

static void open_site(void)
{
    load();
    site = try_to_open(true);
    if (site == NULL)
        fail_msg("%s", fault.text);
}

static void on_done(struct call *call)
{
    assert_ptr_equal(call, &visit.call);
    visit.done++;
}

/* Asks, and what it is told stands in visit.res. */
static int answer(const char *line, const char *fields)
{
    struct asked asked = {.line = line, .fields = fields};

    response_reset(&visit.res);
    visit.trace = (struct trace){.came_ns = loop_clock_ns()};
    visit.call = (struct call){.req = ask(&visit.ask, &asked),
                               .res = &visit.res,
                               .trace = &visit.trace,
                               .client = "127.0.0.1",
                               .peer = "127.0.0.1",
                               .now_ms = loop_clock_ms(),
                               .done = on_done};
    visit.done = 0;
    site_begin(site, 1);
    site_answer(site, &visit.call);
    site_end(site, loop_clock_ms());
    assert_int_equal(visit.done, 1);
    return visit.res.status;
}

static bool has_field(const char *text)
{
    return strstr(buf_text(&visit.res.headers), text) != NULL;
}

static bool has_body(const char *text)
{
    struct buf body = {0};

    buf_slice(&body, response_body(&visit.res));
    bool has = strstr(buf_text(&body), text) != NULL;
    buf_free(&body);
    return has;
}

/* ---- which answer --------------------------------------------------------*/

/* RFC 9110: 404 where nothing is (15.5.5), 405 with Allow where the method is
 * another (15.5.6), 501 for a method that nobody here knows (15.6.2). */
static void each_has_its_answer(void **state)
{
    static const struct {
        const char *line;
        int status;
        const char *allow; /* null: none */
    } cases[] = {
        {"GET /one", 200, NULL},
        {"HEAD /one", 200, NULL},
        {"GET /items/7", 200, NULL},
        {"GET /items/x", 400, NULL},
        {"GET /page.txt", 200, NULL},
        {"HEAD /page.txt", 200, NULL},
        {"GET /api/health", 200, NULL},
        {"GET /nothing", 404, NULL},
        {"POST /nothing", 404, NULL},
        {"OPTIONS /nothing", 404, NULL},
        {"GET /items", 404, NULL},
        {"GET /one/", 404, NULL},
        {"DELETE /one", 405, "Allow: GET, HEAD, PUT, OPTIONS\r\n"},
        {"OPTIONS /one", 204, "Allow: GET, HEAD, PUT, OPTIONS\r\n"},
        {"POST /items/7", 405, "Allow: GET, HEAD, OPTIONS\r\n"},
        {"POST /page.txt", 405, "Allow: GET, HEAD, OPTIONS\r\n"},
        {"OPTIONS /page.txt", 204, "Allow: GET, HEAD, OPTIONS\r\n"},
        {"PUT /api/health", 405, "Allow: GET, HEAD, OPTIONS\r\n"},
        {"OPTIONS *", 204,
         "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"},
        {"PROPFIND /one", 501, NULL},
        {"PROPFIND /nothing", 501, NULL},
    };

    (void)state;
    open_site();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = answer(cases[i].line, NULL);
        if (status != cases[i].status)
            fail_msg("%s: %d", cases[i].line, status);
        if (has_field("Allow:") != (cases[i].allow != NULL) ||
            (cases[i].allow && !has_field(cases[i].allow)))
            fail_msg("%s: %s", cases[i].line, buf_text(&visit.res.headers));
        assert_int_equal(visit.res.head,
                         strncmp(cases[i].line, "HEAD", 4) == 0);
    }
}

/* An app's own answer goes before the server's, and a route before a file. */
static void the_app_goes_first(void **state)
{
    (void)state;
    write_text("web/one", "a file");
    open_site();
    assert_int_equal(answer("GET /live", NULL), 200);
    assert_true(has_body("mine"));
    assert_int_equal(answer("GET /one", NULL), 200);
    assert_true(has_body("\"one\":1"));
}

static void who_may_read_it(void **state)
{
#define FROM_A "Origin: https://a.example\r\n"
    (void)state;
    open_site();
    answer("GET /items/7", FROM_A);
    assert_true(cors_admits(visit.call.cors, SLICE("https://a.example")));
    answer("GET /one", FROM_A);
    assert_null(visit.call.cors);
    answer("POST /items/7", FROM_A); /* a page may read why not */
    assert_non_null(visit.call.cors);
    assert_int_equal(answer("OPTIONS /items/7",
                            FROM_A "Access-Control-Request-Method: GET\r\n"),
                     204);
    assert_true(has_field("Access-Control-Allow-Methods: GET"));
    assert_false(has_field("Allow: GET"));
    assert_int_equal(answer("OPTIONS /items/7",
                            "Origin: https://b.example\r\n"
                            "Access-Control-Request-Method: GET\r\n"),
                     204);
    assert_false(has_field("Access-Control-Allow-Methods"));
}

/* ---- opening -------------------------------------------------------------*/

static void refused(bool create, const char *why)
{
    load();
    assert_null(try_to_open(create));
    if (strstr(fault.text, why) == NULL)
        fail_msg("%s", fault.text);
    app_free(app);
    app = NULL;
}

/* Later its absence is an accident, not a new start. */
static void a_database_that_is_gone(void **state)
{
    (void)state;
    refused(false, "a.db");
    assert_int_equal(access(folder->path, F_OK), -1);
}

static void sql_that_is_wrong(void **state)
{
    (void)state;
    write_text("api/wrong.sql",
               "-- GET /wrong\n-- @auth public\nSELECT x FROM nowhere;\n");
    refused(true, "wrong.sql:3");
}

/* ---- threads -------------------------------------------------------------*/

/* Each has a connection of its own, and answers the same. */
static void threads_take_turns(void **state)
{
    (void)state;
    open_site();
    assert_true(site_prepare(site, 1, &fault));
    for (unsigned thread = 0; thread < 2; thread++) {
        site_take(site, thread);
        assert_int_equal(answer("GET /one", NULL), 200);
        assert_true(has_body("\"one\":1"));
    }
    assert_int_equal(site_waiting(site), 0);
    assert_int_equal(site_overdue_ns(site, loop_clock_ns()), 0);
    assert_false(site_end_request(site, visit.trace.came_ns)); /* it is over */
    site_end_all(site); /* nothing runs */
    assert_int_equal(answer("GET /one", NULL), 200);
}

/* One that could not open the database says so; the client is not left. */
static void a_thread_without_a_database(void **state)
{
    const struct asked asked = {.line = "GET /one"};

    (void)state;
    open_site();
    assert_int_equal(answer("GET /one", NULL), 200);
    site_take(site, 2);
    response_reset(&visit.res);
    visit.call.req = ask(&visit.ask, &asked);
    visit.done = 0;
    site_resume_given(site, &visit.call, loop_clock_ms());
    assert_int_equal(visit.done, 1);
    assert_int_equal(visit.res.status, 503);
    site_take(site, 0);
    visit.done = 0;
    visit.call.req = ask(&visit.ask, &asked);
    response_reset(&visit.res);
    site_resume_given(site, &visit.call, loop_clock_ms());
    assert_int_equal(visit.done, 1);
    assert_int_equal(visit.res.status, 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_has_its_answer),
        TEST(the_app_goes_first),
        TEST(who_may_read_it),
        TEST(a_database_that_is_gone),
        TEST(sql_that_is_wrong),
        TEST(threads_take_turns),
        TEST(a_thread_without_a_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
