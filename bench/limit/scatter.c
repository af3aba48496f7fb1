/*
 * scatter ENTRIES BYTES: what the processor's caches and its table of pages
 * make of a lookup among many entries, with no server around it. Prints the
 * nanoseconds of one copy of BYTES bytes out of a randomly chosen one of
 * ENTRIES places, found through an index of cache lines, both in shared
 * memory as the server's cache is.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    LINE = 64,         /* of the index, and what places are multiples of */
    COPIES = 2000000,  /* of which the time is the mean */
    BYTES_MAX = 65536, /* of one */
};

struct field {
    char *index; /* a line for each entry: where it lies */
    char *places;
    uint64_t entries;
    size_t bytes, stride;
};

static void *shared_memory(size_t len)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        err(1, "%zu bytes", len);
    return at;
}

/* Writes to all of it, so that every page is there and mapped. */
static void lay_out(struct field *f)
{
    f->index = shared_memory(f->entries * LINE);
    f->places = shared_memory(f->entries * f->stride);
    memset(f->places, 'x', f->entries * f->stride);
    for (uint64_t i = 0; i < f->entries; i++) {
        uint64_t at = i * f->stride;
        memcpy(f->index + i * LINE, &at, sizeof at);
    }
}

/* xorshift64* (Marsaglia 2003, Vigna 2016) */
static uint64_t next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

/* Each choice depends on the copy before, so that no two lookups overlap:
 * between two of them a server has the kernel's work to do. */
static uint64_t copy_many(const struct field *f)
{
    static char out[BYTES_MAX];
    uint64_t state = 7, at;

    for (long i = 0; i < COPIES; i++) {
        uint64_t n = (next(&state) >> 32) * f->entries >> 32;
        memcpy(&at, f->index + n * LINE, sizeof at);
        memcpy(out, f->places + at, f->bytes);
        state += out[f->bytes - 1] == 'y';
    }
    return state;
}

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    struct field f = {0};

    if (argc == 3) {
        f.entries = strtoul(argv[1], NULL, 10);
        f.bytes = strtoul(argv[2], NULL, 10);
        f.stride = (f.bytes + LINE - 1) / LINE * LINE;
    }
    if (!f.entries || f.entries > UINT32_MAX || !f.bytes || f.bytes > BYTES_MAX)
        errx(2, "usage: scatter ENTRIES BYTES");
    lay_out(&f);
    double began = now_ns();
    uint64_t end = copy_many(&f);
    printf("%.1f\n", end ? (now_ns() - began) / COPIES : 0.0);
    return 0;
}
