#include <assert.h>
#include <string.h>

#include "common/segment/cache_private.h"

/* Entries of the main ring that one put may write again: its work is bounded
 * even when all of them are in use. */
enum { TURNS = 8 };

/* The oldest entry of a ring. */
struct oldest {
    uint64_t position;
    uint64_t hash;
    size_t size;
    struct seat seat; /* no slot: a filler, or its key has a newer entry */
};

static uint64_t load(const _Atomic uint64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

/* Where an entry of that size would begin: entries do not wrap round, so it
 * may have to skip what is left of the ring. */
static uint64_t landing(const struct shard *s, enum ring ring, size_t size)
{
    uint64_t head = load(&s->head[ring]);
    uint64_t left = s->ring_size[ring] - head % s->ring_size[ring];

    return left >= size ? head : head + left;
}

static bool fits(const struct shard *s, enum ring ring, size_t size)
{
    return landing(s, ring, size) + size <=
           load(&s->tail[ring]) + s->ring_size[ring];
}

static uint64_t skip_to_landing(struct shard *s, enum ring ring, size_t size)
{
    uint64_t head = load(&s->head[ring]);
    uint64_t position = landing(s, ring, size);

    assert(fits(s, ring, size));
    if (position != head)
        atomic_store_explicit(&ring_entry(s, ring, head)->key_len, ENTRY_FILLER,
                              memory_order_relaxed);
    return position;
}

void ring_close(struct shard *s, enum ring ring, uint64_t position, size_t size)
{
    atomic_store_explicit(&s->head[ring], position + size,
                          memory_order_release);
}

/* An assertion that fails in here is not the end of the cache: the shard's
 * next writer finds its lock's owner dead. */
static struct oldest oldest_of(struct shard *s, enum ring ring)
{
    uint64_t position = load(&s->tail[ring]);
    uint64_t left = s->ring_size[ring] - position % s->ring_size[ring];
    const struct entry *e = ring_entry(s, ring, position);
    uint32_t key_len = atomic_load(&e->key_len);

    if (key_len == ENTRY_FILLER)
        return (struct oldest){
            .position = position, .size = left, .seat = {.slot = CACHE_SLOTS}};
    struct oldest o = {
        .position = position,
        .hash = load(&e->hash),
        .size = entry_size(key_len, atomic_load(&e->value_len)),
    };
    assert(o.size <= left && position + o.size <= load(&s->head[ring]));
    o.seat = index_at(s, o.hash, ring, position);
    return o;
}

/* From here on no reader believes what lies there. The fence keeps the stores
 * that overwrite it behind this one; its pair is in ring_holds. */
static void drop(struct shard *s, enum ring ring, const struct oldest *o)
{
    atomic_store_explicit(&s->tail[ring], o->position + o->size,
                          memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void count_eviction(struct shard *s)
{
    cache_count(&s->evictions, 1);
    cache_count(&s->entries, UINT64_MAX); /* one less */
}

/* Copies the entry to the main ring's head and leads its word there. */
static void move_to_main(struct shard *s, enum ring from,
                         const struct oldest *o, unsigned heat)
{
    uint64_t to = skip_to_landing(s, RING_MAIN, o->size);

    memmove(ring_entry(s, RING_MAIN, to), ring_entry(s, from, o->position),
            o->size);
    ring_close(s, RING_MAIN, to, o->size);
    heat_set(o->seat, heat);
    index_show(o->seat, o->hash, RING_MAIN, to);
}

/*
 * An entry that is in use is dropped first and then written again, for in a
 * full ring its new place is partly its old one: lookups in between, and
 * copies under way, miss it. Its size always fits: either no filler is needed,
 * because it lies ahead of the head in the same lap, or the filler is in what
 * was free before.
 */
static void evict_from_main(struct shard *s, unsigned *turns)
{
    struct oldest o = oldest_of(s, RING_MAIN);
    bool live = o.seat.slot < CACHE_SLOTS;
    unsigned heat = live ? heat_of(o.seat) : 0;

    drop(s, RING_MAIN, &o);
    if (heat > 0 && *turns > 0) {
        (*turns)--;
        move_to_main(s, RING_MAIN, &o, heat - 1);
    } else if (live) {
        count_eviction(s);
    }
}

static void make_room_in_main(struct shard *s, size_t size, unsigned *turns)
{
    while (!fits(s, RING_MAIN, size))
        evict_from_main(s, turns);
}

/* While the main ring has free room, it also takes what nobody asked for. */
static void evict_from_small(struct shard *s, unsigned *turns)
{
    struct oldest o = oldest_of(s, RING_SMALL);

    if (o.seat.slot == CACHE_SLOTS) {
        drop(s, RING_SMALL, &o);
    } else if (heat_of(o.seat) > 0 || fits(s, RING_MAIN, o.size)) {
        make_room_in_main(s, o.size, turns);
        move_to_main(s, RING_SMALL, &o, 0);
        drop(s, RING_SMALL, &o);
    } else {
        ghost_remember(s, o.hash);
        drop(s, RING_SMALL, &o);
        count_eviction(s);
    }
}

uint64_t ring_open(struct shard *s, enum ring ring, size_t size)
{
    unsigned turns = TURNS;

    if (ring == RING_MAIN)
        make_room_in_main(s, size, &turns);
    else
        while (!fits(s, RING_SMALL, size))
            evict_from_small(s, &turns);
    return skip_to_landing(s, ring, size);
}

void ring_empty(struct shard *s)
{
    for (unsigned i = 0; i < RINGS; i++)
        atomic_store_explicit(&s->tail[i], load(&s->head[i]),
                              memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&s->entries, 0, memory_order_relaxed);
}
