#include <assert.h>
#include <stdlib.h>

#include "common/loop.h"

#include "worker/http/problem.h"
#include "worker/monitor/monitor_private.h"

enum { SHOWN = 256 }; /* of each list, however many workers there are */

static_assert((int)RECORD_SLOW == (int)RECORD_RECENT &&
                  (int)RECORD_FAILED == (int)RECORD_RECENT,
              "the lists are of one size");

/* The parts of the page: of which of the recorder's lists, and whether those
 * that are being answered. */
static const struct part {
    const char *name;
    enum record_list list;
    bool at_work;
} parts[] = {
    {"current", RECORDS_RECENT, true},
    {"recent", RECORDS_RECENT, false},
    {"slow", RECORDS_SLOW, false},
    {"failed", RECORDS_FAILED, false},
};

enum { PARTS = sizeof parts / sizeof *parts };

/* ---- finding them --------------------------------------------------------*/

struct found {
    struct record record;
    unsigned slot;
    unsigned thread;
    bool at_work;
};

struct finds {
    struct arena *arena;
    struct found *at;
    size_t count;
};

/* Record i of a thread of a slot, if it is one that belongs there. */
static bool look(const struct monitor *m, const struct part *part, size_t i,
                 struct found *f)
{
    if (!recorder_read(m->shared->recorder, recorder_place(f->slot, f->thread),
                       part->list, i, &f->record))
        return false;
    f->at_work = monitor_at_work(m, f->slot, &f->record);
    return f->record.began_ns > 0 && f->at_work == part->at_work;
}

static bool was_used(const struct monitor *m, unsigned slot)
{
    return atomic_load(&m->shared->slots[slot].births) > 0;
}

static int newer(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;

    return (x->record.began_ns < y->record.began_ns) -
           (x->record.began_ns > y->record.began_ns);
}

static void find_of_slot(const struct monitor *m, const struct part *part,
                         unsigned slot, struct finds *out)
{
    struct found f = {.slot = slot};

    for (; f.thread < monitor_threads(m, slot); f.thread++)
        for (size_t i = 0; i < RECORD_RECENT; i++) {
            if (!look(m, part, i, &f))
                continue;
            out->at = arena_grow(out->arena, out->at, out->count, sizeof f);
            out->at[out->count++] = f;
        }
}

static void find(const struct monitor *m, const struct part *part,
                 struct finds *out)
{
    out->count = 0;
    for (unsigned slot = 0; slot < SLOTS_MAX; slot++)
        if (was_used(m, slot))
            find_of_slot(m, part, slot, out);
    if (out->count > 0)
        qsort(out->at, out->count, sizeof *out->at, newer);
}

/* ---- writing one ---------------------------------------------------------*/

static void add_phases(struct jsonout *j, const struct found *f)
{
    if (f->at_work)
        monitor_phase(j, &f->record);
    jsonout_open(j, "phases_ms", '{');
    for (unsigned p = PHASE_NONE + 1; p < PHASES; p++)
        jsonout_real(j, phase_name(p), monitor_ms(f->record.phase_ns[p]), 3);
    jsonout_close(j, '}');
}

static uint64_t duration(const struct found *f)
{
    uint64_t now = loop_clock_ns();

    if (!f->at_work)
        return f->record.took_ns;
    return now > f->record.began_ns ? now - f->record.began_ns : 0;
}

/* The braces are the caller's. Without a status it was not answered: yet, or
 * because its worker died of it. */
static void add_record(struct jsonout *j, const struct found *f)
{
    const struct record *r = &f->record;
    struct slice trace = monitor_text(r->trace, sizeof r->trace);

    monitor_which(j, r);
    if (trace.len > 0)
        jsonout_text(j, "trace", trace);
    else
        jsonout_null(j, "trace");
    jsonout_text(j, "method", monitor_text(r->method, sizeof r->method));
    if (r->status)
        jsonout_int(j, "status", r->status);
    else
        jsonout_null(j, "status");
    jsonout_time(j, "started", r->wall_ms);
    jsonout_real(j, "duration_ms", monitor_ms(duration(f)), 3);
    add_phases(j, f);
    if (r->cache > CACHE_NONE && r->cache < CACHE_OUTCOMES)
        jsonout_text(j, "cache", slice_of(cache_outcome_name(r->cache)));
    else
        jsonout_null(j, "cache");
    jsonout_int(j, "queries", r->queries);
    jsonout_int(j, "rows", r->rows);
    jsonout_int(j, "bytes", (int64_t)r->bytes);
    jsonout_int(j, "worker", f->slot);
    jsonout_int(j, "pid", r->pid);
}

