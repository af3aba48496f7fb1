#include "common/segment/board.h"
#include "tests/unit/cockpit.h"

#define CHEFS "GET /api/chefs"
#define CHEF  "GET /api/chefs/{id}"

/* ---- metrics -------------------------------------------------------------*/

static void adds_up(void **state)
{
    struct metrics_cell *cell = cell_of(3, CHEFS);

    (void)state;
    serve(0, CHEFS, 90, COUNT_2XX, 1000000);
    serve(3, CHEFS, 5, COUNT_5XX, 50000000);
    serve(3, "GET /api/former", 5, COUNT_4XX, 1000000);
    cell_add(cell, COUNT_QUERIES, 250);
    cell_add(cell, COUNT_ROWS, 700);
    cell_add(cell, COUNT_CACHE_HIT, 6);
    cell_add(cell, COUNT_CACHE_STALE, 2);
    cell_add(cell, COUNT_CACHE_MISS, 1);
    cell_add(cell, COUNT_CACHE_OUTDATED, 1);
    cell_add(cell, COUNT_ERROR_BUSY, 4);
    cell_add(cell, COUNT_BYTES_OUT, 12345);
    histogram_add(&cell->sql, 200000);
    answered(0, 200, 60);
    answered(3, 200, 30);
    answered(3, 503, 5);
    see(monitor_metrics, "GET /api/monitoring/metrics");
    expect_int("$.requests", 100);
    expect_int("$.errors", 5);
    expect_real("$.error_rate", 5, 1e-9);
    expect_real("$.response_time.avg", 3.45, 0.001);
    expect_real("$.response_time.p50", 1, 0.05);
    expect_real("$.response_time.p99", 50, 2.5);
    expect_real("$.response_time.max", 50, 0.001);
    expect_real("$.db_query_time.avg", 0.2, 0.001);
    expect_real("$.queries_per_request", 2.5, 1e-9);
    expect_int("$.status.2xx", 90);
    expect_int("$.status.4xx", 5);
    expect_int("$.by_status.200", 90);
    expect_int("$.by_status.503", 5);
    expect_nothing("$.by_status.404");
    expect_int("$.errors_by_kind.busy", 4);
    expect_int("$.bytes_out", 12345);
    expect_real("$.cache_stats.hit_rate", 80, 1e-9);
    expect_int("$.cache_stats.hits", 8);
    expect_int("$.cache_stats.misses", 2);
    expect_int("$.cache_stats.stale", 2);
    expect_real("$.uptime_seconds", BORN_AGO_MS / 1e3, 5);
    expect_int("$.master", 100);
    expect_nothing("$.keeper");
}

/* Sorted by requests; an app's own answer at a path of the server's is one
 * route, not two; what found no room for its name is the last. */
static void lists_endpoints(void **state)
{
    (void)state;
    serve(0, "static", 30, COUNT_2XX, 1000);
    serve(0, CHEFS, 10, COUNT_2XX, 1000);
    serve(1, CHEFS, 10, COUNT_2XX, 1000);
    serve(0, "GET /live", 5, COUNT_2XX, 1000);
    serve(0, "GET /ready", 4, COUNT_2XX, 1000);
    cell_add(metrics_cell(cockpit.shared.metrics, 0, NAMES_REST), COUNT_2XX, 1);
    cell_add(cell_of(0, CHEFS), COUNT_CACHE_HIT, 7);
    cell_add(cell_of(0, CHEFS), COUNT_BYTES_OUT, 99);
    see(monitor_metrics, "GET /api/monitoring/metrics");
    expect_text("$.endpoints[0].endpoint", "static");
    expect_text("$.endpoints[1].endpoint", CHEFS);
    expect_int("$.endpoints[1].requests", 20);
    expect_int("$.endpoints[1].cache.hits", 7);
    expect_int("$.endpoints[1].bytes", 99);
    expect_text("$.endpoints[2].endpoint", "GET /live");
    expect_int("$.endpoints[2].requests", 5);
    expect_text("$.endpoints[3].endpoint", "GET /ready");
    expect_text("$.endpoints[4].endpoint", "other");
    expect_nothing("$.endpoints[5]");
    expect_int("$.requests", 60);
}

