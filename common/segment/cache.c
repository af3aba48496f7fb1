#include <assert.h>
#include <string.h>
#include <time.h>

#include "common/segment/cache_private.h"

enum {
    SHARD_BYTES = 8 * 1024 * 1024, /* or more, when there are SHARDS_MAX */
    SHARDS_MAX = 64,
    SLOT_BYTES = 256, /* of the rings for each slot: smaller entries may lose
                         their slot before their turn */
    SMALL_SHARE = 10, /* the small ring is one part in so many */
    LARGE_SHARE = 4,  /* at least so many entries fit into a ring */
    WANTED_SHARE = 5, /* a shard keeps what is a fifth of it, a bit more even:
                         nine tenths of nearly all of it by LARGE_SHARE */
    EMPTY_WAIT_S = 1,
};

static_assert(sizeof(struct bucket) == 64, "a bucket is a cache line");
static_assert(offsetof(struct shard, mutex) == 64,
              "a lookup reads one cache line of the shard");

static struct shard *shard_at(const struct cache *c, uint64_t number)
{
    return (struct shard *)((uintptr_t)c->first + number * c->stride);
}

static struct shard *shard_of(const struct cache *c, uint64_t hash)
{
    return shard_at(c, hash & (c->shards - 1));
}

static uint64_t whole_units(uint64_t bytes)
{
    return bytes / CACHE_UNIT * CACHE_UNIT;
}

/* Positions begin at the second lap, so that a word of zero is below. Ring
 * memory is not touched. */
static void shard_init(struct shard *s, uint64_t bytes)
{
    const uint64_t overhead =
        sizeof(struct bucket) + CACHE_GHOSTS * sizeof(struct ghost);
    uint64_t room = bytes - sizeof *s;

    s->buckets = room / ((uint64_t)CACHE_SLOTS * SLOT_BYTES + overhead);
    uint64_t rings = whole_units(room - s->buckets * overhead);
    s->ring_size[RING_SMALL] = whole_units(rings / SMALL_SHARE);
    s->ring_size[RING_MAIN] = rings - s->ring_size[RING_SMALL];
    s->ring_at[RING_MAIN] = whole_units(bytes) - s->ring_size[RING_MAIN];
    s->ring_at[RING_SMALL] = s->ring_at[RING_MAIN] - s->ring_size[RING_SMALL];
    for (unsigned i = 0; i < RINGS; i++) {
        atomic_init(&s->head[i], s->ring_size[i]);
        atomic_init(&s->tail[i], s->ring_size[i]);
    }
    lock_init(s);
}

/* Lengths are kept in 32 bits. */
static uint64_t largest_of(const struct shard *s)
{
    uint64_t size = whole_units(s->ring_size[RING_MAIN] / LARGE_SHARE);

    return (size < INT32_MAX ? size : INT32_MAX) - sizeof(struct entry);
}

/* The shards' control blocks should not all fall into the same sets of the
 * CPU's caches: the header in front keeps the stride off a power of two. */
void cache_init(struct cache *c, size_t bytes, size_t wanted, uint64_t seed)
{
    assert(bytes >= CACHE_MIN && (uintptr_t)c % CACHE_UNIT == 0);
    c->seed = seed;
    c->shards = 1;
    while (c->shards < SHARDS_MAX && bytes / SHARD_BYTES >= c->shards * 2 &&
           bytes / (c->shards * 2) / WANTED_SHARE >= wanted)
        c->shards *= 2;
    c->stride = whole_units((bytes - sizeof *c) / c->shards);
    for (uint64_t i = 0; i < c->shards; i++)
        shard_init(shard_at(c, i), c->stride);
    c->largest = largest_of(shard_at(c, 0));
}

uint64_t cache_seed(const struct cache *c)
{
    return c->seed;
}

size_t cache_largest(const struct cache *c)
{
    return c->largest;
}

/* Heat has its writes only while it rises: what is asked for all the time
 * stays in the caches of every CPU. */
