#include <stdio.h>

#include "common/loop.h"
#include "common/segment/board.h"
#include "common/segment/cache.h"
#include "common/segment/crowd.h"

#include "worker/monitor/monitor_private.h"

/* ---- what is said of a server, a minute and an endpoint alike ------------*/

static double per_request(uint64_t n, uint64_t requests)
{
    return requests ? (double)n / (double)requests : 0;
}

static void add_figures(struct jsonout *j, const struct totals *t)
{
    uint64_t requests = totals_requests(t);

    jsonout_int(j, "requests", (int64_t)requests);
    jsonout_int(j, "errors", (int64_t)t->counters[COUNT_5XX]);
    jsonout_real(j, "error_rate", totals_error_rate(t), 3);
    monitor_times(j, "response_time", &t->request);
    monitor_times(j, "db_query_time", &t->sql);
    jsonout_real(j, "queries_per_request",
                 per_request(t->counters[COUNT_QUERIES], requests), 3);
    jsonout_int(j, "rows", (int64_t)t->counters[COUNT_ROWS]);
    jsonout_int(j, "not_modified", (int64_t)t->counters[COUNT_NOT_MODIFIED]);
}

static void add_status(struct jsonout *j, const struct totals *t)
{
    static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};

    jsonout_open(j, "status", '{');
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        jsonout_int(j, classes[i], (int64_t)t->counters[COUNT_1XX + i]);
    jsonout_close(j, '}');
}

/* {"200":…,"404":…}: what occurred. */
static void add_codes(const struct monitor *m, struct jsonout *j)
{
    uint64_t codes[STATUS_CODES];
    char name[sizeof "404"];

    metrics_sum_codes(m->shared->metrics, codes);
    jsonout_open(j, "by_status", '{');
    for (unsigned i = 0; i < STATUS_CODES; i++) {
        if (codes[i] == 0)
            continue;
        snprintf(name, sizeof name, "%u", STATUS_FIRST + i);
        jsonout_int(j, name, (int64_t)codes[i]);
    }
    jsonout_close(j, '}');
}

static void add_errors(struct jsonout *j, const struct totals *t)
{
    jsonout_open(j, "errors_by_kind", '{');
    for (unsigned c = COUNT_ERROR_DEADLINE; c <= COUNT_ERROR_OTHER; c++)
        jsonout_int(j, counter_error_name(c), (int64_t)t->counters[c]);
    jsonout_close(j, '}');
}

static void add_refusals(struct jsonout *j, const struct totals *t)
{
    jsonout_int(j, "wrong_tokens", (int64_t)t->counters[COUNT_WRONG_TOKENS]);
    jsonout_open(j, "refused_by_limit", '{');
    for (unsigned c = COUNT_REFUSED_RATE; c <= COUNT_REFUSED_WRITES; c++)
        jsonout_int(j, counter_refusal_name(c), (int64_t)t->counters[c]);
    jsonout_close(j, '}');
}

/* The rest of what is said of a server and of a minute. */
static void add_traffic(struct jsonout *j, const struct totals *t)
{
    add_status(j, t);
    add_errors(j, t);
    add_refusals(j, t);
    jsonout_int(j, "bytes_in", (int64_t)t->counters[COUNT_BYTES_IN]);
    jsonout_int(j, "bytes_out", (int64_t)t->counters[COUNT_BYTES_OUT]);
    jsonout_int(j, "compressed", (int64_t)t->counters[COUNT_COMPRESSED]);
}

/* ---- the parts of the page -----------------------------------------------*/

static void add_cache(const struct monitor *m, struct jsonout *j,
                      const struct totals *t)
{
    struct cache_stats stats = {0};

    if (m->shared->cache)
        cache_stats(m->shared->cache, &stats);
    jsonout_open(j, "cache_stats", '{');
    monitor_outcomes(j, t);
    jsonout_int(j, "entries", (int64_t)stats.entries);
    jsonout_int(j, "bytes", (int64_t)stats.bytes);
    jsonout_int(j, "size", (int64_t)stats.size);
    jsonout_int(j, "evictions", (int64_t)stats.evictions);
    jsonout_close(j, '}');
}

