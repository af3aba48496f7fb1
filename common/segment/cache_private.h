/*
 * cache_private: the shard, which the files of cache share: cache.c (what is
 * public: dividing, looking up, putting), cache_ring.c (the rings, and who has
 * to leave them), cache_index.c (buckets and ghosts), cache_lock.c (the mutex
 * that survives its owner).
 *
 * A shard: this struct, its buckets, its ghosts, the small ring, the main one.
 *
 * What makes a kill at any instruction harmless is the order of stores:
 *   the tail moves, then the bytes behind it are overwritten;
 *   an entry's bytes are complete, then the head moves over them;
 *   then one store of a word shows the entry to readers.
 * So a word either leads to a complete entry or to a position below the tail,
 * and to empty a shard, in whatever state it was left, is to move the tails up
 * to the heads: words and ghosts may stay as they are.
 */
#ifndef PRONG_CACHE_PRIVATE_H
#define PRONG_CACHE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/segment/cache.h"

enum ring { RING_SMALL, RING_MAIN, RINGS };

enum {
    CACHE_UNIT = 64, /* entries begin at multiples: a cache line */
    CACHE_SLOTS = 7, /* words of a bucket */
    CACHE_HEAT = 3,  /* more use than that is not told apart */
    CACHE_GHOSTS = 4 /* for each bucket */
};

/*
 * One cache line, so that a lookup fetches one. A word is the tag (12 bits of
 * the hash), the ring (1) and the position in units (51: 2^57 bytes, four
 * years of 1 GB/s into one shard; not handled beyond). Zero is a position
 * below every tail. A word has one writer, the lock's holder; heat is raised
 * by readers and lowered by the holder, and a lost step does not matter.
 */
struct bucket {
    _Atomic uint64_t words[CACHE_SLOTS];
    _Atomic uint8_t heat[CACHE_SLOTS];
    uint8_t unused;
} __attribute__((aligned(64)));

/* A key that fell out of the small ring unused. Only a hint: may be torn. */
struct ghost {
    uint32_t print; /* the hash's low bits */
    uint32_t when;  /* the small ring's head, in units */
};

/* What stands in a ring before the key and the value. Atomic, because readers
 * look at it while it may be overwritten: each field is loaded once. */
struct entry {
    _Atomic uint64_t hash;
    _Atomic uint32_t key_len; /* ENTRY_FILLER: nothing until the ring's end */
    _Atomic uint32_t value_len;
    char bytes[];
};

#define ENTRY_FILLER UINT32_MAX

struct shard {
    /* What a lookup needs, in one cache line. Bytes from the tail to the head
     * are entries; both only grow. */
    _Atomic uint64_t tail[RINGS];
    uint64_t ring_size[RINGS]; /* multiples of CACHE_UNIT, as all these */
    uint64_t ring_at[RINGS];   /* from the beginning of the shard */
    uint64_t buckets;

    /* Everything below is written by the lock's holder. */
    pthread_mutex_t mutex __attribute__((aligned(64)));
    _Atomic uint64_t head[RINGS] __attribute__((aligned(64)));
    _Atomic uint64_t entries; /* words that lead somewhere */
    _Atomic uint64_t puts;
    _Atomic uint64_t evictions;
    _Atomic uint64_t refused; /* by any process, with or without the lock */
    _Atomic uint64_t recovered;
    struct bucket index[];
};

/* Written once, by cache_init. */
struct cache {
    uint64_t seed;
    uint64_t shards;  /* a power of two */
    uint64_t stride;  /* bytes from one shard to the next */
    uint64_t largest; /* see cache_largest */
    char first[] __attribute__((aligned(64)));
};

/* One word of the index. */
struct seat {
    struct bucket *bucket;
    unsigned slot; /* CACHE_SLOTS: none */
};

static inline void cache_count(_Atomic uint64_t *n, uint64_t more)
{
    atomic_fetch_add_explicit(n, more, memory_order_relaxed);
}

/* A number in 0 … n-1 out of the hash's upper half. */
static inline uint64_t cache_scale(uint64_t hash, uint64_t n)
{
    return (hash >> 32) * n >> 32;
}

static inline size_t entry_size(uint64_t key_len, uint64_t value_len)
{
    return (sizeof(struct entry) + key_len + value_len + CACHE_UNIT - 1) /
           CACHE_UNIT * CACHE_UNIT;
}

static inline struct entry *ring_entry(const struct shard *s, unsigned ring,
                                       uint64_t position)
{
    return (struct entry *)((uintptr_t)s + s->ring_at[ring] +
                            position % s->ring_size[ring]);
}

/* Whether nothing of what lies at the position was overwritten, up to the
 * loads before this call. */
static inline bool ring_holds(const struct shard *s, unsigned ring,
                              uint64_t position)
{
    atomic_thread_fence(memory_order_acquire);
    return position >=
           atomic_load_explicit(&s->tail[ring], memory_order_relaxed);
}

/* ---- cache_lock.c --------------------------------------------------------*/

void lock_init(struct shard *s);
/* False: another has it and keeps it for more than some microseconds. When
 * its last holder died, the shard is empty now. */
bool lock_try(struct shard *s);
/* Waits for it until CLOCK_MONOTONIC is there. */
bool lock_wait(struct shard *s, const struct timespec *until);
void lock_leave(struct shard *s);

/* ---- cache_index.c -------------------------------------------------------*/

/* The live entry with that key, and where its value lies. Needs no lock. */
struct seat index_find(struct shard *s, const struct cache_key *key,
                       struct cache_view *out);
/* The word that leads to this entry, if one still does. */
struct seat index_at(struct shard *s, uint64_t hash, enum ring ring,
                     uint64_t position);
/* Lets the word lead there; one store for readers. */
void index_show(struct seat seat, uint64_t hash, enum ring ring,
                uint64_t position);
/* The same for a new entry: in place of the key's old one, of a dead one, or
 * of the one that is least in use. */
void index_put(struct shard *s, const struct cache_key *key, enum ring ring,
               uint64_t position);

unsigned heat_of(struct seat seat);
void heat_set(struct seat seat, unsigned heat);

void ghost_remember(struct shard *s, uint64_t hash);
/* Whether it was remembered lately; it no longer is. */
bool ghost_recall(struct shard *s, uint64_t hash);

/* ---- cache_ring.c: with the lock -----------------------------------------*/

/* Makes room for an entry of that size at the head and returns its position.
 * Others are moved or dropped for it. */
uint64_t ring_open(struct shard *s, enum ring ring, size_t size);
/* The entry that was opened last is complete. */
void ring_close(struct shard *s, enum ring ring, uint64_t position,
                size_t size);
void ring_empty(struct shard *s);

#endif