bool cache_look(struct cache *c, const struct cache_key *key,
                struct cache_view *out)
{
    struct seat seat = index_find(shard_of(c, key->hash), key, out);

    if (seat.slot == CACHE_SLOTS)
        return false;
    unsigned heat = heat_of(seat);
    if (heat < CACHE_HEAT)
        heat_set(seat, heat + 1);
    return true;
}

bool cache_holds(const struct cache *c, const struct cache_view *view)
{
    (void)c;
    return ring_holds(view->shard, view->ring, view->position);
}

/* SIZE_MAX when the sum does not fit. */
static size_t length_of(const struct slice *parts, size_t count)
{
    size_t sum = 0;

    for (size_t i = 0; i < count; i++)
        if (__builtin_add_overflow(sum, parts[i].len, &sum))
            return SIZE_MAX;
    return sum;
}

static char *append(char *to, struct slice s)
{
    if (s.len > 0)
        memcpy(to, s.ptr, s.len);
    return to + s.len;
}

static void entry_write(struct entry *e, const struct cache_key *key,
                        const struct slice *parts, size_t count)
{
    char *at = append(e->bytes, key->bytes);

    for (size_t i = 0; i < count; i++)
        at = append(at, parts[i]);
    size_t len = (size_t)(at - e->bytes) - key->bytes.len;
    atomic_store_explicit(&e->hash, key->hash, memory_order_relaxed);
    atomic_store_explicit(&e->key_len, (uint32_t)key->bytes.len,
                          memory_order_relaxed);
    atomic_store_explicit(&e->value_len, (uint32_t)len, memory_order_relaxed);
}

/* The key's old value, if there is one, makes no difference, but its heat
 * stays. So what is replaced all the time turns the small ring over and lets
 * the main ring, where the lasting is, alone. */
static enum ring ring_for(struct shard *s, uint64_t hash, size_t size)
{
    if (ghost_recall(s, hash))
        return RING_MAIN;
    return size > s->ring_size[RING_SMALL] / LARGE_SHARE ? RING_MAIN
                                                         : RING_SMALL;
}

static bool too_large(const struct cache *c, size_t key_len, size_t value_len)
{
    return key_len > CACHE_KEY_MAX || value_len > c->largest ||
           key_len + value_len > c->largest;
}

bool cache_put(struct cache *c, const struct cache_key *key,
               const struct slice *parts, size_t count)
{
    struct shard *s = shard_of(c, key->hash);
    size_t len = length_of(parts, count);

    if (too_large(c, key->bytes.len, len) || !lock_try(s)) {
        cache_count(&s->refused, 1);
        return false;
    }
    size_t size = entry_size(key->bytes.len, len);
    enum ring ring = ring_for(s, key->hash, size);
    uint64_t position = ring_open(s, ring, size);
    entry_write(ring_entry(s, ring, position), key, parts, count);
    ring_close(s, ring, position, size);
    index_put(s, key, ring, position);
    cache_count(&s->puts, 1);
    lock_leave(s);
    return true;
}

void cache_empty(struct cache *c)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += EMPTY_WAIT_S;
    for (uint64_t i = 0; i < c->shards; i++) {
        struct shard *s = shard_at(c, i);
        if (lock_wait(s, &until)) {
            ring_empty(s);
            lock_leave(s);
        }
    }
}

static uint64_t load(const _Atomic uint64_t *n)
{
    return atomic_load_explicit(n, memory_order_acquire);
}

void cache_stats(const struct cache *c, struct cache_stats *out)
{
    *out = (struct cache_stats){.size = 0};
    for (uint64_t i = 0; i < c->shards; i++) {
        const struct shard *s = shard_at(c, i);
        for (unsigned r = 0; r < RINGS; r++) {
            uint64_t tail = load(&s->tail[r]); /* before the head */
            out->size += s->ring_size[r];
            out->bytes += load(&s->head[r]) - tail;
        }
        out->entries += load(&s->entries);
        out->puts += load(&s->puts);
        out->evictions += load(&s->evictions);
        out->refused += load(&s->refused);
        out->recovered += load(&s->recovered);
    }
}
