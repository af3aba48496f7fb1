#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/app/app.h"
#include "common/loop.h"
#include "common/segment/shared.h"
#include "common/settings/settings.h"
#include "master/control/figures.h"
#include "master/control/inflight.h"

#include "master/control/order_show.h"

enum { REQUESTS_SHOWN = 200 };

/* ---- who is there -------------------------------------------------------- */

static const struct slot *slot_of(const struct server_view *v, size_t number)
{
    return &v->shared->slots[number];
}

static bool is_worker(const struct hand_view *h)
{
    return h->slot < SLOTS_MAX;
}

static int64_t count(const struct server_view *v, enum slot_state state)
{
    int64_t n = 0;

    for (size_t i = 0; i < v->hand_count; i++)
        n += is_worker(&v->hands[i]) && v->hands[i].state == state;
    return n;
}

/* Of those that serve, the newest. */
static unsigned generation(const struct server_view *v)
{
    unsigned newest = 0;

    for (size_t i = 0; i < v->hand_count; i++)
        if (v->hands[i].state == SLOT_READY && v->hands[i].generation > newest)
            newest = v->hands[i].generation;
    return newest;
}

/* One that is due serves until another one is ready. */
static const char *state_name(const struct hand_view *h)
{
    if (h->stopped)
        return "stopped";
    switch (h->state) {
    case SLOT_STARTING: return "starting";
    case SLOT_READY: return h->due ? "due" : "ready";
    case SLOT_RETIRING: return "draining";
    case SLOT_BACKOFF: return "backoff";
    case SLOT_EMPTY: break;
    }
    return "empty";
}

/* ---- status -------------------------------------------------------------- */

static void show_pid(struct sheet *s, const char *name, const struct slot *slot)
{
    int32_t pid = atomic_load(&slot->pid);

    if (pid)
        sheet_int(s, name, pid);
    else
        sheet_null(s, name);
}

static void show_server(const struct server_view *v, struct sheet *s)
{
    const struct app *app = v->present->app;

    sheet_text(s, "version", slice_of(PRONG_VERSION));
    sheet_text(s, "state", slice_of(v->state));
    sheet_text(s, "app", slice_of(app ? app->name : NULL));
    sheet_text(s, "folder", slice_of(app ? app->dir : NULL));
    sheet_text(s, "database", slice_of(app ? app->database : NULL));
    sheet_int(s, "master", getpid());
    show_pid(s, "keeper", slot_of(v, SLOT_KEEPER));
    sheet_int(s, "generation", generation(v));
    sheet_int(s, "workers_wanted", v->wanted);
    sheet_int(s, "workers_ready", count(v, SLOT_READY));
    sheet_int(s, "workers_starting",
              count(v, SLOT_STARTING) + count(v, SLOT_BACKOFF));
    sheet_int(s, "workers_draining", count(v, SLOT_RETIRING));
}

static double quantile_ms(const struct totals *t, double q)
{
    return (double)distribution_quantile(&t->request, q) / 1e6;
}

/* A second at least, so that the first request of all is not a thousand a
 * second. */
static double rate(const struct figures *f, uint64_t n)
{
    return (double)n / (f->seconds > 1 ? f->seconds : 1);
}

/* Rates are of the last minute. */
static void show_figures(const struct figures *f, struct sheet *s)
{
    const struct totals *minute = &f->minute;

    sheet_age(s, "uptime", f->age_ms);
    sheet_int(s, "requests", (int64_t)totals_requests(&f->all));
    sheet_real(s, "requests_per_second", rate(f, totals_requests(minute)));
    sheet_percent(s, "errors", totals_error_rate(minute));
    sheet_ms(s, "p50", quantile_ms(minute, 0.5));
    sheet_ms(s, "p95", quantile_ms(minute, 0.95));
    sheet_ms(s, "p99", quantile_ms(minute, 0.99));
    sheet_percent(s, "cache_hits", totals_hit_rate(minute));
    sheet_int(s, "connections", (int64_t)f->connections);
    sheet_int(s, "backlog", f->backlog);
    sheet_int(s, "writes_waiting", (int64_t)f->waiting);
    sheet_memory(s, "memory", f->pss_kb);
}

void order_show_status(const struct server_view *v, struct sheet *s)
{
    struct figures f;

    figures_take(&f, v->shared);
    show_server(v, s);
    show_figures(&f, s);
}

/* ---- requests ------------------------------------------------------------ */

static void show_where(const struct inflight *f, struct sheet *s)
{
    char phase[32];

    sheet_age(s, "for", f->age_ns / 1000000);
    sheet_text(s, "phase", slice_of(inflight_phase(&f->record, phase)));
}

static void show_which(const struct inflight *f, struct sheet *s)
{
    char endpoint[RECORD_ROUTE + 8];

    sheet_text(s, "request", slice_of(f->record.id));
    sheet_text(s, "endpoint",
               slice_of(inflight_endpoint(&f->record, endpoint)));
}

