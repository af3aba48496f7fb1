#include "common/segment/syncs.h"
#include "common/segment/turnstile.h"

#include "worker/monitor/monitor_scrape.h"

static void add_turns(struct scrape *g)
{
    struct distribution waits;
    struct distribution holds;

    monitor_turns(g->m, &waits, &holds);
    promtext_family(&g->p, "prong_turnstile_wait_seconds", "histogram",
                    "Writes, until it was their turn.");
    promtext_histogram(&g->p, NULL, 0, scrape_sql_bounds, &waits);
    promtext_family(&g->p, "prong_turnstile_hold_seconds", "histogram",
                    "Turns to write, from when they were given.");
    promtext_histogram(&g->p, NULL, 0, scrape_sql_bounds, &holds);
}

static double queue_of(const struct turnstile *t)
{
    unsigned tickets;
    uint64_t requests;

    turnstile_waiting(t, &tickets, &requests);
    return (double)requests;
}

void scrape_writes(struct scrape *g)
{
    struct syncs_figures f;

    syncs_figures(g->m->shared->syncs, &f);
    const struct {
        const char *name;
        const char *type;
        const char *help;
        double value;
    } families[] = {
        {"prong_write_queue", "gauge", "Requests that wait for their turn.",
         queue_of(g->m->shared->turnstile)},
        {"prong_commits_total", "counter", "Transactions committed.",
         (double)f.commits},
        {"prong_wal_syncs_total", "counter",
         "Syncs of the write-ahead log; each is for all commits so far.",
         (double)f.syncs},
        {"prong_wal_sync_seconds_total", "counter", "Time spent in them.",
         (double)f.sum_ns / 1e9},
        {"prong_durability_lost", "gauge",
         "1 once a sync has failed: nothing is written any more.", f.broken},
    };

    add_turns(g);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        promtext_family(&g->p, families[i].name, families[i].type,
                        families[i].help);
        promtext_real(&g->p, NULL, 0, families[i].value);
    }
}
