#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/segment/shm.h"

#include "common/segment/segment.h"

static const char magic[8] = "PRONGSEG";

struct region {
    char name[SEGMENT_NAME];
    uint64_t offset; /* from the segment's beginning; of a page */
    uint64_t size;
};

/* What the segment begins with; never written again once it is made. */
struct directory {
    char magic[sizeof magic];
    uint32_t layout; /* SEGMENT_LAYOUT of the binary that made it */
    uint32_t count;
    uint64_t size; /* of all, this included */
    struct region regions[SEGMENT_REGIONS];
};

struct segment {
    int fd;
    char *memory;
    size_t size;
    /* A copy: what was checked once is what is used ever after. */
    struct directory directory;
};

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Moves *end behind `size` more bytes, to the next page; false when there are
 * no such numbers. */
static bool grow(uint64_t *end, size_t size)
{
    size_t page = page_size();

    if (size > SIZE_MAX - page ||
        __builtin_add_overflow(*end, (size + page - 1) / page * page, end))
        return false;
    return *end <= SIZE_MAX;
}

static bool plan(struct directory *d, const struct segment_want *wants,
                 size_t count)
{
    uint64_t end = 0;

    assert(count <= SEGMENT_REGIONS);
    *d = (struct directory){.layout = SEGMENT_LAYOUT, .count = (uint32_t)count};
    memcpy(d->magic, magic, sizeof magic);
    if (!grow(&end, sizeof *d))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct region *r = &d->regions[i];
        assert(strlen(wants[i].name) < sizeof r->name);
        memcpy(r->name, wants[i].name, strlen(wants[i].name));
        r->offset = end;
        r->size = wants[i].size;
        if (!grow(&end, wants[i].size))
            return false;
    }
    d->size = end;
    return true;
}

/* Owns fd from here on, also when it fails. */
static struct segment *map(int fd, size_t size, struct fault *fault)
{
    struct segment *s = calloc(1, sizeof *s);

    if (s == NULL)
        abort();
    s->fd = fd;
    s->size = size;
    s->memory = shm_attach(fd, size);
    if (s->memory)
        return s;
    fault_set(fault, "shared segment of %zu bytes: %s", size, strerror(errno));
    segment_free(s);
    return NULL;
}

struct segment *segment_new(const struct segment_want *wants, size_t count,
                            struct fault *fault)
{
    struct directory d;

    if (!plan(&d, wants, count)) {
        fault_set(fault, "shared segment: too large");
        return NULL;
    }
    int fd = shm_create("prong", d.size);
    if (fd < 0) {
        fault_set(fault, "shared segment of %zu bytes: %s", (size_t)d.size,
                  strerror(errno));
        return NULL;
    }
    struct segment *s = map(fd, d.size, fault);
    if (s == NULL)
        return NULL;
    s->directory = d;
    memcpy(s->memory, &d, sizeof d);
    return s;
}

static bool region_fits(const struct region *r, uint64_t size)
{
    return memchr(r->name, '\0', sizeof r->name) && r->name[0] != '\0' &&
           r->offset >= sizeof(struct directory) &&
           r->offset % page_size() == 0 && r->offset <= size &&
           r->size <= size - r->offset;
}

/* Whether the directory is one that this binary can live with. */
static bool check(const struct directory *d, size_t size, struct fault *fault)
{
    if (memcmp(d->magic, magic, sizeof magic) != 0)
        return fault_set(fault, "not a shared segment");
    if (d->layout != SEGMENT_LAYOUT)
        return fault_set(fault, "shared segment of layout %u, not %d",
                         (unsigned)d->layout, SEGMENT_LAYOUT);
    if (d->size != size)
        return fault_set(fault, "shared segment: %zu bytes, not %llu", size,
                         (unsigned long long)d->size);
    if (d->count > SEGMENT_REGIONS)
        return fault_set(fault, "shared segment: %u regions",
                         (unsigned)d->count);
    for (uint32_t i = 0; i < d->count; i++)
        if (!region_fits(&d->regions[i], d->size))
            return fault_set(fault, "shared segment: region %u is misplaced",
                             (unsigned)i);
    return true;
}

struct segment *segment_attach(int fd, struct fault *fault)
{
    size_t size;

    if (!shm_size(fd, &size) || size < sizeof(struct directory)) {
        fault_set(fault, "not a shared segment");
        return NULL;
    }
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) {
        fault_set(fault, "shared segment: %s", strerror(errno));
        return NULL;
    }
    struct segment *s = map(own, size, fault);
    if (s == NULL)
        return NULL;
    memcpy(&s->directory, s->memory, sizeof s->directory);
    if (check(&s->directory, size, fault))
        return s;
    segment_free(s);
    return NULL;
}

void segment_free(struct segment *s)
{
    if (s == NULL)
        return;
    shm_unmap(s->memory, s->size);
    close(s->fd);
    free(s);
}

void *segment_region(const struct segment *s, const char *name, size_t *size)
{
    for (uint32_t i = 0; i < s->directory.count; i++) {
        const struct region *r = &s->directory.regions[i];
        if (strcmp(r->name, name) != 0)
            continue;
        *size = (size_t)r->size;
        return s->memory + r->offset;
    }
    *size = 0;
    return NULL;
}

int segment_fd(const struct segment *s)
{
    return s->fd;
}
