#include <stdio.h>

#include "common/app/alerts.h"

static const struct {
    const char *unit;
    bool below; /* is what it should not be, rather than above */
    bool idle;  /* judged without traffic */
} TRAITS[ALERTS] = {
    [ALERT_RESPONSE_TIME] = {.unit = "ms"},
    [ALERT_DB_QUERY_TIME] = {.unit = "ms"},
    [ALERT_MEMORY_USAGE] = {.unit = "MB", .idle = true},
    [ALERT_CACHE_HIT_RATE] = {.unit = "%", .below = true},
    [ALERT_ERROR_RATE] = {.unit = "%"},
};

static double threshold_of(const struct alert_rules *rules,
                           enum alert_kind kind)
{
    switch (kind) {
    case ALERT_RESPONSE_TIME: return rules->response_time;
    case ALERT_DB_QUERY_TIME: return rules->db_query_time;
    case ALERT_MEMORY_USAGE: return rules->memory_usage;
    case ALERT_CACHE_HIT_RATE: return rules->cache_hit_rate;
    case ALERT_ERROR_RATE: return rules->error_rate;
    case ALERTS: break;
    }
    return 0;
}

static struct alert_figure mean_ms(const struct distribution *d)
{
    double total_ms = (double)d->sum_ns / 1e6;

    return (struct alert_figure){
        .value = d->count > 0 ? total_ms / (double)d->count : 0,
        .count = d->count,
    };
}

void alerts_figures(const struct totals *minute, uint64_t pss_kb,
                    struct alert_figure out[ALERTS])
{
    out[ALERT_RESPONSE_TIME] = mean_ms(&minute->request);
    out[ALERT_DB_QUERY_TIME] = mean_ms(&minute->sql);
    out[ALERT_MEMORY_USAGE] =
        (struct alert_figure){.value = (double)pss_kb / 1024};
    out[ALERT_CACHE_HIT_RATE] = (struct alert_figure){totals_hit_rate(minute),
                                                      totals_cacheable(minute)};
    out[ALERT_ERROR_RATE] = (struct alert_figure){totals_error_rate(minute),
                                                  totals_requests(minute)};
}

/* ---- judging ---- */

static bool beyond(enum alert_kind kind, double threshold,
                   const struct alert_figure *figure)
{
    if (threshold <= 0 || (figure->count == 0 && !TRAITS[kind].idle))
        return false;
    return TRAITS[kind].below ? figure->value < threshold
                              : figure->value > threshold;
}

/* What it would be now, if nothing had to last. */
static bool wanted(enum alert_kind kind, const struct alert *alert,
                   const struct alert_rules *rules,
                   const struct alert_figure *figure)
{
    bool enough =
        TRAITS[kind].idle || figure->count >= (uint64_t)rules->min_requests;

    return beyond(kind, alert->threshold, figure) && (alert->active || enough);
}

/* Has it been another than it stands for long enough? What is switched off
 * clears at once. */
static bool turns(struct alerts *a, enum alert_kind kind,
                  const struct alert_rules *rules, uint64_t clock_ms)
{
    if (!a->turning[kind].on) {
        a->turning[kind].on = true;
        a->turning[kind].since_ms = clock_ms;
    }
    return a->at[kind].threshold <= 0 ||
           clock_ms - a->turning[kind].since_ms >= (uint64_t)rules->hold_ms;
}

static void turn(struct alerts *a, enum alert_kind kind, int64_t wall_ms)
{
    struct alert *alert = &a->at[kind];

    a->turning[kind].on = false;
    alert->active = !alert->active;
    alert->since_ms = wall_ms;
    if (alert->active)
        alert->rises++;
}

unsigned alerts_judge(struct alerts *a, const struct alert_rules *rules,
                      const struct alert_figure figures[ALERTS],
                      uint64_t clock_ms, int64_t wall_ms)
{
    unsigned turned = 0;

    for (enum alert_kind kind = 0; kind < ALERTS; kind++) {
        struct alert *alert = &a->at[kind];

        alert->threshold = threshold_of(rules, kind);
        alert->value = figures[kind].value;
        if (wanted(kind, alert, rules, &figures[kind]) == alert->active) {
            a->turning[kind].on = false;
        } else if (turns(a, kind, rules, clock_ms)) {
            turn(a, kind, wall_ms);
            turned |= 1U << kind;
        }
    }
    return turned;
}

/* ---- words ---- */

void alerts_words(enum alert_kind kind, const struct alert *alert, char *room,
                  size_t size)
{
    const char *unit = TRAITS[kind].unit;

    if (alert->threshold <= 0)
        (void)snprintf(room, size, "%s is switched off", alert_name(kind));
    else
        (void)snprintf(room, size, "%s %.*f %s is %s%s %g %s", alert_name(kind),
                       alert->value < 10 ? 2 : 1, alert->value, unit,
                       alert->active ? "" : "no longer ",
                       TRAITS[kind].below ? "below" : "above", alert->threshold,
                       unit);
}
