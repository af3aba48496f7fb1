#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/segment/names.h"
#include "common/segment/tables.h"
#include "worker/db/db.h"
#include "worker/db/explain.h"
#include "worker/db/impure.h"
#include "worker/db/schema.h"
#include "worker/endpoint/childkeys.h"
#include "worker/endpoint/plan.h"
#include "worker/http/json.h"
#include "worker/migrate.h"

#include "worker/commands/check.h"

struct check {
    const struct app *app;
    FILE *to;
    struct db *copy; /* the schema without rows: plans are made on it */
    struct db *data; /* rows to count, or null */
    struct json *reader;
    struct schema *schema;
    struct names *names;   /* of tables, for the copy's statements */
    struct tables *tables; /* as a worker has them in the segment */
    struct buf said; /* every warning so far: variants repeat themselves */
    int errors;
    int warnings;
};

/* ---- saying ------------------------------------------------------------- */

/* Where the reason of "file:line: reason" begins; the whole text without. */
static size_t reason_at(const char *text)
{
    for (const char *c = strchr(text, ':'); c; c = strchr(c + 1, ':')) {
        size_t digits = strspn(c + 1, "0123456789");
        if (digits > 0 && c[1 + digits] == ':' && c[2 + digits] == ' ')
            return (size_t)(c - text) + digits + 3;
    }
    return 0;
}

static void say_error(struct check *c, const struct fault *fault)
{
    size_t at = reason_at(fault->text);

    c->errors++;
    fprintf(c->to, "%.*serror: %s\n", (int)at, fault->text, fault->text + at);
}

/* True when this text was not said before. */
static bool is_new(struct check *c, const char *text)
{
    if (c->said.len > 0 && strstr(buf_text(&c->said), text))
        return false;
    buf_format(&c->said, "%s\n", text);
    c->warnings++;
    return true;
}

/* ---- the copy and the rows ---------------------------------------------- */

static bool run(struct db *db, const char *sql)
{
    struct fault ignored;
    int offset;

    return db_script(db, slice_of(sql), &ignored, &offset);
}

/* What ANALYZE has found in the real database steers the planner there, so
 * the copy must know it too. */
static void copy_statistics(struct check *c)
{
    struct fault ignored;
    int offset;
    struct stmt *from = db_prepare(
        c->data, "SELECT tbl, idx, stat FROM sqlite_stat1", &ignored, &offset);

    if (from == NULL || !run(c->copy, "ANALYZE")) {
        db_finalize(from);
        return;
    }
    struct stmt *to =
        db_prepare(c->copy, "INSERT INTO sqlite_stat1 VALUES (?1, ?2, ?3)",
                   &ignored, &offset);
    while (to && stmt_step(from) == DB_ROW) {
        for (int i = 0; i < 3; i++)
            if (stmt_type(from, i) != DB_NULL)
                stmt_bind_text(to, i + 1, stmt_text(from, i));
        stmt_step(to);
        stmt_reset(to);
    }
    db_finalize(to);
    db_finalize(from);
    run(c->copy, "ANALYZE sqlite_schema");
}

static bool open_copy(struct db **out, const struct app *app, bool demo,
                      struct fault *fault)
{
    *out = db_open(":memory:", DB_CREATE, fault);
    return *out && migrate(*out, app, demo, fault);
}

/* The real database if there is one, else the demonstration rows, else
 * nothing; false when what is there cannot be used. */
static bool open_data(struct check *c, struct fault *fault)
{
    struct stat st;

    if (c->app->database && stat(c->app->database, &st) == 0)
        c->data = db_open(c->app->database, DB_READONLY_MODE, fault);
    else if (c->app->demo)
        return open_copy(&c->data, c->app, true, fault);
    else
        return true;
    return c->data != NULL;
}

static void count_rows(struct check *c)
{
    struct fault fault;

    if (!open_data(c, &fault)) {
        say_error(c, &fault);
        return;
    }
    if (c->data == NULL) {
        fprintf(c->to,
                "%s: note: no database and no demo.sql: scans are not "
                "judged\n",
                c->app->dir);
        return;
    }
    schema_measure(c->schema, c->data, c->app->scan_rows);
    copy_statistics(c);
}

/* ---- warnings ----------------------------------------------------------- */

static void say_finding(struct check *c, const struct finding *f,
                        const char *where, const char *what, const char *sql)
{
    static const char *const does[] = {
        [FINDING_SCAN] = "scans",
        [FINDING_AUTOMATIC] = "builds an index at each run on",
        [FINDING_SORT] = "sorts rows of",
    };
    struct buf remedy = {0};
    struct buf text = {0};
    bool helps = explain_advise(c->copy, c->schema, sql, f->table, &remedy);

    buf_format(
        &text,
        "%s: warning: %s %s %s, which has more than %" PRId64 " rows\n"
        "    plan: %s\n    %s",
        where, what, does[f->kind], f->table->name, c->app->scan_rows, f->line,
        helps ? buf_text(&remedy) : "no index of one or two columns helps");
    if ((helps || !f->mild) && is_new(c, buf_text(&text)))
        fprintf(c->to, "%s\n", buf_text(&text));
    buf_free(&remedy);
    buf_free(&text);
}

