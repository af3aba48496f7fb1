#include <stdio.h>
#include <string.h>

#include "common/app/app.h"
#include "common/loop.h"
#include "common/segment/shared.h"
#include "master/keeper/joblist.h"
#include "worker/db/db.h"
#include "worker/endpoint/jobrun.h"

#include "master/keeper/keeper_due.h"

enum {
    AGAIN_MS = 1000, /* the lock, or the file, was not to be had */
    /* A job that a keeper died in may be what killed it: again then. */
    AFTER_DEATH_MS = 60000,
    /* By then the statistics are of data that was worked with. */
    FIRST_OPTIMIZE_MS = 600000,
    /* When it is due, as it is shown, may be so much beside the truth. */
    SHOWN_WITHIN_MS = 1000,
};

static struct instant instant_at(uint64_t now_ms)
{
    return (struct instant){loop_wall_ms(), now_ms};
}

/* ---- what is shown -------------------------------------------------------*/

static void show(const struct due_jobs *d, const struct due_job *job)
{
    if (job->board >= 0)
        jobboard_put(d->board, job->board, &job->figures);
}

/* Only if it has moved: each EVERY is a few ms off at each look. */
static void show_next(const struct due_jobs *d, struct due_job *job)
{
    int64_t moved_ms = job->clock.due_wall_ms - job->figures.next_ms;

    if (moved_ms <= SHOWN_WITHIN_MS && moved_ms >= -SHOWN_WITHIN_MS)
        return;
    job->figures.next_ms = job->clock.due_wall_ms;
    show(d, job);
}

/* Counts go on where a former keeper's were. When the job was to run next
 * holds only under the same schedule. */
static void open_entry(const struct due_jobs *d, struct due_job *job)
{
    struct job_figures *f = &job->figures;
    char schedule[sizeof f->schedule] = "";

    schedule_write(&job->clock.schedule, schedule);
    job->board = jobboard_entry(d->board, job->job->name);
    if (job->board < 0 || !jobboard_read(d->board, job->board, f))
        *f = (struct job_figures){.last_ms = 0};
    if (strcmp(f->schedule, schedule) != 0)
        f->next_ms = 0;
    memcpy(f->schedule, schedule, sizeof schedule);
    f->present = true;
    show(d, job);
}

static bool is_ours(const struct due_jobs *d, int board)
{
    size_t i = 0;

    while (i < d->count && d->jobs[i].board != board)
        i++;
    return i < d->count;
}

/* What a former generation had stays to be seen, for its counts. */
static void retire_others(const struct due_jobs *d)
{
    struct job_figures f;

    for (int i = 0; i < JOBS_MAX; i++) {
        if (is_ours(d, i) || !jobboard_read(d->board, i, &f) || !f.present)
            continue;
        f.present = f.running = false;
        f.next_ms = 0;
        jobboard_put(d->board, i, &f);
    }
}

void due_open(struct due_jobs *d, struct arena *arena, const struct heritage *h)
{
    struct listed_job *list;

    d->board = h->shared->jobboard;
    d->count = joblist_make(arena, h->app, h->settings, &list);
    d->jobs = arena_alloc(arena, d->count * sizeof *d->jobs);
    for (size_t i = 0; i < d->count; i++) {
        struct due_job *job = &d->jobs[i];
        job->job = list[i].job;
        job->optimizes = list[i].optimizes;
        job->clock.schedule = job->job->when;
        open_entry(d, job);
    }
    retire_others(d);
}

/* ---- planning ------------------------------------------------------------*/

static void count_failure(struct due_job *job, const char *why)
{
    struct job_figures *f = &job->figures;

    f->failures++;
    f->failed = true;
    snprintf(f->error, sizeof f->error, "%s", why);
}

/* What it did went with the keeper. */
static void count_death(struct due_job *job, struct instant now)
{
    job->figures.runs++;
    count_failure(job, "the keeper died while it ran");
    jobclock_hasten(&job->clock, now.wall_ms + AFTER_DEATH_MS, now);
}

/* It never ran: a former keeper may have found that out already. */
static void plan_first(struct due_job *job, struct instant now)
{
    if (job->optimizes)
        jobclock_hasten(&job->clock, now.wall_ms + FIRST_OPTIMIZE_MS, now);
    if (job->figures.next_ms > 0)
        jobclock_hasten(&job->clock, job->figures.next_ms, now);
}

/* A run that failed is not tried again before its time. */
static void plan(const struct due_jobs *d, struct due_job *job,
                 struct instant now)
{
    struct job_figures *f = &job->figures;
    bool in_vain = f->last_ms > job->ran_ms && (f->failed || f->running);

