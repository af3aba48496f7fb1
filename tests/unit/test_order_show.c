#include "common/segment/board.h"
#include "common/segment/turnstile_private.h"
#include "master/changes.h"
#include "master/control/figures.h"
#include "master/control/inflight.h"
#include "master/control/order_changes.h"
#include "master/control/order_show.h"
#include "master/control/order_writers.h"
#include "tests/unit/cockpit.h"

static const uint64_t SECOND = 1000000000;

static struct settings settings;
static struct generation present;
static struct busy busy;
static struct server_view view;
static struct buf out;

static int make(void **state)
{
    if (cockpit_make(state) != 0)
        return -1;
    settings = (struct settings){.durability = "full"};
    cockpit.app.dir = "etc/test";
    cockpit.app.database = "etc/test/test.db";
    present = (struct generation){&settings, &cockpit.app};
    busy = (struct busy){.newest = 0};
    view = (struct server_view){.shared = &cockpit.shared,
                                .present = &present,
                                .busy = &busy,
                                .wanted = 3,
                                .state = "serving",
                                .hand_count = 4};
    view.hands[0] = (struct hand_view){.slot = 0,
                                       .pid = 101,
                                       .state = SLOT_READY,
                                       .generation = 2,
                                       .age_ms = 61000};
    view.hands[1] = (struct hand_view){.slot = 1,
                                       .pid = 102,
                                       .state = SLOT_RETIRING,
                                       .generation = 1,
                                       .age_ms = 5000};
    view.hands[2] = (struct hand_view){.slot = 2,
                                       .pid = 0,
                                       .state = SLOT_BACKOFF,
                                       .generation = 2,
                                       .age_ms = 10};
    view.hands[3] = (struct hand_view){.slot = SLOT_KEEPER,
                                       .pid = 110,
                                       .state = SLOT_READY,
                                       .generation = 2,
                                       .age_ms = 70000};
    man(1, 102, BORN_AGO_MS);
    man(SLOT_KEEPER, 110, BORN_AGO_MS);
    return 0;
}

static int unmake(void **state)
{
    buf_free(&out);
    return cockpit_remove(state);
}

typedef void shows(const struct server_view *v, struct sheet *s);

static const char *text_of(shows *show)
{
    struct sheet s;

    buf_clear(&out);
    sheet_begin(&s, &out, false);
    show(&view, &s);
    sheet_end(&s);
    return buf_text(&out);
}

/* Leaves it where expect_… look. */
static void json_of(shows *show)
{
    struct sheet s;

    buf_clear(&cockpit.body);
    sheet_begin(&s, &cockpit.body, true);
    show(&view, &s);
    sheet_end(&s);
}

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no \"%s\" in:\n%s", part, text);
}

/* ---- status --------------------------------------------------------------*/

static void status_counts_processes_by_state(void **state)
{
    (void)state;
    json_of(order_show_status);
    expect_text("$.version", PRONG_VERSION);
    expect_text("$.state", "serving");
    expect_text("$.app", "test");
    expect_text("$.folder", "etc/test");
    expect_text("$.database", "etc/test/test.db");
    expect_int("$.master", getpid());
    expect_int("$.keeper", 110);
    expect_int("$.generation", 2);
    expect_int("$.workers_wanted", 3);
    expect_int("$.workers_ready", 1);
    expect_int("$.workers_starting", 1);
    expect_int("$.workers_draining", 1);
    atomic_store(&cockpit.shared.slots[SLOT_KEEPER].pid, 0);
    json_of(order_show_status);
    expect_nothing("$.keeper");
}

