/*
 * names: small numbers for names that all processes agree on, in the segment:
 * tables of the database, endpoints. A name keeps its number for the life of
 * the segment, so what is counted under it survives reloads.
 *
 * Lock-free: a name is claimed by one compare-and-swap of its hash, so there
 * is nothing a death could leave behind. Two names whose 64-bit hashes are
 * equal would share a number: then counters add up, and caches forget more
 * than they need to.
 */
#ifndef PRONG_NAMES_H
#define PRONG_NAMES_H

#include <stddef.h>

#include "common/text.h"

enum {
    NAMES_MAX = 4096, /* numbers are below */
    NAMES_REST = 0,   /* the number of all that found no room */
};

struct names;

/* Bytes of its region, which is valid when zeroed. */
size_t names_size(void);
/* The number of a name, a new one if it has none. ASCII case counts. */
unsigned names_number(struct names *n, struct slice name);

/*
 * What several parts must call by the same name.
 */

/* What is counted by route: "GET /api/chefs/{id}". */
unsigned names_route(struct names *n, const char *method, const char *path);
/* An endpoint as something that kept answers depend on, as they do on tables:
 * "endpoint:GET /api/chefs/{id}". */
unsigned names_endpoint(struct names *n, const char *method, const char *path);
/* "table:chefs". ASCII letters in any case: SQLite's names are equal so. */
unsigned names_table(struct names *n, const char *table);

#endif
