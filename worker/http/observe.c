#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/segment/names.h"
#include "worker/http/traceparent.h"

#include "worker/http/observe.h"

enum { WALL_NS = 1000 * 1000 * 1000 }; /* between two looks at the wall clock */

struct observer {
    struct observer_config config;
    unsigned place; /* in the recorder: that of the thread at work */
    pid_t pid;
    int64_t wall_offset_ns;     /* wall clock less CLOCK_MONOTONIC */
    uint64_t wall_ns;           /* when that was taken */
    struct status_codes *codes; /* of the slot */
    struct metrics_cell *unrouted;
    struct metrics_cell
        *cells[NAMES_MAX]; /* by route; null until it is first used */
};

void observe_thread(struct observer *o, unsigned thread)
{
    struct slot *slot;

    if (o == NULL)
        return;
    slot = &o->config.shared->slots[o->config.slot];
    o->place = recorder_place(o->config.slot, thread);
    if (atomic_load(&slot->threads) <= thread)
        atomic_store(&slot->threads, thread + 1);
}

struct observer *observer_new(const struct observer_config *config)
{
    struct observer *o = calloc(1, sizeof *o);

    assert(o != NULL);
    o->config = *config;
    observe_thread(o, 0);
    o->pid = getpid();
    o->codes = metrics_codes(config->shared->metrics, config->slot);
    o->unrouted =
        metrics_cell(config->shared->metrics, config->slot, NAMES_REST);
    return o;
}

void observer_free(struct observer *o)
{
    free(o);
}

unsigned observer_number(const struct observer *o, const char *name)
{
    return o ? names_number(o->config.shared->names, slice_of(name))
             : NAMES_REST;
}

/* Unix time in ms of a reading of CLOCK_MONOTONIC. */
static int64_t wall_ms(struct observer *o, uint64_t ns)
{
    if (o->wall_ns == 0 || ns - o->wall_ns > WALL_NS) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        o->wall_offset_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec -
                            (int64_t)loop_clock_ns();
        o->wall_ns = ns;
    }
    return ((int64_t)ns + o->wall_offset_ns) / 1000000;
}

static void note_trace(struct record *rec, const struct request *req)
{
    struct traceparent parent;
    struct slice field = request_header(req, "traceparent");

    if (field.ptr && traceparent_read(field, &parent))
        record_text(rec->trace, sizeof rec->trace, slice_of(parent.trace));
}

void observe_begin(struct observer *o, struct call *call, uint64_t now_ns)
{
    struct trace *t = call->trace;

    if (o == NULL)
        return;
    t->cell = o->unrouted;
    t->record = recorder_open(o->config.shared->recorder, o->place);
    t->phase_ns = now_ns;
    struct record *rec = t->record;
    record_write(rec);
    rec->pid = o->pid;
    rec->began_ns = t->came_ns;
    rec->wall_ms = wall_ms(o, t->came_ns);
    if (now_ns > t->came_ns)
        rec->phase_ns[PHASE_QUEUE] = now_ns - t->came_ns;
    record_text(rec->id, sizeof rec->id,
                (struct slice){call->res->id, call->res->id_len});
    record_text(rec->method, sizeof rec->method, request_method(call->req));
    record_text(rec->path, sizeof rec->path, request_path(call->req));
    note_trace(rec, call->req);
    record_written(rec);
    trace_mark(t, PHASE_READ);
}

void observe_route(struct observer *o, struct call *call, unsigned number,
                   const char *path)
{
    struct trace *t = call->trace;

    t->number = number;
    t->route = path;
    if (o == NULL || t->record == NULL)
        return;
    if (o->cells[number] == NULL)
        o->cells[number] =
            metrics_cell(o->config.shared->metrics, o->config.slot, number);
    t->cell = o->cells[number];
    record_write(t->record);
    t->record->route_number = number;
    record_text(t->record->route, sizeof t->record->route, slice_of(path));
    record_written(t->record);
}

void observe_pause(struct observer *o, struct call *call)
{
    if (o == NULL || call->trace->record == NULL)
        return;
    trace_mark(call->trace, PHASE_NONE);
    call->trace->record = NULL;
}

