/*
 * pattern: the regular expressions of "@param … pattern", POSIX extended
 * (regex(7)). They meet hostile values in a worker with one thread, so what
 * makes glibc's matcher explode is refused when the app is loaded:
 * back-references (exponential time) and large nested repetitions (memory).
 */
#ifndef PRONG_PATTERN_H
#define PRONG_PATTERN_H

#include <regex.h>
#include <stdbool.h>

#include "common/arena.h"
#include "common/text.h"

enum {
    PATTERN_BYTES_MAX = 1024,
    PATTERN_DEPTH_MAX = 16,  /* groups within groups */
    PATTERN_COST_MAX = 2000, /* atoms, once all repetitions are written out */
};

/*
 * Compiles ^(pattern)$ into *out, which the caller gives back with regfree.
 * False with the reason, and then there is nothing to give back.
 */
bool pattern_compile(struct arena *arena, struct slice pattern, regex_t *out,
                     struct fault *fault);

#endif
