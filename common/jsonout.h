/*
 * jsonout: JSON documents of our own, member by member, into a buffer. It
 * puts the commas; the caller sees that what it opens is closed.
 *
 *     jsonout_open(&j, NULL, '{');
 *     jsonout_int(&j, "requests", 7);
 *     jsonout_open(&j, "workers", '[');
 *     …
 *     jsonout_close(&j, ']');
 *     jsonout_close(&j, '}');
 */
#ifndef PRONG_JSONOUT_H
#define PRONG_JSONOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

struct jsonout {
    struct buf *out;
    bool follows; /* the next member needs a comma */
};

/* `name` is null inside an array. */
void jsonout_open(struct jsonout *j, const char *name, char bracket);
void jsonout_close(struct jsonout *j, char bracket);
void jsonout_int(struct jsonout *j, const char *name, int64_t value);
/* With `digits` behind the point at most; what is no number is null. */
void jsonout_real(struct jsonout *j, const char *name, double value,
                  int digits);
void jsonout_text(struct jsonout *j, const char *name, struct slice value);
void jsonout_bool(struct jsonout *j, const char *name, bool value);
void jsonout_null(struct jsonout *j, const char *name);
/* Unix time in ms as "2026-01-31T12:00:00.000Z"; 0 as null. */
void jsonout_time(struct jsonout *j, const char *name, int64_t wall_ms);

#endif
