#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/alerts.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/settings/settings.h"
#include "common/vitals/perfline.h"
#include "common/vitals/perflog.h"
#include "common/vitals/sampler.h"
#include "master/spawn.h"

#include "master/lookout.h"

enum {
    MINUTE_MS = 60000,
    LINE_LEAST_MS = 1000, /* of an interval that a signal cut short */
};

struct lookout {
    const struct heritage *heritage;
    struct sampler *sampler;
    struct perflog *perflog; /* null: none is wanted */
    struct alerts alerts;
    struct board_system system;
    struct board_sample now;
    struct board_sample line_began; /* where the interval of a line begins */
};

/* ---- alerts --------------------------------------------------------------*/

/* A keeper that follows another goes on where that one was. */
static void recall_alerts(struct lookout *l)
{
    for (enum alert_kind kind = 0; kind < ALERTS; kind++)
        if (!board_alert(l->heritage->shared->board, kind, &l->alerts.at[kind]))
            l->alerts.at[kind] = (struct alert){0};
}

static void run_command(const struct app *app, enum alert_kind kind,
                        const struct alert *alert)
{
    struct arena *arena = arena_new();
    char *const env[] = {
        arena_format(arena, "PRONG_ALERT=%s", alert_name(kind)),
        arena_format(arena, "PRONG_ALERT_STATE=%s",
                     alert->active ? "rising" : "cleared"),
        arena_format(arena, "PRONG_ALERT_VALUE=%.3f", alert->value),
        arena_format(arena, "PRONG_ALERT_THRESHOLD=%g", alert->threshold),
        arena_format(arena, "PRONG_APP=%s", app->name),
        NULL,
    };

    if (!spawn_command(app->alerts.command, env))
        log_error("The alerts' command cannot be run: %s", strerror(errno));
    arena_free(arena);
}

static void tell(const struct lookout *l, enum alert_kind kind)
{
    const struct app *app = l->heritage->app;
    const struct alert *alert = &l->alerts.at[kind];
    char words[128];

    alerts_words(kind, alert, words, sizeof words);
    if (alert->active)
        log_warning("Alert: %s", words);
    else
        log_info("Alert cleared: %s", words);
    if (app->alerts.command)
        run_command(app, kind, alert);
}

/* A page that looks each second must not make an error rate small. */
static struct totals clients_of(const struct board_sample *s)
{
    struct totals clients = s->totals;

    totals_subtract(&clients, &s->operators);
    return clients;
}

static void judge_alerts(struct lookout *l)
{
    struct board *board = l->heritage->shared->board;
    struct alert_figure figures[ALERTS];
    struct totals minute = clients_of(&l->now);
    struct board_sample before;

    if (!board_sample(board, l->now.clock_ms, MINUTE_MS, &before))
        before = l->now;
    const struct totals then = clients_of(&before);
    totals_subtract(&minute, &then);
    alerts_figures(&minute, l->system.pss_kb, figures);
    unsigned turned = alerts_judge(&l->alerts, &l->heritage->app->alerts,
                                   figures, l->now.clock_ms, l->system.wall_ms);
    for (enum alert_kind kind = 0; kind < ALERTS; kind++) {
        board_put_alert(board, kind, &l->alerts.at[kind]);
        if (turned & 1U << kind)
            tell(l, kind);
    }
}

/* ---- performance.jsonl ---------------------------------------------------*/

static void count_workers(const struct lookout *l, struct perfline *line)
{
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        const struct slot *slot = &l->heritage->shared->slots[i];
        if (atomic_load_explicit(&slot->pid, memory_order_relaxed) == 0)
            continue;
        line->workers += atomic_load(&slot->ready) != 0;
        line->connections +=
            atomic_load_explicit(&slot->connections, memory_order_relaxed);
    }
}

static void write_line(struct lookout *l)
{
    struct buf text = {0};
    struct perfline line = {
        .wall_ms = l->system.wall_ms,
        .took_ms = l->now.clock_ms - l->line_began.clock_ms,
        .spent = l->now.totals,
        .pss_kb = l->system.pss_kb,
        .cpu_percent = l->system.cpu_percent,
        .alerts = l->alerts.at,
    };

    totals_subtract(&line.spent, &l->line_began.totals);
    count_workers(l, &line);
    perfline_write(&text, &line);
    perflog_write(l->perflog, buf_view(&text));
    buf_free(&text);
    l->line_began = l->now;
}

/* ---- samples -------------------------------------------------------------*/

static void take_sample(struct lookout *l)
{
    uint64_t clock_ms = loop_clock_ms();

    sampler_system(l->sampler, clock_ms, &l->system);
    sampler_counters(l->sampler, clock_ms, &l->now);
}

void lookout_sample(struct lookout *l)
{
    struct board *board = l->heritage->shared->board;

    take_sample(l);
    board_put_system(board, &l->system);
    board_put_sample(board, &l->now);
    judge_alerts(l);
}

/* Its figures are of its own moment, and not put up: samples on the board lie
 * an interval apart. */
void lookout_line(struct lookout *l)
{
    if (l->perflog == NULL)
        return;
    take_sample(l);
    write_line(l);
}

void lookout_reopen(struct lookout *l)
{
    perflog_reopen(l->perflog);
}

/* ---- its life ------------------------------------------------------------*/

struct lookout *lookout_new(const struct heritage *h)
{
    const struct settings *s = h->settings;
    struct lookout *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    l->heritage = h;
    l->sampler = sampler_new(h->shared, heritage_database(h));
    l->perflog = perflog_open(s->performance_log, s->performance_log_size,
                              s->performance_log_count);
    recall_alerts(l);
    sampler_counters(l->sampler, loop_clock_ms(), &l->line_began);
    return l;
}

void lookout_free(struct lookout *l)
{
    if (l == NULL)
        return;
    if (loop_clock_ms() - l->line_began.clock_ms >= LINE_LEAST_MS)
        lookout_line(l);
    perflog_close(l->perflog);
    sampler_free(l->sampler);
    free(l);
}