static void add_statements(struct jsonout *j, const struct record *r)
{
    jsonout_open(j, "statements", '[');
    for (unsigned i = 0; i < r->statement_count && i < RECORD_STATEMENTS; i++) {
        const struct record_statement *s = &r->statements[i];
        jsonout_open(j, NULL, '{');
        jsonout_int(j, "statement", i + 1);
        jsonout_int(j, "line", s->line);
        jsonout_real(j, "duration_ms", monitor_ms(s->ns), 3);
        jsonout_int(j, "rows", s->rows);
        jsonout_close(j, '}');
    }
    jsonout_close(j, ']');
}

/* ---- the lists -----------------------------------------------------------*/

static bool choose(struct slice names, unsigned *chosen)
{
    while (names.ptr) {
        struct slice name = slice_cut(&names, ',');
        size_t i = 0;
        while (i < PARTS && !slice_is(name, parts[i].name))
            i++;
        if (i == PARTS)
            return false;
        *chosen |= 1U << i;
    }
    return true;
}

/* Bits of `parts` that ?list= names; all when it names none. False when one
 * is unknown. */
static bool chosen_parts(const struct request *req, unsigned *chosen)
{
    size_t count;
    const struct pair *pairs = request_query(req, &count);

    *chosen = 0;
    for (size_t i = 0; i < count; i++)
        if (slice_is(pairs[i].name, "list") && !choose(pairs[i].value, chosen))
            return false;
    if (*chosen == 0)
        *chosen = (1U << PARTS) - 1;
    return true;
}

static void add_part(const struct monitor *m, struct jsonout *j,
                     const struct part *part, struct finds *finds)
{
    find(m, part, finds);
    jsonout_open(j, part->name, '[');
    for (size_t i = 0; i < finds->count && i < SHOWN; i++) {
        jsonout_open(j, NULL, '{');
        add_record(j, &finds->at[i]);
        jsonout_close(j, '}');
    }
    jsonout_close(j, ']');
}

void monitor_requests(const struct monitor *m, struct call *call)
{
    struct finds finds = {.arena = arena_new()};
    unsigned chosen;

    if (chosen_parts(call->req, &chosen)) {
        struct jsonout j = monitor_begin(call);
        for (unsigned i = 0; i < PARTS; i++)
            if (chosen >> i & 1)
                add_part(m, &j, &parts[i], &finds);
        monitor_end(&j);
    } else {
        problem(call->res, 400,
                "list must be of current, recent, slow and failed");
    }
    arena_free(finds.arena);
}

/* ---- one request ---------------------------------------------------------*/

/* Clients may use an id again: the newest that bears it. */
static const struct found *find_id(const struct monitor *m,
                                   const struct part *part, struct slice id,
                                   struct finds *finds)
{
    find(m, part, finds);
    for (size_t i = 0; i < finds->count; i++) {
        const struct record *r = &finds->at[i].record;
        if (slice_equal(monitor_text(r->id, sizeof r->id), id))
            return &finds->at[i];
    }
    return NULL;
}

void monitor_request(const struct monitor *m, struct call *call)
{
    size_t count;
    const struct slice *segments = request_segments(call->req, &count);
    struct slice id = count ? segments[count - 1] : (struct slice){"", 0};
    struct finds finds = {.arena = arena_new()};
    const struct found *f = NULL;

    for (size_t i = 0; i < PARTS && id.len > 0 && f == NULL; i++)
        f = find_id(m, &parts[i], id, &finds);
    if (f) {
        struct jsonout j = monitor_begin(call);
        add_record(&j, f);
        add_statements(&j, &f->record);
        monitor_end(&j);
    } else {
        problem(call->res, 404, "No request of this id is remembered");
    }
    arena_free(finds.arena);
}