void observe_resume(struct observer *o, struct call *call, enum phase waited)
{
    struct trace *t = call->trace;
    uint64_t now_ns = loop_clock_ns();

    if (o == NULL)
        return;
    observe_begin(o, call, now_ns);
    observe_route(o, call, t->number, t->route);
    t->record->phase_ns[PHASE_QUEUE] = 0;
    t->record->phase_ns[waited] = now_ns - t->came_ns;
}

void observe_park(struct observer *o, struct call *call, enum phase waiting,
                  struct record *room)
{
    struct trace *t = call->trace;

    if (o == NULL || t->record == NULL)
        return;
    trace_phase(t, waiting);
    *room = *t->record;
    trace_mark(t, PHASE_NONE);
    t->phase = waiting;
    t->record = NULL;
}

void observe_unpark(struct observer *o, struct call *call, enum phase next,
                    const struct record *room)
{
    struct trace *t = call->trace;

    if (o == NULL)
        return;
    t->record = recorder_open(o->config.shared->recorder, o->place);
    recorder_resume(t->record, room);
    trace_phase(t, next);
}

/* ---- the end ------------------------------------------------------------ */

static void count_cache(struct metrics_cell *c, const struct trace *t)
{
    static const enum counter counters[CACHE_OUTCOMES] = {
        [CACHE_HIT] = COUNT_CACHE_HIT,
        [CACHE_STALE] = COUNT_CACHE_STALE,
        [CACHE_COLLAPSED] = COUNT_CACHE_COLLAPSED,
        [CACHE_MISS] = COUNT_CACHE_MISS,
        [CACHE_OUTDATED] = COUNT_CACHE_OUTDATED,
        [CACHE_EXPIRED] = COUNT_CACHE_EXPIRED,
    };

    if (t->cache != CACHE_NONE)
        cell_add(c, counters[t->cache], 1);
    if (t->stored)
        cell_add(c, COUNT_STORED, 1);
    if (t->compressed)
        cell_add(c, COUNT_COMPRESSED, 1);
}

static void count_error(struct metrics_cell *c, const struct call *call)
{
    if (call->trace->error)
        cell_add(c, call->trace->error, 1);
    else if (call->res->status >= 500)
        cell_add(c, COUNT_ERROR_OTHER, 1);
}

static void count_sql(struct metrics_cell *c, const struct trace *t)
{
    if (t->queries == 0)
        return;
    cell_add(c, COUNT_QUERIES, t->queries);
    cell_add(c, COUNT_ROWS, t->rows);
}

static void count(struct metrics_cell *c, const struct call *call,
                  uint64_t bytes)
{
    unsigned class = (unsigned)call->res->status / 100;

    if (class >= 1 && class <= 5)
        cell_add(c, COUNT_1XX + class - 1, 1);
    cell_add(c, COUNT_BYTES_IN, request_size(call->req));
    cell_add(c, COUNT_BYTES_OUT, bytes);
    if (call->res->status == 304)
        cell_add(c, COUNT_NOT_MODIFIED, 1);
    count_sql(c, call->trace);
    count_cache(c, call->trace);
    count_error(c, call);
}

static void complete(struct record *rec, const struct call *call,
                     uint64_t bytes, uint64_t now_ns)
{
    const struct trace *t = call->trace;

    record_write(rec);
    rec->status = (uint32_t)call->res->status;
    rec->took_ns = now_ns > t->came_ns ? now_ns - t->came_ns : 1;
    if (now_ns > t->phase_ns)
        rec->phase_ns[t->phase] += now_ns - t->phase_ns;
    rec->bytes = bytes;
    rec->queries = t->queries;
    rec->rows = t->rows;
    rec->cache = (uint8_t)t->cache;
    record_written(rec);
}

/* 501 and 505 are what clients get who ask for what HTTP may have and we do
 * not: no failure of ours. */
static bool has_failed(int status)
{
    return status >= 500 && status != 501 && status != 505;
}

void observe_end(struct observer *o, struct call *call, uint64_t bytes,
                 uint64_t now_ns)
{
    struct trace *t = call->trace;

    if (o == NULL || t->record == NULL)
        return;
    uint64_t took = now_ns > t->came_ns ? now_ns - t->came_ns : 0;
    histogram_add(&t->cell->request, took);
    count(t->cell, call, bytes);
    codes_add(o->codes, call->res->status);
    complete(t->record, call, bytes, now_ns);
    recorder_close(o->config.shared->recorder, o->place,
                   took >= o->config.slow_ns, has_failed(call->res->status));
    t->record = NULL;
}
