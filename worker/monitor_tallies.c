#include <stdlib.h>
#include <string.h>

#include "common/routes.h"

#include "worker/monitor_private.h"

/* While they are gathered. */
struct gathering {
    struct tallies *t;
    const struct monitor *m;
    /* Numbers that were added up: an app may answer a path of the server's
     * own, and what found no room in names shares one number. */
    bool seen[NAMES_MAX];
};

static void gather(struct gathering *g, const struct tally *route,
                   unsigned number)
{
    struct tallies *t = g->t;
    struct totals totals;

    if (g->seen[number])
        return;
    g->seen[number] = true;
    metrics_sum(g->m->shared->metrics, METRICS_ALL, (int)number, &totals);
    if (totals_requests(&totals) == 0)
        return;
    t->at = arena_grow(t->arena, t->at, t->count, sizeof(void *));
    t->at[t->count] = arena_alloc(t->arena, sizeof *route);
    *t->at[t->count] = *route;
    t->at[t->count++]->totals = totals;
}

static void gather_endpoint(struct gathering *g, const struct endpoint *e)
{
    const char *method = method_name(e->method);
    const char *name = arena_format(g->t->arena, "%s %s", method, e->path);
    const struct tally route = {
        .name = name, .method = method, .path = e->path};

    gather(g, &route, names_number(g->m->shared->names, slice_of(name)));
}

static void gather_own(struct gathering *g, const struct own *own)
{
    const struct tally route = {
        .name = own->name,
        .method = own->path ? method_name(own->method) : "_OTHER",
        .path = own->path ? own->path : own->name,
    };

    gather(g, &route, names_number(g->m->shared->names, slice_of(own->name)));
}

static int busier(const void *a, const void *b)
{
    const struct tally *x = *(struct tally *const *)a;
    const struct tally *y = *(struct tally *const *)b;
    uint64_t of_x = totals_requests(&x->totals);
    uint64_t of_y = totals_requests(&y->totals);

    return of_x == of_y ? strcmp(x->name, y->name) : of_x < of_y ? 1 : -1;
}

void tallies_take(struct tallies *t, const struct monitor *m)
{
    static const struct tally rest = {
        .name = "other", .method = "_OTHER", .path = "other"};
    struct gathering g = {.t = t, .m = m, .seen = {[NAMES_REST] = true}};

    *t = (struct tallies){.arena = arena_new()};
    for (size_t i = 0; i < m->app->endpoint_count; i++)
        gather_endpoint(&g, &m->app->endpoints[i]);
    for (size_t i = 0; i < OWN_ROUTES; i++)
        gather_own(&g, &own_routes[i]);
    g.seen[NAMES_REST] = false;
    gather(&g, &rest, NAMES_REST);
    if (t->count > 0)
        qsort(t->at, t->count, sizeof(void *), busier);
}

void tallies_free(struct tallies *t)
{
    arena_free(t->arena);
}
