#include <ctype.h>

#include "common/segment/board.h"
#include "common/segment/syncs.h"
#include "common/segment/turnstile.h"
#include "tests/unit/cockpit.h"
#include "worker/monitor/promtext.h"

/* ---- a checker of the text format, which knows nothing of its writer -----*/

enum { SERIES_MAX = 2000, FAMILIES_MAX = 200 };

/* One histogram's lines, which follow one another. */
struct ladder {
    double le, count; /* of the last bucket */
    bool open, topped;
};

struct checker {
    struct slice families[FAMILIES_MAX]; /* whose TYPE was seen */
    size_t family_count;
    struct slice series[SERIES_MAX]; /* names with labels */
    size_t series_count;
    struct slice helped; /* the last HELP */
    struct slice type;
    struct ladder ladder;
    struct fault fault;
};

static bool is_metric_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isalpha((unsigned char)s.ptr[i]) && s.ptr[i] != '_' &&
            s.ptr[i] != ':' && (i == 0 || !isdigit((unsigned char)s.ptr[i])))
            return false;
    return s.len > 0;
}

static struct slice to_end(const char *from, struct slice line)
{
    return (struct slice){from, (size_t)(line.ptr + line.len - from)};
}

static bool check_comment(struct checker *c, struct slice line)
{
    struct slice rest = to_end(line.ptr + 2, line);
    struct slice word = slice_cut(&rest, ' ');
    struct slice name = slice_cut(&rest, ' ');

    if (!is_metric_name(name) || rest.len == 0)
        return fault_set(&c->fault, "malformed comment");
    if (slice_is(word, "HELP")) {
        c->helped = name;
        return true;
    }
    if (!slice_is(word, "TYPE") || !slice_equal(c->helped, name))
        return fault_set(&c->fault, "TYPE without HELP");
    for (size_t i = 0; i < c->family_count; i++)
        if (slice_equal(c->families[i], name))
            return fault_set(&c->fault, "a family twice");
    if (c->ladder.open)
        return fault_set(&c->fault, "a histogram without its count");
    assert_true(c->family_count < FAMILIES_MAX);
    c->families[c->family_count++] = name;
    c->type = rest;
    return slice_is(rest, "counter") || slice_is(rest, "gauge") ||
           slice_is(rest, "histogram") || fault_set(&c->fault, "unknown type");
}

/* {a="b",…}: where it ends, or null. `le` is set to the value of le. */
static const char *skip_labels(const char *at, const char *end,
                               struct slice *le)
{
    struct slice name;

    do {
        name.ptr = ++at; /* behind { or , */
        while (at < end && (isalnum((unsigned char)*at) || *at == '_'))
            at++;
        name.len = (size_t)(at - name.ptr);
        if (!is_metric_name(name) || end - at < 3 || at[0] != '=' ||
            at[1] != '"')
            return NULL;
        const char *value = at += 2;
        for (; at < end && *at != '"'; at++)
            if (*at == '\\' && (++at == end || !strchr("\\\"n", *at)))
                return NULL;
        if (at == end)
            return NULL;
        if (slice_is(name, "le"))
            *le = (struct slice){value, (size_t)(at - value)};
        at++;
    } while (at < end && *at == ',');
    return at < end && *at == '}' ? at + 1 : NULL;
}

static bool read_number(struct slice s, double *out)
{
    char text[64];
    char *end;

    if (s.len == 0 || s.len >= sizeof text || isspace((unsigned char)s.ptr[0]))
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    *out = strtod(text, &end);
    return *end == '\0';
}

static bool check_ladder(struct checker *c, struct slice suffix,
                         struct slice le, double value)
{
    struct ladder *l = &c->ladder;
    double bound;

