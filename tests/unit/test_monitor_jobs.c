#include "cockpit.h"

#include "common/segment/jobboard.h"

/* 2026-03-10 03:30:00.250 UTC */
#define RAN INT64_C(1773113400250)

static void put(const struct job_figures *f)
{
    struct jobboard *b = cockpit.shared.jobboard;

    jobboard_put(b, jobboard_entry(b, f->name), f);
}

static const struct job_figures revenue = {
    .name = "revenue",
    .schedule = "EVERY 5m",
    .present = true,
    .running = true,
    .last_ms = RAN,
    .next_ms = RAN + 300000,
    .last_ns = 2500000,
    .sum_ns = 9000000,
    .runs = 6,
    .failures = 2,
    .failed = true,
    .error = "jobs/a.sql:3: no such \"table\"",
};
/* The one before this server ran it; here it has not been yet. */
static const struct job_figures clean = {
    .name = "clean",
    .schedule = "DAILY 03:30",
    .present = true,
    .last_ms = RAN,
};
static const struct job_figures former = {.name = "former"};

static void lists_jobs(void **state)
{
    (void)state;
    see(monitor_jobs, "GET /api/jobs");
    expect_text("$.jobs", "[]");
    man(SLOT_KEEPER, 300, BORN_AGO_MS);
    put(&revenue);
    jobboard_entry(cockpit.shared.jobboard, "only a name yet");
    put(&clean);
    put(&former);
    see(monitor_jobs, "GET /api/jobs");
    expect_text("$.jobs[0].name", "revenue");
    expect_text("$.jobs[0].schedule", "EVERY 5m");
    expect_int("$.jobs[0].present", 1);
    expect_int("$.jobs[0].running", 1);
    expect_text("$.jobs[0].last_run", "2026-03-10T03:30:00.250Z");
    expect_text("$.jobs[0].next_run", "2026-03-10T03:35:00.250Z");
    expect_real("$.jobs[0].last_ms", 2.5, 1e-9);
    expect_real("$.jobs[0].avg_ms", 1.5, 1e-9);
    expect_int("$.jobs[0].runs", 6);
    expect_int("$.jobs[0].failures", 2);
    expect_int("$.jobs[0].failed", 1);
    expect_text("$.jobs[0].error", "jobs/a.sql:3: no such \"table\"");
    expect_text("$.jobs[1].name", "clean");
    expect_text("$.jobs[1].last_run", "2026-03-10T03:30:00.250Z");
    expect_nothing("$.jobs[1].next_run");
    expect_nothing("$.jobs[1].last_ms");
    expect_nothing("$.jobs[1].avg_ms");
    expect_nothing("$.jobs[1].error");
    expect_int("$.jobs[1].failed", 0);
    expect_text("$.jobs[2].name", "former");
    expect_int("$.jobs[2].present", 0);
    expect_nothing("$.jobs[2].last_run");
    expect_nothing("$.jobs[3]");
}

/* It was at it when it died. */
static void what_a_dead_keeper_left(void **state)
{
    (void)state;
    put(&revenue);
    see(monitor_jobs, "GET /api/jobs");
    expect_int("$.jobs[0].running", 0);
    expect_int("$.jobs[0].runs", 6);
    man(SLOT_KEEPER, 301, 1000);
    see(monitor_jobs, "GET /api/jobs");
    expect_int("$.jobs[0].running", 1);
}

/* The lines of the page that speak of jobs. */
static void expect_scrape(const char *wanted)
{
    const char *page =
        visit(monitor_prometheus, &(struct asked){.line = "GET /metrics"});
    const char *from = strstr(page, "# HELP prong_job_");
    const char *to = from;

    while (to && (strncmp(to, "# HELP prong_job_", 17) == 0 ||
                  strncmp(to, "# TYPE prong_job_", 17) == 0 ||
                  strncmp(to, "prong_job_", 10) == 0))
        to = strchr(to, '\n') + 1;
    if (from == NULL || strlen(wanted) != (size_t)(to - from) ||
        strncmp(from, wanted, strlen(wanted)) != 0)
        fail_msg("%s", from ? from : "no jobs");
}

static void scrapes_jobs(void **state)
{
    (void)state;
    assert_null(
        strstr(visit(monitor_prometheus, &(struct asked){.line = "GET /m"}),
               "prong_job_"));
    man(SLOT_KEEPER, 300, BORN_AGO_MS);
    put(&revenue);
    jobboard_entry(cockpit.shared.jobboard, "only a name yet");
    put(&clean);
    put(&former);
    expect_scrape(
        "# HELP prong_job_runs_total Runs, ended well or not.\n"
        "# TYPE prong_job_runs_total counter\n"
        "prong_job_runs_total{job=\"revenue\"} 6\n"
        "prong_job_runs_total{job=\"clean\"} 0\n"
        "prong_job_runs_total{job=\"former\"} 0\n"
        "# HELP prong_job_failures_total Runs that failed.\n"
        "# TYPE prong_job_failures_total counter\n"
        "prong_job_failures_total{job=\"revenue\"} 2\n"
        "prong_job_failures_total{job=\"clean\"} 0\n"
        "prong_job_failures_total{job=\"former\"} 0\n"
        "# HELP prong_job_last_run_timestamp_seconds When it last began, Unix "
        "time.\n"
        "# TYPE prong_job_last_run_timestamp_seconds gauge\n"
        "prong_job_last_run_timestamp_seconds{job=\"revenue\"} "
        "1773113400.25\n"
        "prong_job_last_run_timestamp_seconds{job=\"clean\"} 1773113400.25\n"
        "# HELP prong_job_last_duration_seconds How long its last run took.\n"
        "# TYPE prong_job_last_duration_seconds gauge\n"
        "prong_job_last_duration_seconds{job=\"revenue\"} 0.0025\n"
        "# HELP prong_job_running 1 while it runs.\n"
        "# TYPE prong_job_running gauge\n"
        "prong_job_running{job=\"revenue\"} 1\n"
        "prong_job_running{job=\"clean\"} 0\n"
        "prong_job_running{job=\"former\"} 0\n");
}

#define T(name)                                                                \
    cmocka_unit_test_setup_teardown(name, cockpit_make, cockpit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(lists_jobs), T(what_a_dead_keeper_left), T(scrapes_jobs)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