static void add_minute(struct jsonout *j, const struct totals *t,
                       double seconds)
{
    jsonout_open(j, "last_minute", '{');
    jsonout_real(j, "seconds", seconds, 1);
    add_figures(j, t);
    add_traffic(j, t);
    jsonout_open(j, "cache_stats", '{');
    monitor_outcomes(j, t);
    jsonout_close(j, '}');
    jsonout_close(j, '}');
}

static void add_crew(const struct monitor *m, struct jsonout *j)
{
    struct crew crew;

    monitor_crew(m, &crew);
    jsonout_real(j, "memory_usage", monitor_mb(crew.pss_kb), 1);
    jsonout_int(j, "connections", (int64_t)crew.connections);
    jsonout_int(j, "backlog", crew.backlog);
    jsonout_int(j, "connections_refused",
                (int64_t)(crowd_refused(m->shared->crowd, CROWD_ADDRESS) +
                          crowd_refused(m->shared->crowd, CROWD_ALL)));
    jsonout_int(j, "connections_unread",
                (int64_t)crowd_ended_unread(m->shared->crowd));
    jsonout_int(j, "unsent_bytes", (int64_t)crowd_unsent(m->shared->crowd));
}

static void add_endpoints(struct jsonout *j, const struct tallies *tallies)
{
    jsonout_open(j, "endpoints", '[');
    for (size_t i = 0; i < tallies->count; i++) {
        const struct totals *t = &tallies->at[i]->totals;
        jsonout_open(j, NULL, '{');
        jsonout_text(j, "endpoint", slice_of(tallies->at[i]->name));
        add_figures(j, t);
        jsonout_int(j, "bytes", (int64_t)t->counters[COUNT_BYTES_OUT]);
        jsonout_open(j, "cache", '{');
        monitor_outcomes(j, t);
        jsonout_close(j, '}');
        jsonout_close(j, '}');
    }
    jsonout_close(j, ']');
}

static void add_alerts(const struct monitor *m, struct jsonout *j)
{
    struct alert a;

    jsonout_open(j, "alerts", '[');
    for (unsigned kind = 0; kind < ALERTS; kind++) {
        if (!board_alert(m->shared->board, kind, &a) || !a.active)
            continue;
        jsonout_open(j, NULL, '{');
        jsonout_text(j, "alert", slice_of(alert_name(kind)));
        jsonout_real(j, "value", a.value, 3);
        jsonout_real(j, "threshold", a.threshold, 3);
        jsonout_time(j, "since", a.since_ms);
        jsonout_close(j, '}');
    }
    jsonout_close(j, ']');
}

static void add_pid(const struct monitor *m, struct jsonout *j,
                    const char *name, size_t slot)
{
    int32_t pid = monitor_pid(m, slot);

    if (pid)
        jsonout_int(j, name, pid);
    else
        jsonout_null(j, name);
}

/* A second at least, so that the first request of all is not a thousand a
 * second. */
static double rate(const struct totals *t, double seconds)
{
    return (double)totals_requests(t) / (seconds > 1 ? seconds : 1);
}

void monitor_metrics(const struct monitor *m, struct call *call)
{
    struct jsonout j = monitor_begin(call);
    struct tallies tallies;
    struct totals minute;

    tallies_take(&tallies, m);
    double seconds = monitor_minute(m, &tallies.all, &minute);
    jsonout_time(&j, "time", loop_wall_ms());
    jsonout_int(&j, "uptime_seconds", monitor_age(monitor_born_ms(m)));
    jsonout_real(&j, "requests_per_second", rate(&minute, seconds), 2);
    add_figures(&j, &tallies.all);
    add_cache(m, &j, &tallies.all);
    add_crew(m, &j);
    add_traffic(&j, &tallies.all);
    add_codes(m, &j);
    add_minute(&j, &minute, seconds);
    add_endpoints(&j, &tallies);
    monitor_workers(m, &j);
    add_alerts(m, &j);
    add_pid(m, &j, "master", SLOT_MASTER);
    add_pid(m, &j, "keeper", SLOT_KEEPER);
    monitor_end(&j);
    tallies_free(&tallies);
}