void order_show_requests(const struct server_view *v, struct sheet *s)
{
    struct arena *arena = arena_new();
    size_t found;
    const struct inflight *all = inflight_all(v->shared, arena, &found);

    sheet_table(s, "requests", "No request is being answered.");
    for (size_t i = 0; i < found && i < REQUESTS_SHOWN; i++) {
        sheet_row(s);
        show_where(&all[i], s);
        sheet_int(s, "worker", all[i].slot);
        sheet_int(s, "pid", all[i].record.pid);
        show_which(&all[i], s);
        sheet_text(s, "path", slice_of(all[i].record.path));
    }
    sheet_table_end(s);
    arena_free(arena);
}

/* ---- workers ------------------------------------------------------------- */

static void show_present(const struct server_view *v, unsigned slot,
                         struct sheet *s)
{
    static const char *const names[] = {"for", "phase", "request", "endpoint"};
    struct inflight f;

    if (inflight_of(v->shared, slot, &f)) {
        show_where(&f, s);
        show_which(&f, s);
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        sheet_null(s, names[i]);
}

/* Who waits to be tried again has no process, and so no figures. */
static void show_load(const struct server_view *v, const struct hand_view *h,
                      struct sheet *s)
{
    const struct slot *slot = slot_of(v, h->slot);
    uint64_t now_ns = loop_clock_ns();

    sheet_int(s, "requests",
              h->pid ? (int64_t)atomic_load(&slot->requests) : 0);
    sheet_int(s, "connections", h->pid ? atomic_load(&slot->connections) : 0);
    sheet_percent(
        s, "busy",
        h->pid ? busy_share(v->busy, v->shared->slots, h->slot, now_ns) : 0);
    sheet_int(s, "slow", h->pid ? atomic_load(&slot->away) : 0);
    sheet_memory(s, "memory", h->pid ? atomic_load(&slot->pss_kb) : 0);
}

static void show_worker(const struct server_view *v, const struct hand_view *h,
                        struct sheet *s)
{
    sheet_row(s);
    sheet_int(s, "worker", h->slot);
    if (h->pid)
        sheet_int(s, "pid", h->pid);
    else
        sheet_null(s, "pid");
    sheet_text(s, "state", slice_of(state_name(h)));
    sheet_int(s, "generation", h->generation);
    sheet_age(s, "age", h->age_ms);
    show_load(v, h, s);
    show_present(v, h->slot, s);
}

void order_show_workers(const struct server_view *v, struct sheet *s)
{
    sheet_table(s, "workers", "There is no worker.");
    for (size_t i = 0; i < v->hand_count; i++)
        if (is_worker(&v->hands[i]))
            show_worker(v, &v->hands[i], s);
    sheet_table_end(s);
}

/* ---- top ----------------------------------------------------------------- */

static void put(struct buf *out, const char *name, uint64_t value)
{
    buf_format(out, "%s %" PRIu64 "\n", name, value);
}

static void put_counts(const struct figures *f, struct buf *out)
{
    put(out, "requests", totals_requests(&f->all));
    put(out, "errors", f->all.counters[COUNT_5XX]);
    put(out, "hits", totals_hits(&f->all));
    put(out, "cacheable", totals_cacheable(&f->all));
    put(out, "bytes_out", f->all.counters[COUNT_BYTES_OUT]);
    put(out, "accepted", f->accepted);
    put(out, "uptime_ms", f->age_ms);
    put(out, "connections", f->connections);
    put(out, "backlog", f->backlog);
    put(out, "writes_waiting", f->waiting);
    put(out, "memory_kb", f->pss_kb);
    put(out, "max_ns", f->all.request.max_ns);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        if (f->all.request.bucket[i])
            buf_format(out, "bucket %zu %" PRIu64 "\n", i,
                       f->all.request.bucket[i]);
}

static void put_tables(const struct server_view *v, struct buf *out)
{
    struct sheet s;

    sheet_begin(&s, out, false);
    buf_byte(out, '\n');
    order_show_workers(v, &s);
    buf_byte(out, '\n');
    order_show_requests(v, &s);
    sheet_end(&s);
}

void order_show_top(const struct server_view *v, struct buf *out)
{
    const struct app *app = v->present->app;
    struct figures f;

    figures_take(&f, v->shared);
    buf_format(out, "app ");
    sheet_plain(out, slice_of(app ? app->name : ""), false);
    buf_format(out, "\nstate %s\n", v->state);
    put(out, "clock_ns", loop_clock_ns());
    put(out, "generation", generation(v));
    put(out, "wanted", (uint64_t)v->wanted);
    put(out, "ready", (uint64_t)count(v, SLOT_READY));
    put(out, "draining", (uint64_t)count(v, SLOT_RETIRING));
    put_counts(&f, out);
    put_tables(v, out);
}