    jobclock_plan(&job->clock, in_vain ? f->last_ms : job->ran_ms, now);
    if (in_vain && f->running)
        count_death(job, now);
    else if (job->clock.last_ms == 0)
        plan_first(job, now);
    if (f->last_ms == 0) /* by a server before this one */
        f->last_ms = job->ran_ms;
    job->due = job->put_off = f->running = false;
    f->next_ms = job->clock.due_wall_ms;
    show(d, job);
}

static void hold(struct due_jobs *d, uint64_t now_ms)
{
    d->again_ms = now_ms + AGAIN_MS;
    d->waiting = true;
}

/* Reads when each ran: at the start, and of a file that took the place of
 * another. */
static void learn(struct due_jobs *d, struct db *db, struct instant now)
{
    d->known = true;
    for (size_t i = 0; i < d->count && d->known; i++)
        d->known = jobrun_last(db, d->jobs[i].job->name, &d->jobs[i].ran_ms);
    if (!d->known) {
        hold(d, now.mono_ms);
        return;
    }
    d->identity = db_identity(db);
    for (size_t i = 0; i < d->count; i++)
        plan(d, &d->jobs[i], now);
}

/* ---- which are due -------------------------------------------------------*/

static void begin_to_wait(struct due_job *job)
{
    if (!job->due && job->asked == 0)
        job->since_ns = loop_clock_ns();
}

static void note_due(const struct due_jobs *d, struct instant now)
{
    for (size_t i = 0; i < d->count; i++) {
        struct due_job *job = &d->jobs[i];
        jobclock_follow(&job->clock, now);
        show_next(d, job);
        if (job->due || now.mono_ms < job->clock.due_ms)
            continue;
        begin_to_wait(job);
        job->due = true;
    }
}

bool due_look(struct due_jobs *d, struct db *db, uint64_t now_ms)
{
    struct instant now = instant_at(now_ms);

    d->waiting = now_ms < d->again_ms;
    if (db == NULL || !db_ready(db, now_ms)) {
        d->known = false;
        hold(d, now_ms);
        return false;
    }
    if (d->known && d->identity != db_identity(db))
        d->known = false;
    if (!d->known && !d->waiting)
        learn(d, db, now);
    if (d->known)
        note_due(d, now);
    return true;
}

uint64_t due_next(const struct due_jobs *d)
{
    uint64_t next_ms = UINT64_MAX;

    if (!d->known || d->waiting)
        return d->again_ms;
    for (size_t i = 0; i < d->count; i++) {
        const struct due_job *job = &d->jobs[i];
        if (!job->due && job->clock.due_ms < next_ms)
            next_ms = job->clock.due_ms;
    }
    return next_ms;
}

struct due_job *due_first(const struct due_jobs *d)
{
    struct due_job *first = NULL;

    for (size_t i = 0; i < d->count && d->known; i++) {
        struct due_job *job = &d->jobs[i];
        if (job->due && (first == NULL || job->since_ns < first->since_ns))
            first = job;
    }
    return first;
}

struct due_job *due_find(const struct due_jobs *d, const char *name)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->jobs[i].job->name, name) == 0)
            return &d->jobs[i];
    return NULL;
}

void due_ask(struct due_job *job)
{
    begin_to_wait(job);
    job->asked++;
}

/* ---- what became of them -------------------------------------------------*/

void due_begin(const struct due_jobs *d, struct due_job *job)
{
    struct job_figures shown = job->figures;

    shown.last_ms = instant_at(0).wall_ms;
    shown.running = true;
    job->began_ms = shown.last_ms;
    if (job->board >= 0)
        jobboard_put(d->board, job->board, &shown);
}

/* Not known: then it is read again, of all. */
static void plan_anew(struct due_jobs *d, struct db *db, struct due_job *job)
{
    uint64_t now_ms = loop_clock_ms();

    d->known = d->known && jobrun_last(db, job->job->name, &job->ran_ms);
    if (d->known)
        plan(d, job, instant_at(now_ms));
    else
        show(d, job);
}

void due_put_off(struct due_jobs *d, struct due_job *job)
{
    job->put_off = true;
    show(d, job);
    hold(d, loop_clock_ms());
}

void due_skip(struct due_jobs *d, struct db *db, struct due_job *job)
{
    plan_anew(d, db, job);
}

void due_end(struct due_jobs *d, struct db *db, struct due_job *job,
             uint64_t took_ns, const char *why)
{
    struct job_figures *f = &job->figures;

    f->last_ms = job->began_ms;
    f->runs++;
    f->last_ns = took_ns;
    f->sum_ns += took_ns;
    f->failed = false;
    if (why)
        count_failure(job, why);
    plan_anew(d, db, job);
}
