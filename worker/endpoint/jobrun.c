#include <inttypes.h>

#include "common/loop.h"

#include "worker/endpoint/jobrun.h"

const char jobrun_schema[] =
    "CREATE TABLE IF NOT EXISTS prong_jobs("
    "name TEXT PRIMARY KEY, ran_at INTEGER NOT NULL) WITHOUT ROWID, STRICT";

/* ---- when it ran last ----------------------------------------------------*/

bool jobrun_last(struct db *db, const char *name, int64_t *ran_ms)
{
    struct fault ignored;
    int offset;
    struct stmt *s = db_prepare(
        db, "SELECT ran_at FROM prong_jobs WHERE name = ?1", &ignored, &offset);

    *ran_ms = 0;
    if (s == NULL)
        return false;
    stmt_bind_text(s, 1, slice_of(name));
    enum db_result r = stmt_step(s);
    if (r == DB_ROW)
        *ran_ms = stmt_int(s, 0);
    db_finalize(s);
    return r == DB_ROW || r == DB_DONE;
}

static bool note_run(struct db *db, const char *name, struct fault *fault)
{
    static const char sql[] =
        "INSERT INTO prong_jobs(name, ran_at) VALUES (?1, ?2)"
        " ON CONFLICT(name) DO UPDATE SET ran_at = excluded.ran_at";
    int offset;
    struct stmt *s = db_prepare(db, sql, fault, &offset);

    if (s == NULL)
        return false;
    stmt_bind_text(s, 1, slice_of(name));
    stmt_bind_int(s, 2, loop_wall_ms());
    bool ok = stmt_step(s) == DB_DONE;
    db_finalize(s);
    return ok || fault_set(fault, "%s", db_message(db));
}

/* ---- its statements ------------------------------------------------------*/

static bool run_statement(struct db *db, const struct job *job,
                          const struct sql *sql, struct fault *fault)
{
    struct fault why;
    int offset;
    enum db_result r;
    struct stmt *s = db_prepare(db, sql->text, &why, &offset);

    if (s == NULL)
        return fault_set(fault, "%s:%d: %.400s", job->file,
                         db_fault_line(sql->text, offset, sql->line), why.text);
    while ((r = stmt_step(s)) == DB_ROW)
        ;
    db_finalize(s);
    if (r == DB_DEADLINE)
        return fault_set(fault, "%s:%d: not done within its %" PRId64 " ms",
                         job->file, sql->line, job->timeout_ms);
    return r == DB_DONE || fault_set(fault, "%s:%d: %.400s", job->file,
                                     sql->line, db_message(db));
}

static bool run_statements(struct db *db, const struct job *job,
                           struct fault *fault)
{
    for (size_t i = 0; i < job->statement_count; i++)
        if (!run_statement(db, job, &job->statements[i], fault))
            return false;
    return true;
}

/* ---- one transaction -----------------------------------------------------*/

typedef bool job_work(struct db *db, const struct job *job,
                      struct fault *fault);

static bool fault_here(const struct job *job, const char *why,
                       struct fault *fault)
{
    return fault_set(fault, "%s:%d: %.400s", job->file, job->line, why);
}

/* With the lock: has nobody run it since, is all of it done? When it ran is
 * when it began: so EVERY 1m is that, however long it takes. */
static enum jobrun run_locked(struct db *db, const struct job *job,
                              int64_t last_ms, job_work *work,
                              struct fault *fault)
{
    struct fault why;
    int64_t ran_ms;

    if (!jobrun_last(db, job->name, &ran_ms)) {
        fault_here(job, "its last time cannot be read from prong_jobs", fault);
        return JOBRUN_FAILED;
    }
    if (last_ms >= 0 && ran_ms != last_ms)
        return JOBRUN_NOT_DUE;
    if (!note_run(db, job->name, &why)) {
        fault_here(job, why.text, fault);
        return JOBRUN_FAILED;
    }
    return work(db, job, fault) ? JOBRUN_DONE : JOBRUN_FAILED;
}

static enum jobrun run_to_commit(struct db *db, const struct job *job,
                                 int64_t last_ms, job_work *work,
                                 struct fault *fault)
{
    enum jobrun r = run_locked(db, job, last_ms, work, fault);

    if (r != JOBRUN_DONE)
        db_rollback(db);
    else if (db_commit(db) != DB_DONE) {
        fault_here(job, db_message(db), fault);
        r = JOBRUN_FAILED;
    }
    return r;
}

/* It has the turn already: whoever holds the lock now is from outside, and the
 * others of the queue shall not wait for that behind a job. */
static enum db_result begin(struct db *db)
{
    db_patience(db, 0);
    enum db_result r = db_begin_write(db);
    db_patience(db, DB_PATIENCE_MS);
    return r;
}

static enum jobrun run(struct db *db, const struct job *job, int64_t last_ms,
                       job_work *work, struct fault *fault)
{
    enum jobrun r = JOBRUN_FAILED;

    db_deadline(db, loop_clock_ms() + (uint64_t)job->timeout_ms);
    enum db_result began = begin(db);
    if (began == DB_DONE)
        r = run_to_commit(db, job, last_ms, work, fault);
    else if (began == DB_BUSY)
        r = JOBRUN_BUSY;
    else
        fault_here(job, db_message(db), fault);
    db_deadline(db, 0);
    return r;
}

enum jobrun jobrun(struct db *db, const struct job *job, int64_t last_ms,
                   struct fault *fault)
{
    return run(db, job, last_ms, run_statements, fault);
}

/* ---- the planner's statistics --------------------------------------------*/

/* SQLite renews only the statistics that plans of this connection asked for
 * (sqlite.org/pragma.html#pragma_optimize), so it plans what workers run. */
static void plan_all(struct db *db, const struct app *app)
{
    struct fault ignored;
    int offset;

    for (size_t i = 0; i < app->endpoint_count; i++) {
        const struct endpoint *e = &app->endpoints[i];
        for (size_t k = 0; k < e->statement_count; k++)
            db_finalize(
                db_prepare(db, e->statements[k].text, &ignored, &offset));
    }
}

static bool optimize(struct db *db, const struct job *job, struct fault *fault)
{
    return db_optimize(db) == DB_DONE || fault_here(job, db_message(db), fault);
}

enum jobrun jobrun_optimize(struct db *db, const struct job *job,
                            const struct app *app, int64_t last_ms,
                            struct fault *fault)
{
    plan_all(db, app);
    return run(db, job, last_ms, optimize, fault);
}