    if (slice_is(suffix, "_sum"))
        return true;
    if (slice_is(suffix, "_count")) {
        bool whole = l->open && l->topped && l->count == value;
        *l = (struct ladder){.open = false};
        return whole || fault_set(&c->fault, "+Inf is not the count");
    }
    if (!slice_is(suffix, "_bucket") || !read_number(le, &bound))
        return fault_set(&c->fault, "malformed histogram");
    if (l->open && (bound <= l->le || value < l->count))
        return fault_set(&c->fault, "buckets do not rise");
    *l = (struct ladder){
        .le = bound, .count = value, .open = true, .topped = isinf(bound)};
    return true;
}

static bool check_series(struct checker *c, struct slice series)
{
    for (size_t i = 0; i < c->series_count; i++)
        if (slice_equal(c->series[i], series))
            return fault_set(&c->fault, "a series twice");
    assert_true(c->series_count < SERIES_MAX);
    c->series[c->series_count++] = series;
    return true;
}

static bool check_sample(struct checker *c, struct slice line)
{
    const char *end = line.ptr + line.len;
    const char *at = line.ptr;
    struct slice le = {NULL, 0};
    double value;

    if (c->family_count == 0)
        return fault_set(&c->fault, "a sample before any TYPE");
    struct slice family = c->families[c->family_count - 1];
    while (at < end && *at != '{' && *at != ' ')
        at++;
    struct slice name = {line.ptr, (size_t)(at - line.ptr)};
    if (name.len < family.len ||
        memcmp(name.ptr, family.ptr, family.len) != 0 ||
        !slice_equal(c->helped, family))
        return fault_set(&c->fault, "a sample of another family");
    struct slice suffix = {name.ptr + family.len, name.len - family.len};
    if (at < end && *at == '{')
        at = skip_labels(at, end, &le);
    if (at == NULL || at == end || *at != ' ')
        return fault_set(&c->fault, "malformed labels");
    if (!read_number(to_end(at + 1, line), &value) || value < 0)
        return fault_set(&c->fault, "malformed value");
    if (!check_series(c, (struct slice){line.ptr, (size_t)(at - line.ptr)}))
        return false;
    if (slice_is(c->type, "histogram"))
        return check_ladder(c, suffix, le, value);
    return suffix.len == 0 ||
           fault_set(&c->fault, "a sample of another family");
}

/* Null, or what is wrong; valid until the next call. */
static const char *check(const char *page)
{
    static struct checker c;
    struct slice rest = slice_of(page);

    c = (struct checker){.family_count = 0};
    if (!text_is_utf8(rest))
        return "not UTF-8";
    if (rest.len > 0 && rest.ptr[rest.len - 1] != '\n')
        return "no newline at the end";
    rest.len--;
    while (rest.ptr) {
        struct slice line = slice_cut(&rest, '\n');
        bool ok = line.len > 2 && line.ptr[0] == '#' ? check_comment(&c, line)
                                                     : check_sample(&c, line);
        if (!ok) {
            struct fault why = c.fault;
            fault_set(&c.fault, "%s: %.*s", why.text, (int)line.len, line.ptr);
            return c.fault.text;
        }
    }
    return c.ladder.open ? "a histogram without its count" : NULL;
}

#define A "# HELP a x\n# TYPE a counter\n"
#define B "# HELP b x\n# TYPE b gauge\n"
#define H "# HELP h x\n# TYPE h histogram\n"