static void put_sample(uint64_t age_ms)
{
    static struct board_sample s;

    s.clock_ms = clock_ns() / 1000000 - age_ms;
    metrics_sum(cockpit.shared.metrics, METRICS_ALL, METRICS_ALL, &s.totals);
    board_put_sample(cockpit.shared.board, &s);
}

static void knows_the_last_minute(void **state)
{
    (void)state;
    serve(0, CHEFS, 1000, COUNT_5XX, 900000000);
    cell_add(cell_of(0, CHEFS), COUNT_CACHE_MISS, 1000);
    put_sample(MINUTE_MS + 4000);
    serve(0, CHEFS, 128, COUNT_2XX, 2000000);
    cell_add(cell_of(0, CHEFS), COUNT_CACHE_HIT, 128);
    put_sample(MINUTE_MS - 1000);
    see(monitor_metrics, "GET /api/monitoring/metrics");
    expect_int("$.requests", 1128);
    expect_real("$.last_minute.seconds", 64, 2);
    expect_int("$.last_minute.requests", 128);
    expect_int("$.last_minute.errors", 0);
    expect_real("$.last_minute.response_time.avg", 2, 0.001);
    expect_real("$.last_minute.response_time.max", 2, 0.1);
    expect_real("$.last_minute.cache_stats.hit_rate", 100, 1e-9);
    expect_real("$.requests_per_second", 2, 0.1);
}

/* All it ever did was in the last minute, whatever was sampled. */
static void is_young(void **state)
{
    (void)state;
    serve(0, CHEFS, 10, COUNT_2XX, 1000);
    put_sample(5000);
    serve(0, CHEFS, 90, COUNT_2XX, 1000);
    man(SLOT_MASTER, 100, 20000);
    see(monitor_metrics, "GET /api/monitoring/metrics");
    expect_int("$.last_minute.requests", 100);
    expect_real("$.last_minute.seconds", 20, 2);
    expect_real("$.requests_per_second", 5, 0.5);
}

static void shows_workers(void **state)
{
    struct slot *s = man(2, 202, 100000);

    (void)state;
    man(SLOT_KEEPER, 300, BORN_AGO_MS);
    atomic_store(&s->births, 3);
    atomic_store(&s->deaths, 1);
    atomic_store(&s->generation, 4);
    atomic_store(&s->requests, 77);
    atomic_store(&s->busy_then_ns, UINT64_C(1000000000)); /* of the dead */
    atomic_store(&s->busy_ns, UINT64_C(26000000000));
    atomic_store(&s->pss_kb, 2048);
    atomic_store(&s->connections, 9);
    atomic_store(&cockpit.shared.slots[0].connections, 1);
    atomic_store(&cockpit.shared.slots[0].backlog, 3);
    atomic_store(&cockpit.shared.slots[0].pss_kb, 1024);
    atomic_store(&cockpit.shared.slots[0].busy_ns, UINT64_MAX);
    man(5, 0, 1000); /* gone: nothing of it counts */
    atomic_store(&cockpit.shared.slots[5].connections, 50);
    at_request(2, "abc", 202, 3000000000);
    at_request(0, "of a dead one", 99, 3000000000);
    see(monitor_metrics, "GET /api/monitoring/metrics");
    expect_int("$.workers[0].worker", 0);
    expect_nothing("$.workers[0].present_request");
    expect_int("$.workers[0].busy_percent", 100);
    expect_int("$.workers[1].worker", 2);
    expect_int("$.workers[1].pid", 202);
    expect_int("$.workers[1].generation", 4);
    expect_int("$.workers[1].requests", 77);
    expect_int("$.workers[1].restarts", 2);
    expect_int("$.workers[1].crashes", 1);
    expect_real("$.workers[1].uptime_seconds", 100, 3);
    expect_real("$.workers[1].busy_percent", 25, 1);
    expect_int("$.workers[1].memory_mb", 2);
    expect_text("$.workers[1].present_request.id", "abc");
    expect_text("$.workers[1].present_request.endpoint", CHEF);
    expect_text("$.workers[1].present_request.path", "/api/chefs/7");
    expect_text("$.workers[1].present_request.phase", "sql");
    expect_real("$.workers[1].present_request.for_ms", 3500, 500);
    expect_nothing("$.workers[2]");
    expect_int("$.connections", 10);
    expect_int("$.backlog", 3);
    expect_int("$.memory_usage", 3);
    expect_int("$.keeper", 300);
}

