/*
 * conf: "key = value" files with [sections], through inih, which this module
 * alone includes. Used for prong.conf and for app.conf.
 */
#ifndef PRONG_CONF_H
#define PRONG_CONF_H

#include <stdbool.h>

#include "common/text.h"

/* One entry; texts live until the callback returns. */
struct conf_entry {
    const char *section; /* "" before the first section */
    const char *key;
    const char *value;
};

/*
 * Calls on_entry for each entry of `text`. When it returns false (its reason
 * in *fault, without place) or a line is malformed, stops and makes *fault
 * "file:line: reason".
 */
bool conf_parse(const char *file, struct slice text,
                bool (*on_entry)(void *self, const struct conf_entry *entry,
                                 struct fault *fault),
                void *self, struct fault *fault);

/* The whole file in the arena, NUL-terminated; false with "file: reason".
 * Refuses what is larger than `max` bytes. */
struct arena;
bool conf_slurp(struct arena *arena, const char *file, size_t max,
                struct slice *out, struct fault *fault);

#endif
