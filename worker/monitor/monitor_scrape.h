/*
 * monitor_scrape: the parts of the page for Prometheus.
 *
 * Names are OpenTelemetry's semantic conventions for HTTP servers and database
 * clients, written as its Prometheus exporter writes them; what has no name
 * there is prong_…
 */
#ifndef PRONG_MONITOR_SCRAPE_H
#define PRONG_MONITOR_SCRAPE_H

#include "worker/monitor/monitor_private.h"
#include "worker/monitor/promtext.h"

/* One page being written, of one copy of all figures: a histogram's buckets
 * and its count agree. */
struct scrape {
    struct promtext p;
    const struct monitor *m;
    struct tallies tallies;
    struct crew crew;
};

/* What is counted by route: times, requests, SQL, the cache's outcomes. */
void scrape_routes(struct scrape *g);
/* What belongs to a worker's place, and to a process. */
void scrape_slots(struct scrape *g);
/* How writes wait for their turn, and for the disk. */
void scrape_writes(struct scrape *g);
/* Seconds, from 10 µs on; ends with null. */
extern const struct bound scrape_sql_bounds[];
/* How the scheduled jobs fare. */
void scrape_jobs(struct scrape *g);

#endif
