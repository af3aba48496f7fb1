/*
 * segment: the one shared mapping. The master makes it before it forks: a
 * memfd, so that it has a descriptor which the next binary can be handed, of
 * a size that is fixed for its life (sealed). It begins with magic, layout
 * version and a directory; everything else are regions, asked for by name.
 *
 * What is in a region is its module's business (cache, tables, metrics …).
 * They all live by one law: any process may be killed at any instruction, and
 * afterwards nothing is torn, leaked for good, or waiting for the dead.
 *
 * Pages cost memory only once they are touched.
 */
#ifndef PRONG_SEGMENT_H
#define PRONG_SEGMENT_H

#include <stddef.h>

#include "common/text.h"

enum {
    SEGMENT_REGIONS = 24, /* at most */
    SEGMENT_NAME = 16,    /* bytes of a region's name with its NUL */
    SEGMENT_LAYOUT = 3,   /* moves with every change of a shared struct */
};

struct segment;

/* A region that is wanted: its bytes, which will begin on a page. */
struct segment_want {
    const char *name;
    size_t size;
};

/* All regions zeroed. Null with the reason. */
struct segment *segment_new(const struct segment_want *wants, size_t count,
                            struct fault *fault);
/*
 * Maps one that another process made. Null with the reason when it is no
 * segment, or of another layout. The descriptor stays the caller's.
 */
struct segment *segment_attach(int fd, struct fault *fault);
/* Unmaps and closes; what others have mapped stays theirs. Null is allowed. */
void segment_free(struct segment *s);

/* The region's memory and size; null and 0 when there is none of that name. */
void *segment_region(const struct segment *s, const char *name, size_t *size);
/* To be handed on; close-on-exec. */
int segment_fd(const struct segment *s);

#endif
