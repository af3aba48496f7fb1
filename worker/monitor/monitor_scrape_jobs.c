#include "worker/monitor/monitor_scrape.h"

/* A family with one sample for each job. */
struct job_family {
    const char *name;
    const char *type;
    const char *help;
    double (*of)(const struct job_figures *f);
    bool (*known)(const struct job_figures *f); /* null: always */
};

static double runs_of(const struct job_figures *f)
{
    return (double)f->runs;
}

static double failures_of(const struct job_figures *f)
{
    return (double)f->failures;
}

static double last_run_of(const struct job_figures *f)
{
    return (double)f->last_ms / 1e3;
}

static double duration_of(const struct job_figures *f)
{
    return (double)f->last_ns / 1e9;
}

/* Perhaps by a server before this one. */
static bool has_begun(const struct job_figures *f)
{
    return f->last_ms > 0;
}

static bool has_ended(const struct job_figures *f)
{
    return f->runs > 0;
}

static double running_of(const struct job_figures *f)
{
    return f->running;
}

static const struct job_family families[] = {
    {"prong_job_runs_total", "counter", "Runs, ended well or not.", runs_of,
     NULL},
    {"prong_job_failures_total", "counter", "Runs that failed.", failures_of,
     NULL},
    {"prong_job_last_run_timestamp_seconds", "gauge",
     "When it last began, Unix time.", last_run_of, has_begun},
    {"prong_job_last_duration_seconds", "gauge", "How long its last run took.",
     duration_of, has_ended},
    {"prong_job_running", "gauge", "1 while it runs.", running_of, NULL},
};

/* One copy, so that a job's figures agree. */
static size_t read_jobs(const struct scrape *g, struct job_figures *jobs)
{
    size_t count = 0;

    for (int i = 0; i < JOBS_MAX; i++)
        count += monitor_job(g->m, i, &jobs[count]);
    return count;
}

/* Also of jobs that a reload has removed: no counter goes away. */
void scrape_jobs(struct scrape *g)
{
    struct job_figures *jobs =
        arena_alloc(g->tallies.arena, JOBS_MAX * sizeof *jobs);
    size_t count = read_jobs(g, jobs);

    for (size_t k = 0; k < sizeof families / sizeof *families; k++) {
        const struct job_family *family = &families[k];
        promtext_family(&g->p, family->name, family->type, family->help);
        for (size_t i = 0; i < count; i++) {
            const struct label job = {"job", jobs[i].name};
            if (family->known == NULL || family->known(&jobs[i]))
                promtext_real(&g->p, &job, 1, family->of(&jobs[i]));
        }
    }
}
