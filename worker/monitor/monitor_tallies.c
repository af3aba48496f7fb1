#include <stdlib.h>
#include <string.h>

#include "common/app/routes.h"
#include "common/segment/names.h"

#include "worker/monitor/monitor_private.h"

/* While they are gathered. */
struct gathering {
    struct tallies *t;
    const struct monitor *m;
    /* What was counted under a number, until it has its name: an app may
     * answer a path of the server's own, which is one route, not two. */
    struct tally *nameless[NAMES_MAX];
};

static void on_cell(void *self, unsigned slot, unsigned route,
                    const struct metrics_cell *cell)
{
    struct gathering *g = self;
    struct tally *t = g->nameless[route];

    if (cell_is_idle(cell))
        return;
    if (t == NULL)
        t = g->nameless[route] = arena_alloc(g->t->arena, sizeof *t);
    uint64_t before = totals_requests(&t->totals);
    totals_add_cell(&t->totals, cell);
    g->t->requests[slot] += totals_requests(&t->totals) - before;
}

static void sum_up(struct gathering *g)
{
    for (size_t i = 0; i < NAMES_MAX; i++)
        if (g->nameless[i])
            totals_add(&g->t->all, &g->nameless[i]->totals);
}

/* Gives what was counted under that number its name. */
static void list(struct gathering *g, unsigned number, const char *name,
                 const char *method, const char *path)
{
    struct tallies *t = g->t;
    struct tally *route = g->nameless[number];

    g->nameless[number] = NULL;
    if (route == NULL || totals_requests(&route->totals) == 0)
        return;
    route->name = name;
    route->method = method;
    route->path = path;
    t->at = arena_grow(t->arena, t->at, t->count, sizeof(void *));
    t->at[t->count++] = route;
}

static void list_endpoint(struct gathering *g, const struct endpoint *e)
{
    const char *method = method_name(e->method);

    list(g, names_route(g->m->shared->names, method, e->path),
         arena_format(g->t->arena, "%s %s", method, e->path), method, e->path);
}

static void list_own(struct gathering *g, const struct own *own)
{
    list(g, names_number(g->m->shared->names, slice_of(own->name)), own->name,
         own->path ? method_name(own->method) : "_OTHER",
         own->path ? own->path : own->name);
}

static int busier(const void *a, const void *b)
{
    const struct tally *x = *(struct tally *const *)a;
    const struct tally *y = *(struct tally *const *)b;
    uint64_t of_x = totals_requests(&x->totals);
    uint64_t of_y = totals_requests(&y->totals);

    return of_x == of_y ? strcmp(x->name, y->name) : of_x < of_y ? 1 : -1;
}

/* What found no room in names shares one number, so its name comes first. */
void tallies_take(struct tallies *t, const struct monitor *m)
{
    struct gathering g = {.t = t, .m = m};

    *t = (struct tallies){.arena = arena_new()};
    metrics_each(m->shared->metrics, on_cell, &g);
    sum_up(&g);
    list(&g, NAMES_REST, "other", "_OTHER", "other");
    for (size_t i = 0; i < m->app->endpoint_count; i++)
        list_endpoint(&g, &m->app->endpoints[i]);
    for (size_t i = 0; i < OWN_ROUTES; i++)
        list_own(&g, &own_routes[i]);
    if (t->count > 0)
        qsort(t->at, t->count, sizeof(void *), busier);
}

void tallies_free(struct tallies *t)
{
    arena_free(t->arena);
}