static void status_adds_up_the_segment(void **state)
{
    struct slot *slots = cockpit.shared.slots;

    (void)state;
    serve(0, "GET /api/chefs", 90, COUNT_2XX, 1000000);
    serve(1, "GET /api/chefs", 10, COUNT_5XX, 100000000);
    cell_add(cell_of(0, "GET /api/chefs"), COUNT_CACHE_HIT, 30);
    cell_add(cell_of(0, "GET /api/chefs"), COUNT_CACHE_MISS, 10);
    atomic_store(&slots[0].connections, 5);
    atomic_store(&slots[1].connections, 7);
    atomic_store(&slots[5].connections, 100); /* nobody is there */
    atomic_store(&slots[0].pss_kb, 1024);
    atomic_store(&slots[SLOT_KEEPER].pss_kb, 512);
    atomic_store(&slots[1].backlog, 9);
    json_of(order_show_status);
    expect_int("$.requests", 100);
    expect_real("$.errors_percent", 10, 0.01);
    expect_real("$.p50_ms", 1, 0.04);
    expect_real("$.p95_ms", 100, 4);
    expect_real("$.cache_hits_percent", 75, 0.01);
    expect_int("$.connections", 12);
    expect_int("$.backlog", 9);
    expect_real("$.memory_mb", 1.5, 0.01);
    expect_real("$.uptime_seconds", 600, 5);
    expect_real("$.requests_per_second", 100.0 / 600, 0.01);
}

/* Rates are of the last minute as soon as there was one. */
static void status_looks_a_minute_back(void **state)
{
    struct board_sample then = {.clock_ms = clock_ns() / 1000000 - 61000};

    (void)state;
    serve(0, "GET /api/chefs", 1000, COUNT_5XX, 100000000);
    metrics_sum(cockpit.shared.metrics, METRICS_ALL, METRICS_ALL, &then.totals);
    board_put_sample(cockpit.shared.board, &then);
    serve(0, "GET /api/chefs", 122, COUNT_2XX, 1000000);
    json_of(order_show_status);
    expect_int("$.requests", 1122);
    expect_real("$.requests_per_second", 2, 0.05);
    expect_int("$.errors_percent", 0);
    expect_real("$.p99_ms", 1, 0.04);
}

/* ---- workers and requests ------------------------------------------------*/

static void each_worker_has_a_row(void **state)
{
    struct slot *s = &cockpit.shared.slots[0];

    (void)state;
    atomic_store(&s->requests, 1234);
    atomic_store(&s->connections, 3);
    atomic_store(&s->away, 2);
    atomic_store(&s->pss_kb, 2048);
    at_request(0, "id-1", 101, 3 * SECOND);
    json_of(order_show_workers);
    expect_int("$.workers[0].worker", 0);
    expect_int("$.workers[0].pid", 101);
    expect_text("$.workers[0].state", "ready");
    expect_int("$.workers[0].generation", 2);
    expect_int("$.workers[0].age_seconds", 61);
    expect_int("$.workers[0].requests", 1234);
    expect_int("$.workers[0].connections", 3);
    expect_int("$.workers[0].slow", 2);
    expect_int("$.workers[0].memory_mb", 2);
    expect_real("$.workers[0].for_seconds", 3, 1);
    expect_text("$.workers[0].phase", "sql 0");
    expect_text("$.workers[0].request", "id-1");
    expect_text("$.workers[0].endpoint", "GET /api/chefs/{id}");
    expect_text("$.workers[1].state", "draining");
    expect_nothing("$.workers[1].request");
    expect_text("$.workers[2].state", "backoff");
    expect_nothing("$.workers[2].pid");
    expect_nothing("$.workers[3]"); /* the keeper is none */
    has(text_of(order_show_workers), "WORKER  PID  STATE ");
}

static void a_state_may_be_a_special_one(void **state)
{
    (void)state;
    view.hands[0].due = true;
    view.hands[1].stopped = true;
    json_of(order_show_workers);
    expect_text("$.workers[0].state", "due");
    expect_text("$.workers[1].state", "stopped");
}

static void nobody_may_be_at_work(void **state)
{
    (void)state;
    assert_string_equal(text_of(order_show_requests),
                        "No request is being answered.\n");
    view.hand_count = 0;
    assert_string_equal(text_of(order_show_workers), "There is no worker.\n");
}

