#include <string.h>

#include "common/segment/cache_private.h"

enum { TAG_SHIFT = 52, RING_SHIFT = 51 };

#define POSITION_MASK ((1ULL << RING_SHIFT) - 1)

/* The lowest six bits are the shard's, the upper half the bucket's. */
static uint64_t tag_of(uint64_t hash)
{
    return hash >> 6 << TAG_SHIFT;
}

static uint64_t word_of(uint64_t hash, enum ring ring, uint64_t position)
{
    return tag_of(hash) | (uint64_t)ring << RING_SHIFT | position / CACHE_UNIT;
}

static unsigned ring_of(uint64_t word)
{
    return word >> RING_SHIFT & 1;
}

static uint64_t position_of(uint64_t word)
{
    return (word & POSITION_MASK) * CACHE_UNIT;
}

static uint64_t word_at(struct seat seat)
{
    return atomic_load_explicit(&seat.bucket->words[seat.slot],
                                memory_order_acquire);
}

static struct bucket *bucket_of(struct shard *s, uint64_t hash)
{
    return &s->index[cache_scale(hash, s->buckets)];
}

unsigned heat_of(struct seat seat)
{
    return atomic_load_explicit(&seat.bucket->heat[seat.slot],
                                memory_order_relaxed);
}

void heat_set(struct seat seat, unsigned heat)
{
    atomic_store_explicit(&seat.bucket->heat[seat.slot], (uint8_t)heat,
                          memory_order_relaxed);
}

/* Bytes until the entry falls out of its ring; 0 or less: it has. */
static int64_t life_of(const struct shard *s, uint64_t word)
{
    uint64_t tail =
        atomic_load_explicit(&s->tail[ring_of(word)], memory_order_acquire);

    return (int64_t)(position_of(word) - tail) + CACHE_UNIT;
}

/* Without the lock any byte read here may be of another entry, or of none: no
 * length is used before it is known to stay within the ring. */
static bool entry_is(struct shard *s, const struct cache_key *key,
                     uint64_t word, struct cache_view *out)
{
    unsigned ring = ring_of(word);
    uint64_t position = position_of(word);
    const struct entry *e = ring_entry(s, ring, position);
    uint64_t room =
        s->ring_size[ring] - position % s->ring_size[ring] - sizeof *e;

    if (life_of(s, word) <= 0)
        return false;
    if (atomic_load_explicit(&e->hash, memory_order_relaxed) != key->hash ||
        atomic_load_explicit(&e->key_len, memory_order_relaxed) !=
            key->bytes.len)
        return false;
    uint64_t len = atomic_load_explicit(&e->value_len, memory_order_relaxed);
    if (key->bytes.len > room || len > room - key->bytes.len)
        return false;
    if (memcmp(e->bytes, key->bytes.ptr, key->bytes.len) != 0)
        return false;
    *out = (struct cache_view){
        .value = e->bytes + key->bytes.len,
        .len = len,
        .shard = s,
        .position = position,
        .ring = ring,
    };
    return ring_holds(s, ring, position);
}

struct seat index_find(struct shard *s, const struct cache_key *key,
                       struct cache_view *out)
{
    struct seat seat = {.bucket = bucket_of(s, key->hash)};

    for (; seat.slot < CACHE_SLOTS; seat.slot++) {
        uint64_t word = word_at(seat);
        if (word >> TAG_SHIFT == tag_of(key->hash) >> TAG_SHIFT &&
            entry_is(s, key, word, out))
            break;
    }
    return seat;
}

struct seat index_at(struct shard *s, uint64_t hash, enum ring ring,
                     uint64_t position)
{
    struct seat seat = {.bucket = bucket_of(s, hash)};
    uint64_t word = word_of(hash, ring, position);

    while (seat.slot < CACHE_SLOTS && word_at(seat) != word)
        seat.slot++;
    return seat;
}

void index_show(struct seat seat, uint64_t hash, enum ring ring,
                uint64_t position)
{
    atomic_store_explicit(&seat.bucket->words[seat.slot],
                          word_of(hash, ring, position), memory_order_release);
}

/* The less, the sooner its slot is taken: a dead one's is below all others,
 * then heat counts, then who has to go sooner anyway. */
static int64_t worth_of(const struct shard *s, struct seat seat)
{
    int64_t life = life_of(s, word_at(seat));

    return life <= 0 ? 0 : ((int64_t)heat_of(seat) << 56) + life;
}

static struct seat seat_of_least(struct shard *s, struct bucket *bucket)
{
    struct seat least = {.bucket = bucket};

    for (unsigned i = 1; i < CACHE_SLOTS; i++) {
        struct seat seat = {.bucket = bucket, .slot = i};
        if (worth_of(s, seat) < worth_of(s, least))
            least = seat;
    }
    return least;
}

void index_put(struct shard *s, const struct cache_key *key, enum ring ring,
               uint64_t position)
{
    struct cache_view old;
    struct seat seat = index_find(s, key, &old);

    if (seat.slot == CACHE_SLOTS) {
        seat = seat_of_least(s, seat.bucket);
        cache_count(worth_of(s, seat) > 0 ? &s->evictions : &s->entries, 1);
        heat_set(seat, 0);
    }
    index_show(seat, key->hash, ring, position);
}

static struct ghost *ghost_of(struct shard *s, uint64_t hash)
{
    struct ghost *ghosts = (struct ghost *)(s->index + s->buckets);

    return &ghosts[cache_scale(hash, s->buckets * CACHE_GHOSTS)];
}

static uint32_t ghost_clock(const struct shard *s)
{
    return (uint32_t)(s->head[RING_SMALL] / CACHE_UNIT);
}

void ghost_remember(struct shard *s, uint64_t hash)
{
    *ghost_of(s, hash) =
        (struct ghost){.print = (uint32_t)hash, .when = ghost_clock(s)};
}

/* Lately: no more has gone through the small ring since than the main ring
 * can hold, or else the main ring could not have kept it either. */
bool ghost_recall(struct shard *s, uint64_t hash)
{
    struct ghost *g = ghost_of(s, hash);

    if (g->print != (uint32_t)hash)
        return false;
    g->print = 0;
    return ghost_clock(s) - g->when <= s->ring_size[RING_MAIN] / CACHE_UNIT;
}