static void checker_sees(void **state)
{
    static const char *const good[] = {
        A "a 1\n" B "b{x=\"\\\\\\\"\\n}\"} 1.5e-05\nb{x=\"2\",y=\"\"} 0\n",
        H "h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n",
    };
    static const char *const bad[] = {
        "a 1\n",
        A "a 1",
        A "b 1\n",
        A "a 1\n" B "b 1\na{x=\"1\"} 1\n",
        A "a 1\na 1\n",
        A "a 1\n" A "a{x=\"1\"} 1\n",
        "# TYPE a counter\na 1\n",
        "# HELP a x\n# TYPE a thing\na 1\n",
        A "a one\n",
        A "a null\n",
        A "a\n",
        A "a_total 1\n",
        A "a{x=\"\"\"} 1\n",
        A "a{x=\"\\q\"} 1\n",
        A "a{x=\"1\n\"} 1\n",
        A "a{x=1} 1\n",
        A "a{x=\"\xff\"} 1\n",
        H "h_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 3\n",
        H "h_bucket{le=\"1\"} 2\nh_sum 3\nh_count 2\n",
        H "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 3\nh_count 1\n",
        H "h_bucket{le=\"1\"} 1\nh_bucket{le=\"0.5\"} 1\n"
          "h_bucket{le=\"+Inf\"} 1\nh_sum 3\nh_count 1\n",
        H "h_bucket{le=\"+Inf\"} 2\nh_sum 3\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (check(good[i]))
            fail_msg("%s", check(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (check(bad[i]) == NULL)
            fail_msg("nothing wrong with %s", bad[i]);
}

/* ---- the writer ----------------------------------------------------------*/

static void escapes(void **state)
{
    struct buf out = {0};
    struct promtext p = {.out = &out};
    const struct label labels[] = {{"x", "a\\b\"c\nd\xff\xc3\xa9"}, {"y", ""}};

    (void)state;
    promtext_family(&p, "unsampled", "counter", "Nothing.");
    promtext_family(&p, "n", "gauge", "Some.");
    promtext_int(&p, labels, 2, 3);
    promtext_real(&p, labels, 1, 0.25);
    assert_string_equal(buf_text(&out),
                        "# HELP n Some.\n# TYPE n gauge\n"
                        "n{x=\"a\\\\b\\\"c\\nd?\xc3\xa9\",y=\"\"} 3\n"
                        "n{x=\"a\\\\b\\\"c\\nd?\xc3\xa9\"} 0.25\n");
    assert_null(check(buf_text(&out)));
    buf_free(&out);
}

static void cumulates(void **state)
{
    static const struct bound bounds[] = {
        {"0.001", 1000000}, {"0.1", 100000000}, {NULL, 0}};
    static struct histogram h;
    static struct distribution d;
    struct buf out = {0};
    struct promtext p = {.out = &out};

    (void)state;
    histogram_add(&h, 500000);
    histogram_add(&h, 50000000);
    histogram_add(&h, 60000000);
    histogram_add(&h, 2000000000);
    distribution_add(&d, &h);
    promtext_family(&p, "t", "histogram", "Times.");
    promtext_histogram(&p, &(struct label){"x", "1"}, 1, bounds, &d);
    assert_string_equal(buf_text(&out), "# HELP t Times.\n# TYPE t histogram\n"
                                        "t_bucket{x=\"1\",le=\"0.001\"} 1\n"
                                        "t_bucket{x=\"1\",le=\"0.1\"} 3\n"
                                        "t_bucket{x=\"1\",le=\"+Inf\"} 4\n"
                                        "t_sum{x=\"1\"} 2.1105\n"
                                        "t_count{x=\"1\"} 4\n");
    buf_free(&out);
}

/* ---- the page ------------------------------------------------------------*/

static void see_page(void)
{
    see(monitor_prometheus, "GET /metrics");
    const char *fault = check(buf_text(&cockpit.body));
    if (fault)
        fail_msg("%s", fault);
}

static void expect_line(const char *line)
{
    const char *at = buf_text(&cockpit.body);
    size_t len = strlen(line);

    for (; (at = strstr(at, line)); at++)
        if (at[len] == '\n' && (at == cockpit.body.data || at[-1] == '\n'))
            return;
    fail_msg("no \"%s\" in\n%s", line, buf_text(&cockpit.body));
}

static void expect_none(const char *text)
{
    if (strstr(buf_text(&cockpit.body), text))
        fail_msg("\"%s\" in\n%s", text, buf_text(&cockpit.body));
}

/* Nobody has asked for anything yet, and no keeper has sampled. */
static void begins_well_formed(void **state)
{
    (void)state;
    see_page();
    assert_string_equal(cockpit.res.type,
                        "text/plain; version=0.0.4; charset=utf-8");
    expect_none("http_server_request_duration_seconds");
    expect_none("prong_database_bytes");
    expect_line("prong_build_info{version=\"" PRONG_VERSION "\"} 1");
    expect_line("prong_alert{alert=\"error_rate\"} 0");
    expect_line("http_server_active_requests 0");
    expect_line("# TYPE prong_errors_total counter");
}

#define ROUTE(method, path)                                                    \
    "{http_request_method=\"" method "\",http_route=\"" path "\""

static void counts_routes(void **state)
{
    struct metrics_cell *cell = cell_of(1, "GET /api/chefs");

    (void)state;
    serve(0, "GET /api/chefs", 8, COUNT_2XX, 30000);
    serve(1, "GET /api/chefs", 2, COUNT_5XX, 20000000);
    serve(0, "POST /api/chefs", 3, COUNT_2XX, 1000);
    serve(0, "unmatched", 1, COUNT_4XX, 1000);
    serve(1, "GET /api/former", 5, COUNT_2XX, 1000); /* only in sums */
    man(1, 102, 1000);
    cell_add(cell_of(1, "GET /api/former"), COUNT_ROWS, 6);
    cell_add(cell_of(2, "static"), COUNT_ROWS, 1); /* no requests yet */
    cell_add(cell, COUNT_CACHE_COLLAPSED, 4);
    histogram_add(&cell->sql, 15000);
    histogram_add(&cell_of(0, "POST /api/chefs")->sql, 15000);
    answered(0, 200, 11);
    answered(1, 200, 5);
    answered(1, 503, 2);
    see_page();
    expect_line("# TYPE prong_responses_total counter");
    expect_line("prong_responses_total{http_response_status_code=\"200\"} 16");
    expect_line("prong_responses_total{http_response_status_code=\"503\"} 2");
    expect_none("http_response_status_code=\"404\"");
    expect_line("http_server_requests_total" ROUTE(
        "GET", "/api/chefs") ",http_response_status_class=\"2xx\"} 8");
    expect_line("http_server_requests_total" ROUTE(
        "GET", "/api/chefs") ",http_response_status_class=\"5xx\"} 2");
    expect_none(
        ROUTE("GET", "/api/chefs") ",http_response_status_class=\"4xx\"");
    expect_line("http_server_request_duration_seconds_bucket" ROUTE(
        "GET", "/api/chefs") ",le=\"0.0001\"} 8");
    expect_line("http_server_request_duration_seconds_bucket" ROUTE(
        "GET", "/api/chefs") ",le=\"0.025\"} 10");
    expect_line("http_server_request_duration_seconds_count" ROUTE(
        "_OTHER", "unmatched") "} 1");
    expect_line("db_client_operation_duration_seconds_sum" ROUTE(
        "POST", "/api/chefs") ",db_system_name=\"sqlite\"} "
                              "0.000015");
    expect_line("prong_cache_requests_total" ROUTE(
        "GET", "/api/chefs") ",outcome=\"collapsed\"} 4");
    expect_none("outcome=\"none\"");
    expect_none("/api/health"); /* nobody asked for it */
    expect_none("/api/former");
    expect_none("http_route=\"static\"");
    expect_line("prong_sql_rows_total 7");
    expect_line("prong_worker_requests_total{worker=\"0\"} 12");
    expect_line("prong_worker_requests_total{worker=\"1\"} 7");
}

static void counts_processes(void **state)
{
    struct slot *gone = man(7, 0, 1000);
    const struct alert raised = {.active = true};
    const struct board_system system = {.wal_bytes = 4096};
    const struct board_wal wal = {
        .frames = 9, .checkpoints = 3, .sum_ns = 1500000000};
    struct slot *first = &cockpit.shared.slots[0];

    (void)state;
    atomic_store(&gone->births, 4);
    atomic_store(&gone->accepted, 10);
    atomic_store(&gone->cpu_us, 1);
    atomic_store(&first->accepted, 5);
    atomic_store(&first->cpu_us, 2500000);
    atomic_store(&first->busy_ns, 1500000000);
    atomic_store(&first->pss_kb, 3);
    board_put_alert(cockpit.shared.board, ALERT_MEMORY_USAGE, &raised);
    board_put_system(cockpit.shared.board, &system);
    board_put_wal(cockpit.shared.board, &wal);
    tables_count_loss(cockpit.shared.tables, number_of("table:chefs"));
    see_page();
    expect_line("prong_worker_restarts_total{worker=\"0\"} 0");
    expect_line("prong_worker_restarts_total{worker=\"7\"} 3");
    expect_line("prong_worker_busy_seconds_total{worker=\"0\"} 1.5");
    expect_line("prong_cpu_seconds_total{process=\"worker-0\"} 2.5");
    expect_none("process=\"worker-7\"");
    expect_line("prong_memory_pss_bytes{process=\"worker-0\"} 3072");
    expect_line("prong_open_fds{process=\"master\"} 0");
    expect_line("prong_connections_accepted_total 15");
    expect_line("prong_alert{alert=\"memory_usage\"} 1");
    expect_line("prong_wal_bytes 4096");
    expect_line("prong_wal_frames 9");
    expect_line("prong_checkpoints_total 3");
    expect_line("prong_checkpoint_seconds_total 1.5");
    expect_line("prong_cache_invalidations_total{table=\"chefs\"} 1");
    expect_line("prong_cache_invalidations_total{table=\"we\\\"ird\"} 0");
}

static void counts_writes(void **state)
{
    const struct turn_work work = {number_of("POST /api/chefs"), SLICE("a"),
                                   20000000};
    struct turnstile *t = cockpit.shared.turnstile;
    struct syncs *s = cockpit.shared.syncs;
    uint64_t upto;

    (void)state;
    see_page();
    expect_line("prong_turnstile_wait_seconds_count 0");
    expect_line("prong_durability_lost 0");
    turnstile_ask(t, 0, NULL);
    turnstile_work(t, 0, &work);
    turnstile_work(t, 0, &work);
    turnstile_ask(t, 1, NULL);
    turnstile_queue(t, 1, 6);
    turnstile_pass(t, 0, NULL);
    turnstile_ask(t, 0, NULL);
    turnstile_queue(t, 0, 7);
    for (unsigned i = 0; i < 3; i++)
        syncs_commit(s);
    assert_true(syncs_lead(s, 0, &upto));
    syncs_led(s, 0, 1500000000, true, NULL);
    see_page();
    expect_line("prong_turnstile_wait_seconds_bucket{le=\"0.01\"} 0");
    expect_line("prong_turnstile_wait_seconds_bucket{le=\"0.05\"} 2");
    expect_line("prong_turnstile_wait_seconds_sum 0.04");
    expect_line("prong_turnstile_hold_seconds_count 1");
    expect_line("prong_write_queue 13");
    expect_line("prong_commits_total 3");
    expect_line("prong_wal_syncs_total 1");
    expect_line("prong_wal_sync_seconds_total 1.5");
    syncs_commit(s);
    assert_true(syncs_lead(s, 0, &upto));
    syncs_led(s, 0, 1, false, NULL);
    see_page();
    expect_line("prong_durability_lost 1");
}

#define T(name)                                                                \
    cmocka_unit_test_setup_teardown(name, cockpit_make, cockpit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checker_sees),
        cmocka_unit_test(escapes),
        cmocka_unit_test(cumulates),
        T(begins_well_formed),
        T(counts_routes),
        T(counts_processes),
        T(counts_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
