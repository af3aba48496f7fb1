#include <stdatomic.h>

#include "common/hash.h"

#include "common/segment/buckets.h"

enum {
    WAYS = 8,    /* 128 bytes: two neighbouring cache lines */
    SETS = 8192, /* 1 MiB, of which only pages that were used cost memory */
};

/* Processes read the clock at different moments of their work; a debt that
 * exceeds the rule's by more than this is not of this rule. */
static const uint64_t skew_ns = 1000ULL * 1000 * 1000;

struct bucket {
    _Atomic uint64_t key; /* 0: nobody's */
    _Atomic uint64_t full_at_ns;
};

struct buckets {
    uint64_t seed;
    struct bucket sets[SETS][WAYS] __attribute__((aligned(128)));
};

size_t buckets_size(void)
{
    return sizeof(struct buckets);
}

void buckets_init(struct buckets *b, uint64_t seed)
{
    b->seed = seed;
}

uint64_t buckets_kind(const struct buckets *b, struct slice name)
{
    return hash_seeded(name, b->seed);
}

uint64_t buckets_key(uint64_t kind, struct slice who)
{
    return hash_seeded(who, kind);
}

/* ---- arithmetic ----------------------------------------------------------*/

static uint64_t span_of(const struct buckets_rule *r)
{
    return r->every_ns * r->burst;
}

/*
 * The time that is missing. More than a rule can make is of another one: of
 * whoever had the bucket before, if the one who took it died in between, or of
 * the same endpoint before a reload. Then one request is left.
 */
static uint64_t debt_of(uint64_t full_at_ns, const struct buckets_rule *r,
                        uint64_t now_ns)
{
    uint64_t debt = full_at_ns > now_ns ? full_at_ns - now_ns : 0;

    return debt > span_of(r) + skew_ns ? span_of(r) - r->every_ns : debt;
}

static bool has_one(uint64_t debt, const struct buckets_rule *r)
{
    return debt + r->every_ns <= span_of(r);
}

static struct buckets_level level_of(uint64_t debt, bool admitted,
                                     const struct buckets_rule *r)
{
    uint64_t span = span_of(r);
    bool more = has_one(debt, r);

    return (struct buckets_level){
        .admitted = admitted,
        .left = more ? (span - debt) / r->every_ns : 0,
        .wait_ns = more ? 0 : debt + r->every_ns - span,
        .full_ns = debt,
    };
}

/* ---- places --------------------------------------------------------------*/

/* Null when it has none. */
static const struct bucket *find(const struct buckets *b, uint64_t key)
{
    const struct bucket *set = b->sets[key % SETS];

    for (size_t i = 0; i < WAYS; i++)
        if (atomic_load_explicit(&set[i].key, memory_order_relaxed) == key)
            return &set[i];
    return NULL;
}

/* The one that is full, or will be first. */
static struct bucket *fullest(struct bucket set[WAYS])
{
    struct bucket *best = &set[0];

    for (size_t i = 1; i < WAYS; i++)
        if (atomic_load_explicit(&set[i].full_at_ns, memory_order_relaxed) <
            atomic_load_explicit(&best->full_at_ns, memory_order_relaxed))
            best = &set[i];
    return best;
}

/* Its bucket; *fresh: which was somebody else's before. Each time round,
 * another process has taken one. */
static struct bucket *claim(struct buckets *b, uint64_t key, bool *fresh)
{
    struct bucket *set = b->sets[key % SETS];

    *fresh = false;
    for (;;) {
        for (size_t i = 0; i < WAYS; i++)
            if (atomic_load_explicit(&set[i].key, memory_order_relaxed) == key)
                return &set[i];
        struct bucket *way = fullest(set);
        uint64_t former = atomic_load_explicit(&way->key, memory_order_relaxed);
        if (former != key &&
            atomic_compare_exchange_strong(&way->key, &former, key)) {
            *fresh = true;
            return way;
        }
    }
}

/* ---- what is called ------------------------------------------------------*/

void buckets_take(struct buckets *b, uint64_t key,
                  const struct buckets_rule *rule, uint64_t now_ns,
                  struct buckets_level *out)
{
    bool fresh;
    struct bucket *way = claim(b, key, &fresh);
    uint64_t was = atomic_load(&way->full_at_ns);

    for (;;) {
        uint64_t debt = debt_of(was, rule, now_ns);
        if (fresh && !has_one(debt, rule))
            debt = span_of(rule) - rule->every_ns;
        if (!has_one(debt, rule)) {
            *out = level_of(debt, false, rule);
            return;
        }
        debt += rule->every_ns;
        if (atomic_compare_exchange_weak(&way->full_at_ns, &was,
                                         now_ns + debt)) {
            *out = level_of(debt, true, rule);
            return;
        }
    }
}

void buckets_look(const struct buckets *b, uint64_t key,
                  const struct buckets_rule *rule, uint64_t now_ns,
                  struct buckets_level *out)
{
    const struct bucket *way = find(b, key);
    uint64_t full_at_ns = way ? atomic_load(&way->full_at_ns) : 0;
    uint64_t debt = debt_of(full_at_ns, rule, now_ns);

    *out = level_of(debt, has_one(debt, rule), rule);
}
