/*
 * cockpit: a segment, a small app and a database for tests of what operators
 * see. Tests write into the segment what workers and the keeper would, visit
 * a page, and read what it says.
 */
#ifndef PRONG_TEST_COCKPIT_H
#define PRONG_TEST_COCKPIT_H

#include <math.h>
#include <time.h>

#include "common/segment/names.h"
#include "common/segment/tables.h"
#include "tests/unit/ask.h"
#include "tests/unit/declare.h"
#include "tests/unit/scratch.h"
#include "worker/monitor/monitor.h"

enum { MINUTE_MS = 60000, BORN_AGO_MS = 600000 };

typedef void page_answer(const struct monitor *m, struct call *call);

/* The last one stands in place of the server's own. */
static const char cockpit_api[] =
    "-- GET /api/chefs\n-- @cache 1s\nSELECT 1;\n\n"
    "-- GET /api/chefs/{id}\n-- @param id integer\n-- @cache 1s\n"
    "SELECT :id;\n\n"
    "-- POST /api/chefs\n-- @auth public\nSELECT 1;\n\n"
    "-- GET /api/{kind}/notes\n-- @param kind text\nSELECT :kind;\n\n"
    "-- GET /live\nSELECT 1;\n";

static struct {
    struct shared shared;
    struct sqlfile api;
    struct app app;
    struct db *db;
    struct stmt *extract; /* of JSON */
    struct monitor monitor;
    struct ask ask;
    struct response res;
    struct buf body;
} cockpit;

static inline int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* A worker, the keeper or the master, alive for that long. */
static inline struct slot *man(unsigned slot, int32_t pid, int64_t age_ms)
{
    struct slot *s = &cockpit.shared.slots[slot];

    atomic_store(&s->pid, pid);
    atomic_store(&s->births, 1);
    atomic_store(&s->ready, 1);
    atomic_store(&s->born_ms, wall_ms() - age_ms);
    return s;
}

/* With a cache of 1 MB, the master and worker 0. */
static inline int cockpit_make(void **state)
{
    struct fault fault = {""};

    (void)state;
    db_init();
    if (!shared_open(&cockpit.shared, 1 << 20, 1, &fault))
        fail_msg("%s", fault.text);
    cockpit.db = must_open(":memory:", DB_CREATE);
    if (cockpit.db == NULL)
        return -1;
    db_watch(cockpit.db, cockpit.shared.names, cockpit.shared.tables, 0);
    must_run(cockpit.db, "CREATE TABLE Chefs(id); CREATE TABLE [we\"ird](id)");
    must_prepare(cockpit.db, "SELECT * FROM Chefs, [we\"ird]");
    cockpit.extract = must_prepare(cockpit.db, "SELECT json_extract(?1, ?2)");
    declare(&cockpit.api, cockpit_api);
    cockpit.app = (struct app){.name = "test",
                               .endpoints = cockpit.api.endpoints,
                               .endpoint_count = cockpit.api.endpoint_count};
    cockpit.monitor = (struct monitor){
        .app = &cockpit.app, .shared = &cockpit.shared, .db = cockpit.db};
    response_init(&cockpit.res);
    man(SLOT_MASTER, 100, BORN_AGO_MS);
    man(0, 101, BORN_AGO_MS);
    return 0;
}

static inline int cockpit_remove(void **state)
{
    (void)state;
    ask_free(&cockpit.ask);
    response_free(&cockpit.res);
    buf_free(&cockpit.body);
    db_close(cockpit.db);
    undeclare(&cockpit.api);
    shared_close(&cockpit.shared);
    return 0;
}

static inline unsigned number_of(const char *name)
{
    return names_number(cockpit.shared.names, slice_of(name));
}

static inline struct metrics_cell *cell_of(unsigned slot, const char *route)
{
    return metrics_cell(cockpit.shared.metrics, slot, number_of(route));
}

/* That many requests of that status class and time. */
static inline void serve(unsigned slot, const char *route, unsigned n,
                         enum counter status, uint64_t ns)
{
    struct metrics_cell *cell = cell_of(slot, route);

    cell_add(cell, status, n);
    for (unsigned i = 0; i < n; i++)
        histogram_add(&cell->request, ns);
}

/* So many answers of that exact status. */
static inline void answered(unsigned slot, int status, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        codes_add(metrics_codes(cockpit.shared.metrics, slot), status);
}

/* The worker of that slot begins a request; it is left in its SQL. */
static inline struct record *at_request(unsigned slot, const char *id,
                                        int32_t pid, uint64_t ago_ns)
{
    struct record *r = recorder_open(cockpit.shared.recorder, slot);

    record_write(r);
    r->pid = pid;
    r->began_ns = clock_ns() - ago_ns;
    r->wall_ms = wall_ms();
    record_text(r->id, sizeof r->id, slice_of(id));
    record_text(r->method, sizeof r->method, SLICE("HEAD"));
    record_text(r->path, sizeof r->path, SLICE("/api/chefs/7"));
    record_text(r->route, sizeof r->route, SLICE("/api/chefs/{id}"));
    record_written(r);
    atomic_store(&r->phase, PHASE_SQL);
    return r;
}

/* What the page says to a request, terminated; it is cockpit.res.status. */
static inline const char *visit(page_answer *page, const struct asked *asked)
{
    struct trace trace = {.record = NULL};
    struct call call = {
        .req = ask(&cockpit.ask, asked), .res = &cockpit.res, .trace = &trace};

    response_reset(&cockpit.res);
    page(&cockpit.monitor, &call);
    buf_clear(&cockpit.body);
    buf_slice(&cockpit.body, response_body(&cockpit.res));
    return buf_text(&cockpit.body);
}

static inline void see(page_answer *page, const char *line)
{
    visit(page, &(struct asked){.line = line});
    if (cockpit.res.status != 200)
        fail_msg("%s: %d", line, cockpit.res.status);
}

/* The member at that path ("$.a.b[0]") of what was seen last. */
static inline enum db_type look_at(const char *path)
{
    stmt_reset(cockpit.extract);
    stmt_bind_text(cockpit.extract, 1, buf_view(&cockpit.body));
    stmt_bind_text(cockpit.extract, 2, slice_of(path));
    if (stmt_step(cockpit.extract) != DB_ROW)
        fail_msg("%s: %s in %s", path, db_message(cockpit.db),
                 buf_text(&cockpit.body));
    return stmt_type(cockpit.extract, 0);
}

static inline double real_at(const char *path)
{
    enum db_type type = look_at(path);

    if (type != DB_INT && type != DB_REAL)
        fail_msg("%s is no number in %s", path, buf_text(&cockpit.body));
    return stmt_real(cockpit.extract, 0);
}

static inline void expect_real(const char *path, double wanted, double error)
{
    double v = real_at(path);

    if (!(fabs(v - wanted) <= error))
        fail_msg("%s is %g, not %g", path, v, wanted);
}

static inline void expect_int(const char *path, int64_t wanted)
{
    expect_real(path, (double)wanted, 0);
}

/* Of null and of what is not there. */
static inline void expect_nothing(const char *path)
{
    if (look_at(path) != DB_NULL)
        fail_msg("%s is something in %s", path, buf_text(&cockpit.body));
}

static inline void expect_text(const char *path, const char *wanted)
{
    if (look_at(path) != DB_TEXT ||
        !slice_is(stmt_text(cockpit.extract, 0), wanted))
        fail_msg("%s is not %s in %s", path, wanted, buf_text(&cockpit.body));
}

#endif
