#include <string.h>

#include "common/app/app.h"
#include "common/segment/names.h"
#include "common/segment/shared.h"
#include "common/segment/turnstile.h"
#include "common/settings/settings.h"

#include "master/control/order_writers.h"

enum { SHOWN = 20 };

/* ---- names --------------------------------------------------------------- */

/* What is counted under a number, "POST /api/chefs", "JOB revenue"; null: no
 * endpoint of the present app. */
struct index {
    struct arena *arena;
    const char *name[NAMES_MAX];
};

static void add(struct index *x, struct names *names, const char *method,
                const char *path)
{
    x->name[names_route(names, method, path)] =
        arena_format(x->arena, "%s %s", method, path);
}

/* What found no room in names shares one number, and has no name. */
static struct index *index_take(struct arena *arena,
                                const struct server_view *v)
{
    struct index *x = arena_alloc(arena, sizeof *x);
    const struct app *app = v->present->app;

    x->arena = arena;
    for (size_t i = 0; app && i < app->endpoint_count; i++)
        add(x, v->shared->names, method_name(app->endpoints[i].method),
            app->endpoints[i].path);
    for (size_t i = 0; app && i < app->job_count; i++)
        add(x, v->shared->names, "JOB", app->jobs[i].name);
    x->name[NAMES_REST] = NULL;
    return x;
}

/* ---- holders ------------------------------------------------------------- */

static void show_holder(const struct index *x, const struct turn_holder *h,
                        struct sheet *s)
{
    const char *name = h->route < NAMES_MAX ? x->name[h->route] : NULL;

    sheet_ms(s, "held", (double)h->held_ns / 1e6);
    sheet_ms(s, "waited", (double)h->waited_ns / 1e6);
    sheet_time(s, "began", h->wall_ms);
    sheet_int(s, "worker", h->slot);
    sheet_int(s, "pid", h->pid);
    sheet_text(s, "request",
               (struct slice){h->id, strnlen(h->id, sizeof h->id)});
    sheet_text(s, "endpoint", slice_of(name));
}

static void show_present(const struct server_view *v, const struct index *x,
                         struct sheet *s)
{
    struct turn_holder h;

    sheet_heading(s, "The turn to write");
    sheet_table(s, "holder", "Nobody writes.");
    if (turnstile_holder(v->shared->turnstile, &h)) {
        sheet_row(s);
        show_holder(x, &h, s);
    }
    sheet_table_end(s);
}

/* ---- the slow ones ------------------------------------------------------- */

static void show_slow(const struct server_view *v, const struct index *x,
                      struct sheet *s)
{
    struct turn_holder slow[SHOWN];
    unsigned count = turnstile_slowest(v->shared->turnstile, slow, SHOWN);

    sheet_heading(s, "Longest turns of the last ten minutes");
    sheet_table(s, "slowest", "Nobody has held the others up of late.");
    for (unsigned i = 0; i < count; i++) {
        sheet_row(s);
        show_holder(x, &slow[i], s);
    }
    sheet_table_end(s);
}

/* ---- the whole ----------------------------------------------------------- */

void order_show_writers(const struct server_view *v, struct sheet *s)
{
    struct arena *arena = arena_new();
    const struct index *x = index_take(arena, v);
    unsigned tickets;
    uint64_t requests;

    turnstile_waiting(v->shared->turnstile, &tickets, &requests);
    sheet_text(s, "durability", slice_of(v->present->settings->durability));
    sheet_int(s, "workers_waiting", tickets);
    sheet_int(s, "writes_waiting", (int64_t)requests);
    show_present(v, x, s);
    show_slow(v, x, s);
    arena_free(arena);
}
