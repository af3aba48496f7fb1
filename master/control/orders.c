#include <signal.h>

#include "common/log.h"
#include "master/control/console.h"
#include "master/staffing.h"
#include "master/supervisor_private.h"
#include "master/upgrade.h"

#include "master/control/orders.h"

unsigned orders_reload(struct supervisor *s)
{
    struct reload *r = &s->generations;

    r->asked = true;
    /* One that is under way ends first. */
    return r->news.over + 1 + (r->candidate != NULL);
}

/* The master first: it may have to give the new file to the others. */
void orders_reopen(struct supervisor *s)
{
    reload_adopt(&s->generations);
    crew_signal(s->crew, SIGUSR1);
}

int64_t orders_scale(struct supervisor *s, int64_t more)
{
    const struct era *e = s->generations.present;
    struct scaling_limits limits = scaling_limits(e->is.settings);

    /* After WINCH it is 0, and one fewer is no wish for one. */
    if (e->wanted > 0 || more > 0)
        staffing_want(&s->generations, scaling_clip(&limits, e->wanted + more));
    scaling_disturbed(&s->scaling);
    return e->wanted;
}

static void begin_stop(struct supervisor *s)
{
    reload_drop(&s->generations);
    /* Ours are closed first: once the workers have emptied the backlog and
     * closed theirs, a new connection is refused, not left hanging. */
    reload_close_listeners(&s->generations);
    crew_retire_all(s->crew);
}

void orders_stop(struct supervisor *s, enum stop how)
{
    if (how <= s->stop)
        return;
    if (s->stop == STOP_NOT)
        begin_stop(s);
    else
        log_info("Quick shutdown requested");
    if (how == STOP_QUICK)
        crew_hurry(s->crew);
    s->stop = how;
}

bool orders_upgrade(struct supervisor *s, struct fault *fault)
{
    return succession_start(s, fault);
}

bool orders_replace(struct supervisor *s, pid_t pid)
{
    return crew_replace(s->crew, pid);
}

enum stop orders_stopping(const struct supervisor *s)
{
    return s->stop;
}

bool orders_reloading(const struct supervisor *s)
{
    return s->generations.asked || s->generations.candidate;
}

const struct reload_news *orders_reload_news(const struct supervisor *s)
{
    return &s->generations.news;
}

pid_t orders_former(const struct supervisor *s)
{
    const struct upgrade *u = s->config->upgrade;

    return upgrade_is_second(u) ? upgrade_former(u) : 0;
}

bool orders_gone(const struct supervisor *s)
{
    return s->stop != STOP_NOT && crew_is_gone(s->crew);
}

pid_t orders_successor(const struct supervisor *s)
{
    return upgrade_successor(s->config->upgrade);
}

bool orders_successor_ready(const struct supervisor *s)
{
    return upgrade_successor_ready(s->config->upgrade);
}

const char *orders_successor_failure(const struct supervisor *s)
{
    return upgrade_failure(s->config->upgrade);
}

int orders_control_socket(const struct supervisor *s, const char **path)
{
    return console_socket(s->console, path);
}

void orders_promote_control(const struct supervisor *s)
{
    console_promote(s->console);
}

bool orders_inherit_control(const struct supervisor *s,
                            struct unixsocket *socket, const char **path)
{
    return upgrade_control(s->config->upgrade, socket, path);
}

bool orders_passes_control_on(const struct supervisor *s)
{
    return upgrade_successor_listens(s->config->upgrade);
}

int64_t orders_wanted(const struct supervisor *s)
{
    return s->generations.present->wanted;
}

const struct generation *orders_present(const struct supervisor *s)
{
    return &s->generations.present->is;
}

bool orders_load(const struct supervisor *s, struct generation *out,
                 struct fault *fault)
{
    return s->config->reload(s->config->self, out, fault);
}

void orders_release(const struct supervisor *s, struct generation *g)
{
    s->config->release(s->config->self, g);
}

size_t orders_hands(const struct supervisor *s, struct hand_view *out,
                    size_t most)
{
    return crew_view(s->crew, out, most);
}

struct loop *orders_loop(const struct supervisor *s)
{
    return s->loop;
}

const struct shared *orders_shared(const struct supervisor *s)
{
    return s->config->shared;
}

const struct bells *orders_bells(const struct supervisor *s)
{
    return s->bells;
}
