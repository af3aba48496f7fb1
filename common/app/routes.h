/*
 * routes: what the server answers beside the app's endpoints, and the name
 * under which each is counted (names.h). One table for those who answer
 * (site.c) and those who show the figures (monitor).
 */
#ifndef PRONG_ROUTES_H
#define PRONG_ROUTES_H

#include <stdbool.h>

#include "common/app/app.h"

enum own_route {
    OWN_HEALTH,
    OWN_LIVE,
    OWN_READY,
    OWN_PROMETHEUS,
    OWN_METRICS,
    OWN_SYSTEM,
    OWN_REQUESTS,
    OWN_REQUEST,
    OWN_CACHE_STATS,
    OWN_CACHE_CLEAR,
    OWN_CACHE_WARMUP,
    OWN_WRITERS,
    OWN_JOBS,
    OWN_JOB_RUN,
    OWN_BACKUP,
    OWN_PATHS, /* those before it have a path */

    OWN_STATIC = OWN_PATHS, /* files of the app's web/ */
    OWN_UNMATCHED,          /* there is nothing at this path */
    OWN_REFUSED,            /* bytes that are no acceptable request */
    OWN_ROUTES
};

struct own {
    const char *name;    /* "GET /api/health", "static" … */
    const char *path;    /* null: it has none of its own */
    enum method method;  /* of those with a path */
    bool operators_only; /* who may see it: an admin token, --admin-bind */
};

extern const struct own own_routes[OWN_ROUTES];

#endif
