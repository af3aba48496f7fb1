#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/loop.h"

#include "master/control/inflight.h"

typedef void on_found(void *self, const struct inflight *f);

/* Nothing that a process gone mad may have left is taken at its word. */
static void terminate(struct record *r)
{
    r->id[sizeof r->id - 1] = '\0';
    r->trace[sizeof r->trace - 1] = '\0';
    r->method[sizeof r->method - 1] = '\0';
    r->path[sizeof r->path - 1] = '\0';
    r->route[sizeof r->route - 1] = '\0';
}

static bool at_work(const struct slot *slot, const struct record *r)
{
    uint32_t phase = atomic_load(&r->phase);

    return phase != PHASE_NONE && phase < PHASES && r->took_ns == 0 &&
           r->began_ns > 0 && r->pid == atomic_load(&slot->pid);
}

/* At what one thread is: the newest of its ring, since all others are over. Who
 * waits for a turn or for the disk is none of them meanwhile. */
static void look(const struct shared *shared, unsigned slot, unsigned thread,
                 on_found *found, void *self)
{
    unsigned place = recorder_place(slot, thread);
    struct inflight f = {.slot = slot};

    if (!recorder_read(shared->recorder, place, RECORDS_RECENT, 0, &f.record) ||
        !at_work(&shared->slots[slot], &f.record))
        return;
    uint64_t now_ns = loop_clock_ns();
    f.age_ns = now_ns > f.record.began_ns ? now_ns - f.record.began_ns : 0;
    terminate(&f.record);
    found(self, &f);
}

static void look_at(const struct shared *shared, unsigned slot, on_found *found,
                    void *self)
{
    const struct slot *s = &shared->slots[slot];
    uint32_t threads = atomic_load(&s->threads);

    if (atomic_load(&s->pid) == 0)
        return;
    look(shared, slot, 0, found, self);
    for (unsigned i = 1; i < threads && i < THREADS_MAX; i++)
        look(shared, slot, i, found, self);
}

/* ---- all of them --------------------------------------------------------- */

struct list {
    struct arena *arena;
    struct inflight *at;
    size_t count;
};

static void add(void *self, const struct inflight *f)
{
    struct list *l = self;

    l->at = arena_grow(l->arena, l->at, l->count, sizeof *f);
    l->at[l->count++] = *f;
}

static int longer(const void *a, const void *b)
{
    const struct inflight *x = a;
    const struct inflight *y = b;

    return (x->record.began_ns > y->record.began_ns) -
           (x->record.began_ns < y->record.began_ns);
}

struct inflight *inflight_all(const struct shared *shared, struct arena *arena,
                              size_t *count)
{
    struct list l = {.arena = arena};

    for (unsigned slot = 0; slot < SLOTS_MAX; slot++)
        look_at(shared, slot, add, &l);
    if (l.count > 0)
        qsort(l.at, l.count, sizeof *l.at, longer);
    *count = l.count;
    return l.at;
}

/* ---- one of them --------------------------------------------------------- */

struct search {
    struct slice id; /* null: any */
    struct inflight *out;
    bool found;
};

static void consider(void *self, const struct inflight *f)
{
    struct search *s = self;

    if ((s->id.ptr && !slice_is(s->id, f->record.id)) ||
        (s->found && s->out->age_ns >= f->age_ns))
        return;
    *s->out = *f;
    s->found = true;
}

bool inflight_of(const struct shared *shared, unsigned slot,
                 struct inflight *out)
{
    struct search s = {.out = out};

    look_at(shared, slot, consider, &s);
    return s.found;
}

bool inflight_find(const struct shared *shared, struct slice id,
                   struct inflight *out)
{
    struct search s = {.id = id, .out = out};

    for (unsigned slot = 0; slot < SLOTS_MAX; slot++)
        look_at(shared, slot, consider, &s);
    return s.found;
}

/* ---- in words ------------------------------------------------------------ */

/* A HEAD is counted and answered as the GET that it stands for. */
const char *inflight_endpoint(const struct record *r,
                              char room[RECORD_ROUTE + 8])
{
    bool head = strcmp(r->method, "HEAD") == 0;

    if (r->route[0] != '/')
        return r->route;
    snprintf(room, RECORD_ROUTE + 8, "%.7s %s", head ? "GET" : r->method,
             r->route);
    return room;
}

const char *inflight_phase(const struct record *r, char room[32])
{
    uint32_t phase = atomic_load(&r->phase);

    if (phase >= PHASES)
        return "unknown";
    if (phase != PHASE_SQL)
        return phase_name((enum phase)phase);
    snprintf(room, 32, "sql %u", atomic_load(&r->statement));
    return room;
}
