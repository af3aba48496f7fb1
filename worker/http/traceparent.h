/*
 * traceparent: the field by which callers say to which trace a request
 * belongs (W3C Trace Context, level 1, section 3.2). Pure.
 */
#ifndef PRONG_TRACEPARENT_H
#define PRONG_TRACEPARENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

enum { TRACEPARENT_SAMPLED = 1 }; /* flag: the caller records this trace */

struct traceparent {
    char trace[33];  /* trace-id: 32 lower-case hex digits, and a NUL */
    char parent[17]; /* parent-id: 16 of them; the caller's span */
    uint8_t flags;   /* of a version after 00 only TRACEPARENT_SAMPLED */
};

/*
 * Reads "00-<trace-id>-<parent-id>-<flags>". Of a later version the same
 * four fields count, whatever follows behind another '-'. False, and *out is
 * untouched, for anything else: version ff, upper-case digits, ids that are
 * all zeros. Then the request begins a trace of its own.
 */
bool traceparent_read(struct slice field, struct traceparent *out);

#endif