static void the_longest_request_comes_first(void **state)
{
    (void)state;
    atomic_store(&cockpit.shared.slots[0].threads, 3);
    at_request(0, "young", 101, SECOND);
    at_request(1, "old", 102, 9 * SECOND);
    at_request(recorder_place(0, 2), "middle", 101, 5 * SECOND);
    at_request(2, "of the dead", 999, 20 * SECOND);
    man(2, 103, BORN_AGO_MS); /* another process has the slot by now */
    at_request(3, "nobody's", 104, 20 * SECOND);
    json_of(order_show_requests);
    expect_text("$.requests[0].request", "old");
    expect_int("$.requests[0].worker", 1);
    expect_int("$.requests[0].pid", 102);
    expect_real("$.requests[0].for_seconds", 9, 1);
    expect_text("$.requests[0].path", "/api/chefs/7");
    expect_text("$.requests[1].request", "middle");
    expect_text("$.requests[2].request", "young");
    expect_nothing("$.requests[3]");
}

static void a_request_is_found_by_its_id(void **state)
{
    struct inflight f;
    struct record *r;

    (void)state;
    at_request(0, "twice", 101, SECOND);
    at_request(1, "twice", 102, 2 * SECOND);
    assert_true(inflight_find(&cockpit.shared, SLICE("twice"), &f));
    assert_int_equal(f.slot, 1);
    assert_false(inflight_find(&cockpit.shared, SLICE("twic"), &f));
    assert_false(inflight_find(&cockpit.shared, SLICE("twicee"), &f));
    assert_false(inflight_find(&cockpit.shared, SLICE(""), &f));
    recorder_close(cockpit.shared.recorder, 1, false, false);
    assert_true(inflight_find(&cockpit.shared, SLICE("twice"), &f));
    assert_int_equal(f.slot, 0);
    r = at_request(0, "twice", 101, SECOND);
    r->took_ns = 5; /* answered; the client is slow to take it */
    assert_false(inflight_find(&cockpit.shared, SLICE("twice"), &f));
}

/* What a process gone mad has written. */
static void a_wild_record_does_no_harm(void **state)
{
    struct record *r = at_request(0, "id", 101, SECOND);
    struct inflight f;
    char room[RECORD_ROUTE + 8];

    (void)state;
    memset(r->id, 'i', sizeof r->id);
    memset(r->path, '\x1b', sizeof r->path);
    memset(r->route, '/', sizeof r->route);
    memset(r->method, 'M', sizeof r->method);
    assert_true(inflight_of(&cockpit.shared, 0, &f));
    assert_int_equal(strlen(f.record.id), sizeof r->id - 1);
    assert_int_equal(strlen(inflight_endpoint(&f.record, room)),
                     7 + 1 + sizeof r->route - 1);
    assert_null(strchr(text_of(order_show_requests), '\x1b'));
    atomic_store(&r->phase, PHASES);
    assert_false(inflight_of(&cockpit.shared, 0, &f));
}

/* ---- how busy ------------------------------------------------------------*/

static void busy_is_of_the_last_moments(void **state)
{
    struct slot *slots = cockpit.shared.slots;
    uint64_t t = 100 * SECOND;

    (void)state;
    assert_true(busy_share(&busy, slots, 0, t) == 0); /* nobody knows */
    atomic_store(&slots[0].busy_ns, 50 * SECOND);
    busy_note(&busy, slots, t);
    atomic_store(&slots[0].busy_ns, 50 * SECOND + SECOND / 4);
    assert_true(busy_share(&busy, slots, 0, t + SECOND) == 25);
    busy_note(&busy, slots, t + SECOND / 2); /* too soon: nothing is noted */
    busy_note(&busy, slots, t + SECOND);
    atomic_store(&slots[0].busy_ns, 50 * SECOND + 3 * SECOND / 4);
    /* The newer note is too fresh to mean something: by the older one. */
    assert_true(
        fabs(busy_share(&busy, slots, 0, t + SECOND + SECOND / 4) - 60) < 0.01);
    assert_true(busy_share(&busy, slots, 0, t + 3 * SECOND) == 25);
    atomic_store(&slots[0].busy_ns, 90 * SECOND);
    assert_true(busy_share(&busy, slots, 0, t + SECOND + 1) <= 100);
}

static void another_process_begins_anew(void **state)
{
    struct slot *slots = cockpit.shared.slots;
    uint64_t t = 100 * SECOND;

    (void)state;
    atomic_store(&slots[0].busy_ns, 50 * SECOND);
    busy_note(&busy, slots, t);
    atomic_store(&slots[0].pid, 555);
    atomic_store(&slots[0].busy_ns, 60 * SECOND);
    assert_true(busy_share(&busy, slots, 0, t + SECOND) == 0);
    busy_note(&busy, slots, t + SECOND);
    atomic_store(&slots[0].busy_ns, 61 * SECOND);
    assert_true(busy_share(&busy, slots, 0, t + 3 * SECOND) == 50);
}

