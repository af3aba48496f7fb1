/*
 * target: what stands in a request-target or in a form: the path without its
 * percent-encoding and dot segments (RFC 3986, 5.2.4), and name=value pairs.
 * Pure; refuses rather than guesses.
 */
#ifndef PRONG_TARGET_H
#define PRONG_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/text.h"

enum {
    TARGET_SEGMENTS_MAX = 32, /* of a path; more is refused */
    TARGET_PAIRS_MAX = 128,   /* of a query or a form; more is refused */
};

struct pair {
    struct slice name;
    struct slice value;
};

/*
 * Decodes an absolute path into `text` (which must not move afterwards: it is
 * given room first) and cuts it at its slashes: "/a/b" gives "a","b"; "/a/"
 * gives "a",""; "/" gives "". An encoded slash stays inside its segment.
 * False on bad percent-encoding, NUL, too many segments, and dot segments
 * that leave the root.
 */
bool target_path(struct slice raw, struct buf *text, struct slice *segments,
                 size_t *count);

/*
 * Decodes "a=1&b=2" ('+' is a blank) into pairs whose bytes lie in `text`,
 * likewise given room first. False on bad percent-encoding, NUL, or too many.
 */
bool target_pairs(struct slice raw, struct buf *text, struct pair *pairs,
                  size_t *count);

#endif
