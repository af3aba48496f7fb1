/*
 * pattern: the regular expressions of "@param … pattern", POSIX extended
 * (regex(7)). They meet hostile values in a worker with one thread, so what
 * makes glibc's matcher explode is refused when the app is loaded:
 * back-references (exponential time) and large nested repetitions (memory).
 */
#ifndef PRONG_PATTERN_H
#define PRONG_PATTERN_H

#include <stdbool.h>

#include "common/text.h"

enum {
    PATTERN_BYTES_MAX = 1024,
    PATTERN_DEPTH_MAX = 16,   /* groups within groups */
    PATTERN_COST_MAX = 2000,  /* atoms, once all repetitions are written out */
    PATTERN_VALUE_MAX = 1024, /* longer values match no pattern */
};

/* A compiled pattern. glibc's matcher remembers every state that values have
 * led it to, and gets slower with each: so it is compiled anew, by itself,
 * after some 4 KiB of values. */
struct pattern;

/* Compiles ^(pattern)$; null with the reason. */
struct pattern *pattern_new(struct slice pattern, struct fault *fault);
void pattern_free(struct pattern *p); /* null is allowed */

/* Whether the whole value matches. One that holds a NUL or is longer than
 * PATTERN_VALUE_MAX does not. */
bool pattern_matches(struct pattern *p, struct slice value);

#endif