/* ---- writers -------------------------------------------------------------*/

static void hold(unsigned slot, const char *route, const char *id,
                 uint64_t held_ns)
{
    struct turnstile *t = cockpit.shared.turnstile;
    const struct turn_work work = {number_of(route), slice_of(id), SECOND / 2};

    assert_true(turnstile_ask(t, slot, NULL));
    turnstile_work(t, slot, &work);
    t->report[place_of(slot)].note.began_ns -= held_ns;
    t->place[place_of(slot)].given_ns -= held_ns;
}

static void writers_are_named(void **state)
{
    struct turnstile *t = cockpit.shared.turnstile;

    (void)state;
    json_of(order_show_writers);
    expect_text("$.durability", "full");
    expect_nothing("$.holder[0]");
    expect_nothing("$.slowest[0]");
    hold(0, "POST /api/chefs", "slowly", 20 * SECOND);
    turnstile_pass(t, 0, NULL);
    hold(0, "POST /api/gone", "slower", 30 * SECOND);
    turnstile_pass(t, 0, NULL);
    hold(1, "POST /api/chefs", "now", SECOND);
    turnstile_ask(t, 0, NULL);
    turnstile_queue(t, 0, 4);
    json_of(order_show_writers);
    expect_int("$.workers_waiting", 1);
    expect_int("$.writes_waiting", 4);
    expect_text("$.holder[0].request", "now");
    expect_text("$.holder[0].endpoint", "POST /api/chefs");
    expect_int("$.holder[0].worker", 1);
    expect_int("$.holder[0].waited_ms", 500);
    expect_text("$.slowest[0].request", "slower");
    expect_nothing("$.slowest[0].endpoint");
    expect_text("$.slowest[1].request", "slowly");
    expect_nothing("$.slowest[2]");
    has(text_of(order_show_writers), "\nThe turn to write\n");
}

/* ---- changes -------------------------------------------------------------*/

static struct generation next;

static void show_changes(const struct server_view *v, struct sheet *s)
{
    order_show_changes(v->present, &next, 12, s);
}

static void changes_are_told_before_they_happen(void **state)
{
    struct settings after = settings;
    struct app app = cockpit.app;

    (void)state;
    next = (struct generation){&settings, &cockpit.app};
    json_of(show_changes);
    expect_int("$.cache_entries", 12);
    expect_nothing("$.changes[0]");
    expect_nothing("$.settings[0]");
    has(text_of(show_changes), "The app stays as it is.\n");
    app.endpoint_count--;
    app.database = "another.db";
    after.workers = 7;
    after.cache_size = 1 << 20;
    next = (struct generation){&after, &app};
    json_of(show_changes);
    assert_int_equal(look_at("$.changes[0].change"), DB_TEXT);
    expect_nothing("$.changes[1]");
    expect_text("$.settings[0].setting", "workers");
    expect_text("$.settings[0].takes", "reload");
    expect_text("$.settings[0].then", "7");
    expect_text("$.settings[1].setting", "cache_size");
    expect_text("$.settings[1].takes", "restart");
    expect_text("$.settings[2].setting", "database");
    expect_text("$.settings[2].then", "another.db");
    expect_text("$.settings[2].takes", "restart");
    expect_nothing("$.settings[3]");
}

#define with_server(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_server(status_counts_processes_by_state),
        with_server(status_adds_up_the_segment),
        with_server(status_looks_a_minute_back),
        with_server(each_worker_has_a_row),
        with_server(a_state_may_be_a_special_one),
        with_server(nobody_may_be_at_work),
        with_server(the_longest_request_comes_first),
        with_server(a_request_is_found_by_its_id),
        with_server(a_wild_record_does_no_harm),
        with_server(busy_is_of_the_last_moments),
        with_server(another_process_begins_anew),
        with_server(writers_are_named),
        with_server(changes_are_told_before_they_happen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
