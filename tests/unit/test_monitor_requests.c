#include "tests/unit/cockpit.h"

#define CHEF "GET /api/chefs/{id}"

/* One that began so long ago and took a millisecond. */
static void past_request(unsigned slot, const char *id, uint64_t ago_ns,
                         bool slow, bool failed)
{
    struct record *r = at_request(slot, id, 101, ago_ns);

    record_write(r);
    r->took_ns = 1000000;
    r->status = 200;
    r->phase_ns[PHASE_SQL] = 700000;
    r->queries = r->statement_count = 2;
    r->statements[0] = (struct record_statement){10, 5, 400000};
    r->statements[1] = (struct record_statement){12, 0, 300000};
    r->cache = CACHE_MISS;
    record_text(r->trace, sizeof r->trace, SLICE("0af7"));
    record_written(r);
    recorder_close(cockpit.shared.recorder, slot, slow, failed);
}

static void lists_requests(void **state)
{
    (void)state;
    man(1, 102, BORN_AGO_MS);
    past_request(0, "oldest", 9000000, true, false);
    past_request(1, "middle", 8000000, false, true);
    past_request(0, "newest", 7000000, true, false);
    at_request(1, "now", 102, 1000000);
    see(monitor_requests, "GET /api/monitoring/requests");
    expect_text("$.current[0].id", "now");
    expect_text("$.current[0].phase", "sql");
    expect_nothing("$.current[0].status");
    expect_nothing("$.current[1]");
    expect_text("$.recent[0].id", "newest");
    expect_text("$.recent[1].id", "middle");
    expect_text("$.recent[2].id", "oldest");
    expect_nothing("$.recent[3]");
    expect_text("$.slow[0].id", "newest");
    expect_text("$.slow[1].id", "oldest");
    expect_text("$.failed[0].id", "middle");
    expect_int("$.failed[0].worker", 1);
    expect_text("$.recent[0].endpoint", CHEF);
    expect_text("$.recent[0].method", "HEAD");
    expect_text("$.recent[0].trace", "0af7");
    expect_text("$.recent[0].cache", "miss");
    expect_int("$.recent[0].duration_ms", 1);
    expect_real("$.recent[0].phases_ms.sql", 0.7, 1e-9);
    see(monitor_requests, "GET /api/monitoring/requests?list=slow,current");
    expect_text("$.slow[0].id", "newest");
    expect_text("$.current[0].id", "now");
    expect_nothing("$.recent");
    visit(monitor_requests,
          &(struct asked){.line = "GET /api/monitoring/requests?list=slow,x"});
    assert_int_equal(cockpit.res.status, 400);
}

/* Each thread of a worker is at one of its own. */
static void lists_those_of_all_threads(void **state)
{
    (void)state;
    at_request(0, "first", 101, 3000000);
    at_request(recorder_place(0, 2), "third", 101, 2000000);
    at_request(recorder_place(0, 3), "nobody", 101, 1000000);
    past_request(recorder_place(0, 1), "past", 9000000, true, true);
    atomic_store(&cockpit.shared.slots[0].threads, 3);
    see(monitor_requests, "GET /api/monitoring/requests");
    expect_text("$.current[0].id", "third");
    expect_int("$.current[0].worker", 0);
    expect_text("$.current[1].id", "first");
    expect_nothing("$.current[2]");
    expect_text("$.recent[0].id", "past");
    expect_nothing("$.recent[1]");
    expect_text("$.slow[0].id", "past");
    expect_text("$.failed[0].id", "past");
    see(monitor_request, "GET /api/monitoring/requests/third");
    expect_text("$.id", "third");
    see(monitor_request, "GET /api/monitoring/requests/past");
    expect_int("$.status", 200);
    /* What stands there is a process's gone mad: no place is beyond all. */
    atomic_store(&cockpit.shared.slots[0].threads, 1000000);
    see(monitor_requests, "GET /api/monitoring/requests");
    expect_text("$.current[0].id", "nobody");
}

/* Its worker was killed over it. */
static void remembers_the_dead(void **state)
{
    struct record buried;

    (void)state;
    at_request(0, "fatal", 101, 5000000);
    assert_true(recorder_bury(cockpit.shared.recorder, 0, &buried));
    see(monitor_requests, "GET /api/monitoring/requests");
    expect_nothing("$.current[0]");
    expect_text("$.failed[0].id", "fatal");
    expect_nothing("$.failed[0].status");
    assert_true(real_at("$.failed[0].duration_ms") >= 5);
}

/* Bytes that are no text come out as text. */
static void survives_strange_bytes(void **state)
{
    struct record *r = at_request(0, "\"\\\x01", 101, 1000);

    (void)state;
    memset(r->path, 0xff, sizeof r->path);
    memset(r->route, 'x', sizeof r->route);
    memset(r->method, 'M', sizeof r->method);
    r->statement_count = 255;
    see(monitor_requests, "GET /api/monitoring/requests");
    expect_text("$.current[0].id", "\"\\\x01");
    see(monitor_metrics, "GET /api/monitoring/metrics");
    expect_text("$.workers[0].present_request.id", "\"\\\x01");
    record_text(r->id, sizeof r->id, SLICE("x"));
    see(monitor_request, "GET /api/monitoring/requests/x");
    expect_int("$.statements[7].statement", 8);
    expect_nothing("$.statements[8]");
}

static void shows_one_request(void **state)
{
    (void)state;
    past_request(0, "again", 9000000, false, false);
    past_request(0, "again", 7000000, false, false);
    see(monitor_request, "GET /api/monitoring/requests/again");
    expect_text("$.id", "again");
    expect_int("$.status", 200);
    expect_int("$.statements[0].statement", 1);
    expect_int("$.statements[0].line", 10);
    expect_int("$.statements[0].rows", 5);
    expect_real("$.statements[1].duration_ms", 0.3, 1e-9);
    expect_nothing("$.statements[2]");
    for (int i = 0; i < RECORD_RECENT; i++)
        past_request(0, "other", 1000000, i == 0, false);
    visit(monitor_request,
          &(struct asked){.line = "GET /api/monitoring/requests/again"});
    assert_int_equal(cockpit.res.status, 404);
    visit(monitor_request,
          &(struct asked){.line = "GET /api/monitoring/requests/"});
    assert_int_equal(cockpit.res.status, 404);
}

#define T(name)                                                                \
    cmocka_unit_test_setup_teardown(name, cockpit_make, cockpit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(lists_requests),     T(lists_those_of_all_threads),
        T(remembers_the_dead), T(survives_strange_bytes),
        T(shows_one_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