static void shows_alerts(void **state)
{
    const struct alert raised = {
        .active = true, .value = 120.5, .threshold = 100, .since_ms = 1000};
    const struct alert calm = {.value = 1, .threshold = 10};

    (void)state;
    see(monitor_metrics, "GET /api/monitoring/metrics");
    expect_text("$.alerts", "[]");
    board_put_alert(cockpit.shared.board, ALERT_RESPONSE_TIME, &calm);
    board_put_alert(cockpit.shared.board, ALERT_DB_QUERY_TIME, &raised);
    see(monitor_metrics, "GET /api/monitoring/metrics");
    expect_text("$.alerts[0].alert", "db_query_time");
    expect_real("$.alerts[0].value", 120.5, 1e-9);
    expect_int("$.alerts[0].threshold", 100);
    expect_text("$.alerts[0].since", "1970-01-01T00:00:01.000Z");
    expect_nothing("$.alerts[1]");
}

/* ---- system --------------------------------------------------------------*/

static void shows_the_system(void **state)
{
    const struct board_system s = {.wall_ms = wall_ms() - 3000,
                                   .cpu_percent = 12.5,
                                   .load = {0.5, 0.25, 0.125},
                                   .cpus = 2,
                                   .processes = 6,
                                   .pss_kb = 20480,
                                   .memory_kb = 4096,
                                   .available_kb = 1024,
                                   .disk_bytes = 1000,
                                   .disk_free_bytes = 900,
                                   .database_bytes = 77,
                                   .wal_bytes = 7,
                                   .descriptors = 99};

    const struct board_wal wal = {.frames = 9,
                                  .copied = 8,
                                  .checkpoints = 3,
                                  .sum_ns = 90000000,
                                  .last_ns = 2500000};

    (void)state;
    see(monitor_system, "GET /api/monitoring/system");
    expect_nothing("$.age_seconds");
    expect_int("$.database.checkpoints", 0);
    expect_nothing("$.database.checkpoint_ms");
    expect_nothing("$.cpu_percent");
    expect_nothing("$.load[0]");
    expect_nothing("$.disk.used_percent");
    expect_int("$.process_list[0].pid", 101);
    board_put_system(cockpit.shared.board, &s);
    board_put_wal(cockpit.shared.board, &wal);
    see(monitor_system, "GET /api/monitoring/system");
    expect_real("$.age_seconds", 4, 1.1);
    expect_real("$.cpu_percent", 12.5, 1e-9);
    expect_int("$.cpus", 2);
    expect_real("$.load[2]", 0.125, 0.0051);
    expect_int("$.memory_usage", 20);
    expect_int("$.memory.used_percent", 75);
    expect_int("$.disk.used_percent", 10);
    expect_int("$.database.wal_bytes", 7);
    expect_int("$.database.wal_frames", 9);
    expect_int("$.database.wal_copied", 8);
    expect_int("$.database.checkpoints", 3);
    expect_real("$.database.checkpoint_ms", 2.5, 1e-9);
    expect_int("$.descriptors", 99);
    expect_text("$.process_list[0].role", "worker");
    expect_text("$.process_list[1].role", "master");
}

#define T(name)                                                                \
    cmocka_unit_test_setup_teardown(name, cockpit_make, cockpit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(adds_up),          T(lists_endpoints), T(knows_the_last_minute),
        T(is_young),         T(shows_workers),   T(shows_alerts),
        T(shows_the_system),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
