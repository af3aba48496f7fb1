#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/log.h"

enum { BLOCK = 16 * 1024 };

struct block {
    struct block *older;
    size_t used;
    size_t size;
    max_align_t bytes[];
};

struct arena {
    struct block *newest;
};

static void *get(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL) {
        log_critical("Out of memory: %zu bytes for an arena", size);
        abort();
    }
    return memory;
}

struct arena *arena_new(void)
{
    return get(sizeof(struct arena));
}

static struct block *block_for(struct arena *a, size_t size)
{
    struct block *b = a->newest;

    if (b && b->size - b->used >= size)
        return b;
    size_t room = size > BLOCK ? size : BLOCK;
    b = get(sizeof *b + room);
    b->size = room;
    b->older = a->newest;
    a->newest = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t unit = sizeof(max_align_t);
    size_t rounded = (size + unit - 1) / unit * unit;
    struct block *b = block_for(a, rounded);
    void *memory = (char *)b->bytes + b->used;

    b->used += rounded;
    return memory;
}

char *arena_text(struct arena *a, struct slice s)
{
    char *copy = arena_alloc(a, s.len + 1);

    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

char *arena_format(struct arena *a, const char *format, ...)
{
    va_list args;
    va_list again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    size_t size = len < 0 ? 1 : (size_t)len + 1;
    char *text = arena_alloc(a, size);
    vsnprintf(text, size, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void *arena_grow(struct arena *a, void *array, size_t count, size_t size)
{
    bool power_of_two = (count & (count - 1)) == 0;

    if (!power_of_two || (count > 0 && count < 4))
        return array; /* capacities are 4, 8, 16 … */
    void *grown = arena_alloc(a, (count ? count * 2 : 4) * size);
    if (count > 0)
        memcpy(grown, array, count * size);
    return grown;
}

void arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    for (struct block *b = a->newest; b;) {
        struct block *older = b->older;
        free(b);
        b = older;
    }
    free(a);
}