/* `mild`: only what an index can mend is worth a word. */
static void check_plan(struct check *c, const char *sql, const char *where,
                       const char *what, bool mild)
{
    struct explanation plan;

    if (!schema_has_large(c->schema) ||
        !explain(c->copy, c->schema, sql, &plan))
        return;
    for (size_t i = 0; i < plan.count; i++) {
        plan.findings[i].mild |= mild;
        say_finding(c, &plan.findings[i], where, what, sql);
    }
}

/* ---- endpoints and jobs ------------------------------------------------- */

/* A plan that a worker would run, and that makes no sense all the same. */
static bool check_sense(const struct plan *p, struct fault *fault)
{
    const struct endpoint *e = p->e;

    if (e->each == NULL || p->writes)
        return true;
    return fault_set(fault, "%s:%d: @each, but no statement writes", e->file,
                     e->line);
}

/* One note an endpoint: its statements and variants are much alike. */
static void say_impure(struct check *c, const struct plan *p)
{
    struct fault said;
    size_t i = 0;

    while (i < p->step_count && !impure_why(p->e, p->steps[i].stmt, &said))
        i++;
    if (i < p->step_count)
        fprintf(c->to, "%s:%d: note: %s\n", p->e->file, p->e->line, said.text);
}

static void check_endpoint(struct check *c, const struct endpoint *e)
{
    char where[512];
    char what[256];
    struct fault fault;
    struct plan *p = plan_new(c->copy, c->reader, e, &fault);

    if (p == NULL || !check_sense(p, &fault))
        say_error(c, &fault);
    if (p)
        say_impure(c, p);
    snprintf(what, sizeof what, "%s %s", method_name(e->method), e->path);
    for (size_t i = 0; p && i < p->step_count; i++) {
        /* Rows are counted only for clients who ask for it. */
        bool counts = paging_on(e) && (int)i == paging_count_variant(e);
        snprintf(where, sizeof where, "%s:%d", e->file, p->steps[i].sql->line);
        check_plan(c, stmt_sql(p->steps[i].stmt), where, what, counts);
    }
    plan_free(p);
}

static void check_job(struct check *c, const struct job *job)
{
    char where[512];
    char what[256];

    snprintf(what, sizeof what, "job %s", job->name);
    for (size_t i = 0; i < job->statement_count; i++) {
        const struct sql *sql = &job->statements[i];
        struct fault why;
        struct fault fault;
        int offset;
        struct stmt *s = db_prepare(c->copy, sql->text, &why, &offset);
        if (s == NULL) {
            fault_set(&fault, "%s:%d: %.400s", job->file,
                      db_fault_line(sql->text, offset, sql->line), why.text);
            say_error(c, &fault);
            continue;
        }
        db_finalize(s);
        snprintf(where, sizeof where, "%s:%d", job->file, sql->line);
        check_plan(c, sql->text, where, what, false);
    }
}

/* ---- all of it ---------------------------------------------------------- */

/* Zeroed and aligned as in the segment. */
static void *new_region(size_t size)
{
    size_t whole = (size + 63) / 64 * 64;
    void *region = aligned_alloc(64, whole);

    assert(region != NULL);
    return memset(region, 0, whole);
}

/* Which tables a statement reads is told only to those who watch them. */
static void watch(struct check *c)
{
    c->names = new_region(names_size());
    c->tables = new_region(tables_size());
    db_watch(c->copy, c->names, c->tables, 0);
}

static void check_all(struct check *c)
{
    struct fault fault;

    c->reader = json_new(&fault);
    if (c->reader == NULL || !open_copy(&c->copy, c->app, false, &fault)) {
        say_error(c, &fault);
        return;
    }
    watch(c);
    c->schema = schema_read(c->copy);
    count_rows(c);
    c->warnings += childkeys_warn(c->copy, c->app, c->to);
    for (size_t i = 0; i < c->app->endpoint_count; i++)
        check_endpoint(c, &c->app->endpoints[i]);
    for (size_t i = 0; i < c->app->job_count; i++)
        check_job(c, &c->app->jobs[i]);
}

int check_app(const struct app *app, FILE *to)
{
    struct check c = {.app = app, .to = to};

    db_init();
    check_all(&c);
    fprintf(to, "%s: %zu endpoints, %zu jobs: %d errors, %d warnings\n",
            app->dir, app->endpoint_count, app->job_count, c.errors,
            c.warnings);
    schema_free(c.schema);
    json_free(c.reader);
    db_close(c.data);
    db_close(c.copy);
    free(c.names);
    free(c.tables);
    buf_free(&c.said);
    return c.errors;
}
