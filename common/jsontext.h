/*
 * jsontext: whether a text is one JSON value (RFC 8259). For values that
 * stand in the app's own files; the bodies of requests are SQLite's to parse.
 */
#ifndef PRONG_JSONTEXT_H
#define PRONG_JSONTEXT_H

#include <stdbool.h>

#include "common/text.h"

enum { JSONTEXT_DEPTH_MAX = 32 };

/* False also for values nested deeper than JSONTEXT_DEPTH_MAX. */
bool jsontext_valid(struct slice s);

#endif
