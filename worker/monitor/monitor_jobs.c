#include "worker/monitor/monitor_private.h"

bool monitor_job(const struct monitor *m, int entry, struct job_figures *out)
{
    if (!jobboard_read(m->shared->jobboard, entry, out))
        return false;
    out->running = out->running && monitor_pid(m, SLOT_KEEPER) != 0;
    return true;
}

static void add_ms(struct jsonout *j, const char *name, bool known, uint64_t ns)
{
    if (known)
        jsonout_real(j, name, monitor_ms(ns), 3);
    else
        jsonout_null(j, name);
}

static void add_error(struct jsonout *j, const struct job_figures *f)
{
    if (f->error[0] != '\0')
        jsonout_text(j, "error", slice_of(f->error));
    else
        jsonout_null(j, "error");
}

static void add_job(struct jsonout *j, const struct job_figures *f)
{
    jsonout_open(j, NULL, '{');
    jsonout_text(j, "name", slice_of(f->name));
    jsonout_text(j, "schedule", slice_of(f->schedule));
    jsonout_bool(j, "present", f->present);
    jsonout_bool(j, "running", f->running);
    jsonout_time(j, "last_run", f->last_ms);
    jsonout_time(j, "next_run", f->next_ms);
    add_ms(j, "last_ms", f->runs > 0, f->last_ns);
    add_ms(j, "avg_ms", f->runs > 0, f->runs > 0 ? f->sum_ns / f->runs : 0);
    jsonout_int(j, "runs", (int64_t)f->runs);
    jsonout_int(j, "failures", (int64_t)f->failures);
    jsonout_bool(j, "failed", f->failed);
    add_error(j, f);
    jsonout_close(j, '}');
}

void monitor_jobs(const struct monitor *m, struct call *call)
{
    struct jsonout j = monitor_begin(call);
    struct job_figures f;

    jsonout_open(&j, "jobs", '[');
    for (int i = 0; i < JOBS_MAX; i++)
        if (monitor_job(m, i, &f))
            add_job(&j, &f);
    jsonout_close(&j, ']');
    monitor_end(&j);
}
