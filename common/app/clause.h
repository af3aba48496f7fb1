/*
 * clause: what stands behind a directive, where it is more than one word:
 * lists of columns, pages, rates, arrays. Pure; texts are copied to the arena
 * and faults are reasons without place.
 */
#ifndef PRONG_CLAUSE_H
#define PRONG_CLAUSE_H

#include <stdbool.h>

#include "common/app/app.h"

/* "a, b": names, none of them twice; *out ends with null. */
bool clause_columns(struct arena *arena, struct slice text, const char ***out,
                    struct fault *fault);

/* "20", "20 max 100", "key=id 50", "key=-created_at,-id 20 max 100". */
bool clause_page(struct arena *arena, struct slice text, struct page *out,
                 struct fault *fault);

/* "10/s", "100/h burst 20 by user". */
bool clause_rate(struct slice text, struct rate *out, struct fault *fault);

/* "bookings", "bookings max 500". */
bool clause_each(struct arena *arena, struct slice text, struct endpoint *out,
                 struct fault *fault);

/* "public", "user", "admin" or the name of a role. */
bool clause_auth(struct arena *arena, struct slice text, const char **out,
                 struct fault *fault);

/* The value of a Cache-Control field. */
bool clause_http(struct arena *arena, struct slice text, const char **out,
                 struct fault *fault);

/* Origins (origin.h), or "*" or "off" alone; *out ends with null. */
bool clause_cors(struct arena *arena, struct slice text, const char ***out,
                 struct fault *fault);

#endif
