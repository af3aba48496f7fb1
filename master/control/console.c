#include <stdlib.h>

#include "common/app/app.h"
#include "common/segment/cache.h"
#include "common/segment/shared.h"
#include "common/settings/settings.h"
#include "master/control/control.h"
#include "master/control/control_socket.h"
#include "master/control/order_act.h"
#include "master/control/order_changes.h"
#include "master/control/order_server.h"
#include "master/control/order_show.h"
#include "master/control/order_writers.h"
#include "master/control/orders.h"

#include "master/control/console.h"

enum { LOOK_MS = 1000 };

struct console {
    struct supervisor *supervisor;
    struct control *control;
    struct busy busy;
    struct arena *arena;
    const char *path; /* of the socket; null: there is none */
    mode_t mode;
    uint64_t look_ms; /* when to look after it again */
};

/* ---- looking ------------------------------------------------------------- */

static const char *state_of(const struct supervisor *s)
{
    if (orders_stopping(s) != STOP_NOT)
        return "stopping";
    if (orders_reloading(s))
        return "reloading";
    return orders_wanted(s) > 0 ? "serving" : "without workers";
}

static void view(const struct console *c, struct server_view *v)
{
    const struct supervisor *s = c->supervisor;

    v->shared = orders_shared(s);
    v->present = orders_present(s);
    v->busy = &c->busy;
    v->hand_count =
        orders_hands(s, v->hands, sizeof v->hands / sizeof *v->hands);
    v->wanted = orders_wanted(s);
    v->state = state_of(s);
}

static void (*const shows[ORDERS])(const struct server_view *v,
                                   struct sheet *s) = {
    [ORDER_STATUS] = order_show_status,
    [ORDER_WORKERS] = order_show_workers,
    [ORDER_REQUESTS] = order_show_requests,
    [ORDER_WRITERS] = order_show_writers,
};

static bool show_changes(const struct console *c, const struct order *o,
                         struct control_call *call)
{
    const struct supervisor *s = c->supervisor;
    const struct cache *cache = orders_shared(s)->cache;
    struct cache_stats stats = {.entries = 0};
    struct generation next = {.settings = NULL};
    struct fault fault;
    struct sheet sheet;

    if (!orders_load(s, &next, &fault))
        return order_refuse(call, "%s", fault.text);
    if (cache)
        cache_stats(cache, &stats);
    sheet_begin(&sheet, call->body, o->json);
    order_show_changes(orders_present(s), &next, stats.entries, &sheet);
    sheet_end(&sheet);
    orders_release(s, &next);
    return true;
}

static bool show(const struct console *c, const struct order *o,
                 struct control_call *call)
{
    struct server_view v;
    struct sheet s;

    if (o->verb == ORDER_CHANGES)
        return show_changes(c, o, call);
    view(c, &v);
    if (o->verb == ORDER_TOP) {
        order_show_top(&v, call->body);
        return true;
    }
    sheet_begin(&s, call->body, o->json);
    shows[o->verb](&v, &s);
    sheet_end(&s);
    return true;
}

/* ---- answering ----------------------------------------------------------- */

static bool answer(void *self, struct control_call *call, bool late)
{
    struct console *c = self;
    struct order o;
    struct fault fault;

    if (!order_read(call->line, &o, &fault))
        return order_refuse(call, "%s", fault.text);
    if (call->memo)
        return order_end(c->supervisor, &o, call, late);
    return order_acts(o.verb) ? order_act(c->supervisor, &o, call)
                              : show(c, &o, call);
}

/* ---- turns --------------------------------------------------------------- */

void console_turn(struct console *c)
{
    uint64_t now_ms = loop_clock_ms();

    if (c == NULL)
        return;
    busy_note(&c->busy, orders_shared(c->supervisor)->slots, loop_clock_ns());
    if (now_ms >= c->look_ms) {
        c->look_ms = now_ms + LOOK_MS;
        control_use(c->control, c->path, c->mode);
    }
    control_tend(c->control);
}

uint64_t console_next_ms(const struct console *c)
{
    return c ? control_next_ms(c->control) : UINT64_MAX;
}

/* Settings and database that say where are for the life of the master. */
static void choose_path(struct console *c)
{
    const struct generation *g = orders_present(c->supervisor);
    const struct settings *s = g->settings;
    const char *database = g->app ? g->app->database : NULL;

    if (s->no_control_socket || (s->control_socket == NULL && database == NULL))
        return;
    c->path = arena_text(c->arena, slice_of(control_socket_path(
                                       c->arena, s->control_socket, database)));
    c->mode = (mode_t)s->control_socket_mode;
}

void console_promote(struct console *c)
{
    if (c)
        control_promote(c->control, c->path, c->mode);
}

/* Taken by one that wants none, too: its file is to go with the former master.
 * One that was killed on the way has left it to us at once. */
static void inherit(struct console *c)
{
    struct unixsocket socket;
    const char *path;

    if (!orders_inherit_control(c->supervisor, &socket, &path))
        return;
    control_inherit(c->control, &socket, path);
    if (orders_former(c->supervisor) == 0)
        console_promote(c);
}

int console_socket(const struct console *c, const char **path)
{
    *path = NULL;
    return c ? control_socket_of(c->control, path) : -1;
}

struct console *console_new(struct supervisor *s)
{
    struct console *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->supervisor = s;
    c->arena = arena_new();
    c->control = control_new(orders_loop(s), answer, c);
    if (c->control) {
        control_follow(c->control, orders_former(s));
        choose_path(c);
        inherit(c);
        return c;
    }
    console_free(c);
    return NULL;
}

void console_free(struct console *c)
{
    if (c == NULL)
        return;
    if (orders_passes_control_on(c->supervisor))
        control_pass_on(c->control);
    control_free(c->control);
    arena_free(c->arena);
    free(c);
}
