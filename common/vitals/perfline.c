#include "common/jsonout.h"

#include "common/vitals/perfline.h"

static void add_ms(struct jsonout *j, const char *name, uint64_t ns)
{
    jsonout_real(j, name, (double)ns / 1e6, 3);
}

/* The maximum of an interval is not kept: it is read from the buckets. */
static void add_times(struct jsonout *j, const char *name,
                      const struct distribution *d, bool whole)
{
    jsonout_open(j, name, '{');
    add_ms(j, "avg", distribution_mean(d));
    if (whole)
        add_ms(j, "p50", distribution_quantile(d, 0.50));
    add_ms(j, "p95", distribution_quantile(d, 0.95));
    add_ms(j, "p99", distribution_quantile(d, 0.99));
    if (whole)
        add_ms(j, "max", distribution_quantile(d, 1));
    jsonout_close(j, '}');
}

static double ratio(uint64_t a, uint64_t b)
{
    return b > 0 ? (double)a / (double)b : 0;
}

static void add_traffic(struct jsonout *j, const struct perfline *line)
{
    const struct totals *spent = &line->spent;
    uint64_t requests = totals_requests(spent);

    jsonout_int(j, "requests", (int64_t)requests);
    jsonout_real(j, "requests_per_second",
                 ratio(requests, line->took_ms) * 1000, 2);
    add_times(j, "response_time", &spent->request, true);
    add_times(j, "db_query_time", &spent->sql, false);
    jsonout_real(j, "queries_per_request",
                 ratio(spent->counters[COUNT_QUERIES], requests), 2);
    jsonout_real(j, "error_rate", totals_error_rate(spent), 2);
    jsonout_real(j, "cache_hit_rate", totals_hit_rate(spent), 2);
}

static void add_alerts(struct jsonout *j, const struct alert *alerts)
{
    jsonout_open(j, "alerts", '[');
    for (enum alert_kind kind = 0; kind < ALERTS; kind++)
        if (alerts[kind].active)
            jsonout_text(j, NULL, slice_of(alert_name(kind)));
    jsonout_close(j, ']');
}

void perfline_write(struct buf *out, const struct perfline *line)
{
    struct jsonout j = {.out = out};

    jsonout_open(&j, NULL, '{');
    jsonout_time(&j, "time", line->wall_ms);
    jsonout_real(&j, "interval_s", (double)line->took_ms / 1000, 1);
    add_traffic(&j, line);
    jsonout_real(&j, "memory_usage", (double)line->pss_kb / 1024, 1);
    jsonout_real(&j, "cpu_percent", line->cpu_percent, 1);
    jsonout_int(&j, "connections", (int64_t)line->connections);
    jsonout_int(&j, "workers", line->workers);
    add_alerts(&j, line->alerts);
    jsonout_close(&j, '}');
    buf_byte(out, '\n');
}
