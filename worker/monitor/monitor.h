/*
 * monitor: what the server tells its operators about itself, out of the
 * segment alone: no SQL, no /proc, nothing that could make a request wait.
 * Who may see it was decided before (site.c).
 */
#ifndef PRONG_MONITOR_H
#define PRONG_MONITOR_H

#include "common/app/app.h"
#include "common/segment/shared.h"
#include "common/settings/settings.h"
#include "worker/db/db.h"
#include "worker/http/call.h"

/* What the pages are made of. All of it outlives the monitor. */
struct monitor {
    const struct app *app;
    const struct settings *settings;
    const struct shared *shared;
    const struct db *db; /* only for the names of tables */
};

/*
 * Each completes the response; the caller calls done. Routes are named
 * "GET /api/chefs/{id}" in names.h, and "static", "unmatched" and "refused"
 * for files, unknown paths and requests that are none.
 */

/* GET /api/monitoring/metrics */
void monitor_metrics(const struct monitor *m, struct call *call);
/* GET /api/monitoring/system */
void monitor_system(const struct monitor *m, struct call *call);
/* GET /api/monitoring/requests; ?list=recent,slow,failed,current */
void monitor_requests(const struct monitor *m, struct call *call);
/* GET /api/monitoring/requests/{id}: 404 when it is not (or no longer) known */
void monitor_request(const struct monitor *m, struct call *call);
/* GET /metrics: Prometheus' text format, 0.0.4 */
void monitor_prometheus(const struct monitor *m, struct call *call);
/* GET /api/cache/stats */
void monitor_cache(const struct monitor *m, struct call *call);
/*
 * POST /api/cache/clear; JSON body {} or none clears all, or one of
 * {"endpoint":"GET /api/x"}, {"table":"chefs"}, {"prefix":"/api/coocook"};
 * also as query parameters of those names. Says what was cleared.
 */
void monitor_clear(const struct monitor *m, struct call *call);
/* GET /api/monitoring/writers: who has the turn to write, who waits for it,
 * who was slow with it, and the syncs */
void monitor_writers(const struct monitor *m, struct call *call);
/* GET /api/jobs: how the scheduled jobs fare */
void monitor_jobs(const struct monitor *m, struct call *call);

#endif
