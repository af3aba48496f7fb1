#include <assert.h>
#include <stdio.h>

#include "worker/monitor/monitor_scrape.h"

/* OpenTelemetry's bounds begin at 5 ms (1 ms for databases). Most answers
 * here take microseconds, so there are finer ones below. A bucket's edge is
 * that of the histogram's own, 3 % off at most. */
static const struct bound request_bounds[] = {
    {"0.0001", 100000},  {"0.00025", 250000}, {"0.0005", 500000},
    {"0.001", 1000000},  {"0.0025", 2500000}, {"0.005", 5000000},
    {"0.01", 10000000},  {"0.025", 25000000}, {"0.05", 50000000},
    {"0.075", 75000000}, {"0.1", 100000000},  {"0.25", 250000000},
    {"0.5", 500000000},  {"0.75", 750000000}, {"1", 1000000000},
    {"2.5", 2500000000}, {"5", 5000000000},   {"7.5", 7500000000},
    {"10", 10000000000}, {NULL, 0},
};

const struct bound scrape_sql_bounds[] = {
    {"0.00001", 10000}, {"0.000025", 25000}, {"0.00005", 50000},
    {"0.0001", 100000}, {"0.00025", 250000}, {"0.0005", 500000},
    {"0.001", 1000000}, {"0.005", 5000000},  {"0.01", 10000000},
    {"0.05", 50000000}, {"0.1", 100000000},  {"0.5", 500000000},
    {"1", 1000000000},  {"5", 5000000000},   {"10", 10000000000},
    {NULL, 0},
};

enum { ROUTE_LABELS = 2 };

static void label_route(struct label *labels, const struct tally *t)
{
    labels[0] = (struct label){"http_request_method", t->method};
    labels[1] = (struct label){"http_route", t->path};
}

static void add_durations(struct scrape *g)
{
    struct label labels[ROUTE_LABELS];

    promtext_family(&g->p, "http_server_request_duration_seconds", "histogram",
                    "From the complete request to its answer handed over.");
    for (size_t i = 0; i < g->tallies.count; i++) {
        const struct tally *t = g->tallies.at[i];
        label_route(labels, t);
        promtext_histogram(&g->p, labels, ROUTE_LABELS, request_bounds,
                           &t->totals.request);
    }
}

static void add_requests(struct scrape *g)
{
    static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    struct label labels[ROUTE_LABELS + 1];

    promtext_family(&g->p, "http_server_requests_total", "counter",
                    "Requests answered.");
    for (size_t i = 0; i < g->tallies.count; i++) {
        const struct tally *t = g->tallies.at[i];
        label_route(labels, t);
        for (size_t c = 0; c < sizeof classes / sizeof *classes; c++) {
            uint64_t n = t->totals.counters[COUNT_1XX + c];
            labels[ROUTE_LABELS] =
                (struct label){"http_response_status_class", classes[c]};
            if (n > 0)
                promtext_int(&g->p, labels, ROUTE_LABELS + 1, n);
        }
    }
}

/* Of the whole server: there is one table for a worker, not for a route. */
static void add_codes(struct scrape *g)
{
    uint64_t codes[STATUS_CODES];
    char code[sizeof "404"];
    const struct label label = {"http_response_status_code", code};

    metrics_sum_codes(g->m->shared->metrics, codes);
    promtext_family(&g->p, "prong_responses_total", "counter",
                    "Answers by their exact status.");
    for (unsigned i = 0; i < STATUS_CODES; i++) {
        if (codes[i] == 0)
            continue;
        snprintf(code, sizeof code, "%u", STATUS_FIRST + i);
        promtext_int(&g->p, &label, 1, codes[i]);
    }
}

static void add_sql(struct scrape *g)
{
    struct label labels[ROUTE_LABELS + 1] = {
        [ROUTE_LABELS] = {"db_system_name", "sqlite"}};

    promtext_family(&g->p, "db_client_operation_duration_seconds", "histogram",
                    "SQL statements, one by one.");
    for (size_t i = 0; i < g->tallies.count; i++) {
        const struct tally *t = g->tallies.at[i];
        label_route(labels, t);
        if (t->totals.sql.count > 0)
            promtext_histogram(&g->p, labels, ROUTE_LABELS + 1,
                               scrape_sql_bounds, &t->totals.sql);
    }
}

static_assert(COUNT_CACHE_EXPIRED - COUNT_CACHE_HIT ==
                  CACHE_EXPIRED - CACHE_HIT,
              "counters of outcomes stand in the order of the outcomes");

static void add_outcomes(struct scrape *g)
{
    struct label labels[ROUTE_LABELS + 1];

    promtext_family(&g->p, "prong_cache_requests_total", "counter",
                    "Cacheable requests by what the cache had for them.");
    for (size_t i = 0; i < g->tallies.count; i++) {
        const struct tally *t = g->tallies.at[i];
        if (totals_cacheable(&t->totals) == 0)
            continue;
        label_route(labels, t);
        for (unsigned o = CACHE_HIT; o < CACHE_OUTCOMES; o++) {
            labels[ROUTE_LABELS] =
                (struct label){"outcome", cache_outcome_name(o)};
            promtext_int(&g->p, labels, ROUTE_LABELS + 1,
                         t->totals.counters[COUNT_CACHE_HIT + o - CACHE_HIT]);
        }
    }
}

void scrape_routes(struct scrape *g)
{
    add_durations(g);
    add_requests(g);
    add_codes(g);
    add_sql(g);
    add_outcomes(g);
}
