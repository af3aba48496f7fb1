#include "common/segment/names.h"
#include "common/segment/syncs.h"
#include "common/segment/turnstile.h"

#include "worker/monitor/monitor_private.h"

enum { SHOWN = 20 }; /* of the slow ones, however many workers there are */

/* ---- names ---------------------------------------------------------------*/

/* By number; null of what is in no app that this worker knows. */
struct index {
    const char **name; /* of NAMES_MAX */
    struct arena *arena;
};

static void add_endpoints(struct index *x, const struct monitor *m)
{
    for (size_t i = 0; i < m->app->endpoint_count; i++) {
        const struct endpoint *e = &m->app->endpoints[i];
        const char *method = method_name(e->method);
        x->name[names_route(m->shared->names, method, e->path)] =
            arena_format(x->arena, "%s %s", method, e->path);
    }
}

/* The keeper counts a job as "JOB name". */
static void add_jobs(struct index *x, const struct monitor *m)
{
    struct job_figures f;

    for (int i = 0; i < JOBS_MAX; i++)
        if (monitor_job(m, i, &f))
            x->name[names_route(m->shared->names, "JOB", f.name)] =
                arena_format(x->arena, "JOB %s", f.name);
}

/* What found no room in names shares one number, and has no name. */
static void index_take(struct index *x, const struct monitor *m)
{
    x->arena = arena_new();
    x->name = arena_alloc(x->arena, NAMES_MAX * sizeof *x->name);
    add_endpoints(x, m);
    add_jobs(x, m);
    x->name[NAMES_REST] = NULL;
}

/* ---- holders -------------------------------------------------------------*/

static void add_text(struct jsonout *j, const char *name, struct slice text)
{
    if (text.len > 0)
        jsonout_text(j, name, text);
    else
        jsonout_null(j, name);
}

/* `began` is what its beginning is called. */
static void add_holder(struct jsonout *j, const struct index *x,
                       const struct turn_holder *h, const char *began)
{
    const char *endpoint = h->route < NAMES_MAX ? x->name[h->route] : NULL;

    add_text(j, "endpoint", slice_of(endpoint));
    add_text(j, "id", monitor_text(h->id, sizeof h->id));
    jsonout_int(j, "slot", h->slot);
    jsonout_int(j, "pid", h->pid);
    jsonout_time(j, began, h->wall_ms);
    jsonout_real(j, "waited_ms", monitor_ms(h->waited_ns), 3);
    jsonout_real(j, "held_ms", monitor_ms(h->held_ns), 3);
}

static void add_present(const struct monitor *m, struct jsonout *j,
                        const struct index *x)
{
    struct turn_holder h;

    if (!turnstile_holder(m->shared->turnstile, &h)) {
        jsonout_null(j, "holder");
        return;
    }
    jsonout_open(j, "holder", '{');
    add_holder(j, x, &h, "since");
    jsonout_close(j, '}');
}

/* ---- the slow ones -------------------------------------------------------*/

static void add_slowest(const struct monitor *m, struct jsonout *j,
                        const struct index *x)
{
    struct turn_holder slow[SHOWN];
    unsigned count = turnstile_slowest(m->shared->turnstile, slow, SHOWN);

    jsonout_open(j, "slowest", '[');
    for (unsigned i = 0; i < count; i++) {
        jsonout_open(j, NULL, '{');
        add_holder(j, x, &slow[i], "at");
        jsonout_close(j, '}');
    }
    jsonout_close(j, ']');
}

/* ---- figures -------------------------------------------------------------*/

void monitor_turns(const struct monitor *m, struct distribution *waits,
                   struct distribution *holds)
{
    const struct turnstile *t = m->shared->turnstile;

    *waits = (struct distribution){.count = 0};
    *holds = (struct distribution){.count = 0};
    for (unsigned slot = 0; slot < SLOTS_ALL; slot++) {
        if (atomic_load(&m->shared->slots[slot].births) == 0)
            continue;
        distribution_add(waits, turnstile_waits(t, slot));
        distribution_add(holds, turnstile_holds(t, slot));
    }
}

static void add_queue(const struct monitor *m, struct jsonout *j)
{
    unsigned tickets;
    uint64_t requests;

    turnstile_waiting(m->shared->turnstile, &tickets, &requests);
    jsonout_open(j, "queue", '{');
    jsonout_int(j, "workers", tickets);
    jsonout_int(j, "requests", (int64_t)requests);
    jsonout_close(j, '}');
}

static void add_times(const struct monitor *m, struct jsonout *j)
{
    struct distribution waits;
    struct distribution holds;

    monitor_turns(m, &waits, &holds);
    monitor_times(j, "wait", &waits);
    monitor_times(j, "hold", &holds);
}

static void add_syncs(const struct monitor *m, struct jsonout *j)
{
    struct syncs_figures f;

    syncs_figures(m->shared->syncs, &f);
    jsonout_open(j, "sync", '{');
    jsonout_int(j, "commits", (int64_t)f.commits);
    jsonout_int(j, "covered", (int64_t)f.covered);
    jsonout_int(j, "syncs", (int64_t)f.syncs);
    jsonout_real(j, "commits_per_sync",
                 f.syncs > 0 ? (double)f.covered / (double)f.syncs : 0, 2);
    jsonout_real(j, "mean_ms", monitor_ms(f.mean_ns), 3);
    jsonout_real(j, "max_ms", monitor_ms(f.max_ns), 3);
    jsonout_bool(j, "broken", f.broken);
    jsonout_close(j, '}');
}

void monitor_writers(const struct monitor *m, struct call *call)
{
    struct jsonout j = monitor_begin(call);
    struct index x;

    index_take(&x, m);
    jsonout_text(&j, "durability", slice_of(m->settings->durability));
    add_present(m, &j, &x);
    add_queue(m, &j);
    add_times(m, &j);
    add_syncs(m, &j);
    add_slowest(m, &j, &x);
    monitor_end(&j);
    arena_free(x.arena);
}
