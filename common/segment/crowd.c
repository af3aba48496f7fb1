#include <stdatomic.h>

#include "common/hash.h"
#include "common/segment/heritage.h"
#include "common/subject.h"

#include "common/segment/crowd.h"

enum {
    WAYS = 8,    /* one cache line */
    SETS = 1024, /* of each slot: 64 KiB, of which only touched pages cost */
    WORD = 64,
    COUNT_BITS = 20, /* of a place; more than a worker can have */
};

static const uint64_t count_mask = (1U << COUNT_BITS) - 1;

/* One worker's. Writer: that worker, but for `asked`. */
struct part {
    _Atomic uint32_t connections;
    _Atomic uint32_t idle;
    _Atomic uint64_t idle_since_ms; /* 0: none */
    _Atomic uint32_t asked;         /* idle ones that others want closed */
    _Atomic uint64_t unsent;        /* bytes of answers */
    /* A bit for each set that may hold anything, set before it does: what the
     * next worker has to empty. */
    _Atomic uint64_t touched[SETS / WORD];
    /* Each a part of the key and how many connections it has, in one word; 0:
     * free. */
    _Atomic uint64_t places[SETS][WAYS] __attribute__((aligned(64)));
};

struct crowd {
    uint64_t seed;
    _Atomic uint64_t present[SLOTS_MAX / WORD]; /* slots that count */
    _Atomic uint64_t refused[CROWD_REFUSALS];
    _Atomic uint64_t ended; /* who did not read */
    struct part parts[SLOTS_MAX];
};

size_t crowd_size(void)
{
    return sizeof(struct crowd);
}

void crowd_init(struct crowd *c, uint64_t seed)
{
    c->seed = seed;
}

uint64_t crowd_key(const struct crowd *c, const char *address)
{
    struct ip room;
    struct slice subject = subject_of(address, &room);

    return subject.ptr ? hash_seeded(subject, c->seed) : 0;
}

/* ---- places --------------------------------------------------------------*/

/* The bits of a key that do not say which set it is in; never 0. */
static uint64_t tag_of(uint64_t key)
{
    uint64_t tag = key & ~count_mask;

    return tag ? tag : count_mask + 1;
}

static bool is_tagged(uint64_t place, uint64_t tag)
{
    return (place & ~count_mask) == tag;
}

static uint64_t load(const _Atomic uint64_t *place)
{
    return atomic_load_explicit(place, memory_order_relaxed);
}

/* Null when it has no place. */
static const _Atomic uint64_t *find(const _Atomic uint64_t set[WAYS],
                                    uint64_t tag)
{
    for (size_t i = 0; i < WAYS; i++)
        if (is_tagged(load(&set[i]), tag))
            return &set[i];
    return NULL;
}

/* The free one, or the one with the fewest. */
static _Atomic uint64_t *least(_Atomic uint64_t set[WAYS])
{
    _Atomic uint64_t *best = &set[0];

    for (size_t i = 1; i < WAYS; i++)
        if ((load(&set[i]) & count_mask) < (load(best) & count_mask))
            best = &set[i];
    return best;
}

static _Atomic uint64_t *touch(struct part *p, uint64_t key)
{
    size_t set = key % SETS;
    _Atomic uint64_t *word = &p->touched[set / WORD];

    atomic_store(word, load(word) | (uint64_t)1 << set % WORD);
    return p->places[set];
}

/* ---- coming and going ----------------------------------------------------*/

static void empty(struct part *p, size_t word)
{
    uint64_t touched = load(&p->touched[word]);

    for (size_t bit = 0; bit < WORD; bit++)
        if (touched >> bit & 1)
            for (size_t i = 0; i < WAYS; i++)
                atomic_store(&p->places[word * WORD + bit][i], 0);
    atomic_store(&p->touched[word], 0);
}

void crowd_join(struct crowd *c, unsigned slot)
{
    struct part *p = &c->parts[slot];

    for (size_t i = 0; i < SETS / WORD; i++)
        empty(p, i);
    atomic_store(&p->connections, 0);
    crowd_tell_idle(c, slot, 0, 0);
    crowd_tell_unsent(c, slot, 0);
    atomic_store(&p->asked, 0);
    atomic_fetch_or(&c->present[slot / WORD], (uint64_t)1 << slot % WORD);
}

void crowd_forget(struct crowd *c, unsigned slot)
{
    if (slot < SLOTS_MAX)
        atomic_fetch_and(&c->present[slot / WORD],
                         ~((uint64_t)1 << slot % WORD));
}

