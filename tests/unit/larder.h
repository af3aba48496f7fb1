/*
 * larder: a cache in memory that children share, and values that prove
 * themselves: a jar says whose it is and how long, and all its bytes follow
 * from that. What test_cache and test_cache_kill are about.
 */
#ifndef PRONG_TEST_LARDER_H
#define PRONG_TEST_LARDER_H

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/segment/cache.h"
#include "common/hash.h"

#define KILO ((size_t)1024)
#define MEGA (KILO * KILO)

struct larder {
    struct cache *cache;
    char *end; /* of its region; what follows cannot be touched */
    size_t size;
    void *mapping;
    size_t mapped;
};

struct label {
    char text[32];
    struct cache_key key;
};

struct jar {
    uint64_t number;
    uint64_t version;
    uint64_t len; /* of all, with this head */
};

static inline struct larder larder_open(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct larder l = {.size = size};

    l.mapped = (size / page + 2) * page;
    l.mapping = mmap(NULL, l.mapped, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(l.mapping, MAP_FAILED);
    l.end = (char *)l.mapping + l.mapped - page;
    assert_int_equal(mprotect(l.end, page, PROT_NONE), 0);
    /* Aligned at the front, so up to 63 bytes short of the wall. */
    l.cache = (void *)((uintptr_t)(l.end - size) / 64 * 64);
    cache_init(l.cache, size, 1, 7);
    return l;
}

static inline void larder_close(struct larder *l)
{
    assert_int_equal(munmap(l->mapping, l->mapped), 0);
}

/* The label's key points into it: do not copy it. */
static inline void label_write(struct label *l, const struct cache *c,
                               uint64_t number)
{
    int len = snprintf(l->text, sizeof l->text, "GET /jars/%llu",
                       (unsigned long long)number);

    l->key.bytes = (struct slice){l->text, (size_t)len};
    l->key.hash = hash_seeded(l->key.bytes, cache_seed(c));
}

/* splitmix64: the state moves by a constant, the output is well mixed. */
static inline uint64_t jar_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static inline void jar_fill(char *bytes, struct jar jar)
{
    uint64_t state = jar.number << 32 ^ jar.version;

    memcpy(bytes, &jar, sizeof jar);
    for (size_t at = sizeof jar; at < jar.len; at += 8) {
        uint64_t r = jar_random(&state);
        size_t left = jar.len - at;
        memcpy(bytes + at, &r, left < 8 ? left : 8);
    }
}

/* Whether all bytes are what a jar of that number has to hold. */
static inline bool jar_is_good(const char *bytes, size_t len, uint64_t number)
{
    struct jar jar;

    if (len < sizeof jar)
        return false;
    memcpy(&jar, bytes, sizeof jar);
    if (jar.number != number || jar.len != len)
        return false;
    uint64_t state = jar.number << 32 ^ jar.version;
    for (size_t at = sizeof jar; at < len; at += 8) {
        uint64_t r = jar_random(&state);
        size_t left = len - at;
        if (memcmp(bytes + at, &r, left < 8 ? left : 8) != 0)
            return false;
    }
    return true;
}

/* Puts a jar of `len` bytes, in two parts. */
static inline bool larder_put(const struct larder *l, uint64_t number,
                              uint64_t version, size_t len)
{
    static char bytes[4 * MEGA];
    struct label label;

    assert(len >= sizeof(struct jar) && len <= sizeof bytes);
    label_write(&label, l->cache, number);
    jar_fill(bytes, (struct jar){number, version, len});
    const struct slice parts[] = {{bytes, len / 3},
                                  {bytes + len / 3, len - len / 3}};
    return cache_put(l->cache, &label.key, parts, 2);
}

enum look { LOOK_NONE, LOOK_GOOD, LOOK_OVERTAKEN, LOOK_WRONG };

/* What a worker does: look, copy, ask whether it holds; then the proof. */
static inline enum look larder_look(const struct larder *l, uint64_t number)
{
    static char copy[4 * MEGA];
    struct label label;
    struct cache_view view;

    label_write(&label, l->cache, number);
    if (!cache_look(l->cache, &label.key, &view))
        return LOOK_NONE;
    if (view.value < (const char *)l->cache || view.len > l->size ||
        view.value + view.len > l->end)
        return LOOK_WRONG;
    memcpy(copy, view.value, view.len < sizeof copy ? view.len : sizeof copy);
    if (!cache_holds(l->cache, &view))
        return LOOK_OVERTAKEN;
    return jar_is_good(copy, view.len, number) ? LOOK_GOOD : LOOK_WRONG;
}

static inline struct cache_stats larder_stats(const struct larder *l)
{
    struct cache_stats stats;

    cache_stats(l->cache, &stats);
    return stats;
}

#endif
