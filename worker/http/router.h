/*
 * router: method and path to a number that means something to the caller. A
 * tree of path segments; a literal wins over a {parameter}. Pure.
 */
#ifndef PRONG_ROUTER_H
#define PRONG_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/app/app.h"
#include "common/text.h"

struct router;

enum { ROUTE_NONE = -1 };

struct router *router_new(void);
void router_free(struct router *r); /* null is allowed */

/*
 * Adds a route; `path` ("/a/{id}") must outlive the router, `id` is 0 or
 * more. False when the same method and path are there already.
 */
bool router_add(struct router *r, enum method method, const char *path, int id);

/*
 * The id for these segments (as target_path cuts them), or ROUTE_NONE.
 * *allowed gets one bit (1 << method) for every method known on that path:
 * 0 means 404, anything else with ROUTE_NONE 405.
 */
int router_find(const struct router *r, enum method method,
                const struct slice *segments, size_t count, unsigned *allowed);

/* "GET, HEAD, POST, OPTIONS" for the Allow header; `out` of 64 bytes. */
void router_allow(unsigned allowed, char out[64]);

#endif