void crowd_enter(struct crowd *c, unsigned slot, uint64_t key)
{
    struct part *p = &c->parts[slot];
    uint64_t tag = tag_of(key);

    atomic_store(&p->connections, atomic_load(&p->connections) + 1);
    if (key == 0)
        return;
    _Atomic uint64_t *set = touch(p, key);
    for (size_t i = 0; i < WAYS; i++)
        if (is_tagged(load(&set[i]), tag)) {
            atomic_store(&set[i], load(&set[i]) + 1);
            return;
        }
    atomic_store(least(set), tag | 1);
}

void crowd_leave(struct crowd *c, unsigned slot, uint64_t key)
{
    struct part *p = &c->parts[slot];
    _Atomic uint64_t *set = p->places[key % SETS];
    uint64_t tag = tag_of(key);

    atomic_store(&p->connections, atomic_load(&p->connections) - 1);
    for (size_t i = 0; key && i < WAYS; i++) {
        uint64_t place = load(&set[i]);
        if (is_tagged(place, tag)) {
            atomic_store(&set[i], (place & count_mask) > 1 ? place - 1 : 0);
            return;
        }
    }
}

void crowd_refuse(struct crowd *c, enum crowd_refusal why)
{
    atomic_fetch_add(&c->refused[why], 1);
}

void crowd_end_unread(struct crowd *c)
{
    atomic_fetch_add(&c->ended, 1);
}

/* ---- sums ----------------------------------------------------------------*/

/* The next slot that counts, from *at on; false when there is none. */
static bool next(const struct crowd *c, unsigned *at)
{
    for (; *at < SLOTS_MAX; ++*at) {
        uint64_t rest = load(&c->present[*at / WORD]) >> *at % WORD;
        if (rest & 1)
            return true;
        if (rest == 0)
            *at |= WORD - 1; /* none in this word */
    }
    return false;
}

uint64_t crowd_of(const struct crowd *c, uint64_t key)
{
    uint64_t sum = 0;

    for (unsigned at = 0; key && next(c, &at); at++) {
        const _Atomic uint64_t *place =
            find(c->parts[at].places[key % SETS], tag_of(key));
        sum += place ? load(place) & count_mask : 0;
    }
    return sum;
}

uint64_t crowd_all(const struct crowd *c)
{
    uint64_t sum = 0;

    for (unsigned at = 0; next(c, &at); at++)
        sum += atomic_load(&c->parts[at].connections);
    return sum;
}

uint64_t crowd_refused(const struct crowd *c, enum crowd_refusal why)
{
    return load(&c->refused[why]);
}

uint64_t crowd_unsent(const struct crowd *c)
{
    uint64_t sum = 0;

    for (unsigned at = 0; next(c, &at); at++)
        sum += load(&c->parts[at].unsent);
    return sum;
}

uint64_t crowd_ended_unread(const struct crowd *c)
{
    return load(&c->ended);
}

/* ---- idle ones -----------------------------------------------------------*/

void crowd_tell_idle(struct crowd *c, unsigned slot, uint32_t count,
                     uint64_t since_ms)
{
    struct part *p = &c->parts[slot];

    atomic_store_explicit(&p->idle, count, memory_order_relaxed);
    atomic_store_explicit(&p->idle_since_ms, since_ms, memory_order_relaxed);
}

void crowd_tell_unsent(struct crowd *c, unsigned slot, uint64_t bytes)
{
    atomic_store_explicit(&c->parts[slot].unsent, bytes, memory_order_relaxed);
}

/* A worker that stands still is not asked for more than it has. */
bool crowd_idlest(const struct crowd *c, unsigned but, unsigned *slot,
                  uint64_t *since_ms)
{
    *since_ms = UINT64_MAX;
    for (unsigned at = 0; next(c, &at); at++) {
        const struct part *p = &c->parts[at];
        uint64_t since = load(&p->idle_since_ms);
        if (at == but || since >= *since_ms ||
            atomic_load(&p->asked) >= atomic_load(&p->idle))
            continue;
        *since_ms = since;
        *slot = at;
    }
    return *since_ms != UINT64_MAX;
}

void crowd_ask(struct crowd *c, unsigned slot)
{
    atomic_fetch_add(&c->parts[slot].asked, 1);
}

bool crowd_is_asked(struct crowd *c, unsigned slot)
{
    _Atomic uint32_t *asked = &c->parts[slot].asked;

    if (atomic_load_explicit(asked, memory_order_relaxed) == 0)
        return false;
    atomic_fetch_sub(asked, 1); /* nobody else takes any away */
    return true;
}
