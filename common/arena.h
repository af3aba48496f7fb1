/*
 * arena: memory that is given back all at once. A loaded app (one generation)
 * and the settings live in one each, so that a reload cannot leak and no
 * parser frees piece by piece. Like buf, it never returns null.
 */
#ifndef PRONG_ARENA_H
#define PRONG_ARENA_H

#include <stddef.h>

#include "common/text.h"

struct arena; /* blocks in a chain, newest first */

struct arena *arena_new(void);
/* Zeroed, aligned for any type, valid until arena_free. */
void *arena_alloc(struct arena *a, size_t size);
/* A NUL-terminated copy. */
char *arena_text(struct arena *a, struct slice s);
char *arena_format(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/*
 * Makes room for one more in an array of `size`-byte elements that holds
 * `count`, doubling as needed; returns the array, perhaps moved.
 */
void *arena_grow(struct arena *a, void *array, size_t count, size_t size);
/* Null is allowed. */
void arena_free(struct arena *a);

#endif
