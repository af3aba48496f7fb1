#include <stdio.h>
#include <string.h>

#include "common/app/app.h"
#include "common/arena.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/segment/bells.h"
#include "common/segment/names.h"
#include "common/segment/shared.h"
#include "common/segment/syncs.h"
#include "common/segment/turnstile.h"
#include "master/keeper/keeper_due.h"
#include "master/keeper/keeper_sync.h"
#include "worker/db/db.h"
#include "worker/endpoint/jobrun.h"

#include "master/keeper/keeper_jobs.h"

/* An operator who waits for the end of a job. */
struct asked {
    int errand;
    struct due_job *job;
};

struct keeper_jobs {
    const struct heritage *heritage;
    struct arena *arena; /* of the jobs */
    struct due_jobs due;
    struct asked asked[ERRANDS_MAX]; /* in the order they came */
    size_t asked_count;
};

struct keeper_jobs *keeper_jobs_new(const struct heritage *h)
{
    struct arena *arena = arena_new();
    struct keeper_jobs *j = arena_alloc(arena, sizeof *j);

    j->heritage = h;
    j->arena = arena;
    due_open(&j->due, arena, h);
    return j;
}

/* ---- operators -----------------------------------------------------------*/

bool keeper_jobs_want(struct keeper_jobs *j, int errand, const char *name)
{
    struct due_job *job = due_find(&j->due, name);

    if (job == NULL || j->asked_count == ERRANDS_MAX)
        return false;
    due_ask(job);
    j->asked[j->asked_count++] = (struct asked){errand, job};
    return true;
}

static void answer(const struct keeper_jobs *j, const struct asked *a, bool ok,
                   const struct errand_end *end)
{
    const struct heritage *h = j->heritage;
    int slot = errands_end(h->shared->errands, a->errand, ok, end);

    a->job->asked--;
    if (slot >= 0)
        bells_ring(h->bells, (unsigned)slot);
}

/* Those who wait for this job, or for any when it is null, are told how it
 * ended: `why` it failed, or null. */
static void tell(struct keeper_jobs *j, const struct due_job *job,
                 uint64_t took_ns, const char *why)
{
    struct errand_end end = {.took_ns = took_ns};
    size_t left = 0;

    snprintf(end.text, sizeof end.text, "%s", why ? why : "");
    for (size_t i = 0; i < j->asked_count; i++)
        if (job == NULL || j->asked[i].job == job)
            answer(j, &j->asked[i], why == NULL, &end);
        else
            j->asked[left++] = j->asked[i];
    j->asked_count = left;
}

/* ---- when ----------------------------------------------------------------*/

uint64_t keeper_jobs_next(const struct keeper_jobs *j)
{
    return due_next(&j->due);
}

void keeper_jobs_look(struct keeper_jobs *j, struct db *db, uint64_t now_ms)
{
    if (!due_look(&j->due, db, now_ms))
        tell(j, NULL, 0, "the database cannot be used at present");
}

/* What an operator waits for, before what is due. */
static struct due_job *choose(const struct keeper_jobs *j)
{
    if (j->due.waiting)
        return NULL;
    return j->asked_count > 0 ? j->asked[0].job : due_first(&j->due);
}

bool keeper_jobs_wants_turn(const struct keeper_jobs *j)
{
    return choose(j) != NULL;
}

/* ---- running -------------------------------------------------------------*/

/* The name under which the turn's holder is shown. */
static void tell_turnstile(const struct keeper_jobs *j,
                           const struct due_job *job)
{
    const struct heritage *h = j->heritage;
    const struct turn_work work = {
        .route = names_route(h->shared->names, "JOB", job->job->name),
        .waited_ns = loop_clock_ns() - job->since_ns};

    turnstile_work(h->shared->turnstile, h->number, &work);
}

static enum jobrun run(const struct keeper_jobs *j, struct db *db,
                       const struct due_job *job, struct fault *fault)
{
    int64_t last_ms = job->asked > 0 ? -1 : job->ran_ms;

    if (job->optimizes)
        return jobrun_optimize(db, job->job, j->heritage->app, last_ms, fault);
    return jobrun(db, job->job, last_ms, fault);
}

static void put_off(struct keeper_jobs *j, struct due_job *job)
{
    if (!job->put_off)
        log_warning("Job %s: somebody outside the server holds the database's "
                    "lock; it is tried again each second",
                    job->job->name);
    due_put_off(&j->due, job);
}

/* The commit is numbered while the turn is the keeper's: see syncs.h. */
static void end(struct keeper_jobs *j, struct db *db, struct due_job *job,
                uint64_t took_ns, const char *why)
{
    const char *name = job->job->name;
    double took_ms = (double)took_ns / 1e6;

    if (why == NULL)
        syncs_commit(j->heritage->shared->syncs);
    if (why == NULL && job->asked > 0) /* who asked is told what is safe */
        why = keeper_sync_test(j->heritage, db)
                  ? NULL
                  : "it was done, but the disk failed to keep it";
    if (why)
        log_error("Job %s: %s (after %.1f ms)", name, why, took_ms);
    else
        log_info("Job %s: done in %.1f ms", name, took_ms);
    due_end(&j->due, db, job, took_ns, why);
    tell(j, job, took_ns, why);
}

void keeper_jobs_turn(struct keeper_jobs *j, struct db *db)
{
    struct due_job *job = choose(j);
    struct fault fault;

    if (db == NULL || job == NULL)
        return;
    tell_turnstile(j, job);
    due_begin(&j->due, job);
    uint64_t began_ns = loop_clock_ns();
    enum jobrun r = run(j, db, job, &fault);
    uint64_t took_ns = loop_clock_ns() - began_ns;
    switch (r) {
    case JOBRUN_DONE: end(j, db, job, took_ns, NULL); break;
    case JOBRUN_FAILED: end(j, db, job, took_ns, fault.text); break;
    case JOBRUN_BUSY: put_off(j, job); break;
    case JOBRUN_NOT_DUE: due_skip(&j->due, db, job); break;
    }
}

void keeper_jobs_free(struct keeper_jobs *j)
{
    if (j == NULL)
        return;
    tell(j, NULL, 0, "the keeper left before it was run");
    arena_free(j->arena);
}
