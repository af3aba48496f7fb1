#include <assert.h>
#include <string.h>

#include "common/segment/heritage.h"
#include "common/segment/names.h"

#include "common/segment/metrics.h"

/* 32 workers with 512 routes each. At 7 kB a cell the pool is 117 MB of
 * addresses; memory is only what was counted in. */
enum { CELLS = 16384 };

/*
 * The tags stand apart from the cells, so a search reads 64 kB at most and
 * touches no page of a cell that nobody has. Those of the pool are claimed
 * from the bottom and never given back: behind the first free one there is
 * nothing.
 */
struct metrics {
    _Atomic uint32_t tags[CELLS];          /* tag_of, 0: free */
    _Atomic uint32_t rest_used[SLOTS_ALL]; /* rest[slot] was asked for */
    struct metrics_cell pool[CELLS];
    struct metrics_cell rest[SLOTS_ALL];    /* of NAMES_REST */
    _Atomic uint32_t codes_used[SLOTS_ALL]; /* codes[slot] was asked for */
    struct status_codes codes[SLOTS_ALL];
};

size_t metrics_size(void)
{
    return sizeof(struct metrics);
}

static uint32_t tag_of(unsigned slot, unsigned route)
{
    return (uint32_t)(slot * NAMES_MAX + route + 1);
}

static struct metrics_cell *rest_cell(struct metrics *m, unsigned slot)
{
    atomic_store_explicit(&m->rest_used[slot], 1, memory_order_relaxed);
    return &m->rest[slot];
}

struct metrics_cell *metrics_cell(struct metrics *m, unsigned slot,
                                  unsigned route)
{
    const uint32_t tag = tag_of(slot, route);

    assert(slot < SLOTS_ALL && route < NAMES_MAX);
    if (route == NAMES_REST)
        return rest_cell(m, slot);
    for (size_t i = 0; i < CELLS; i++) {
        uint32_t found =
            atomic_load_explicit(&m->tags[i], memory_order_relaxed);
        /* Lost to another slot: `found` is its tag, and the search goes on. */
        if (found == tag || (found == 0 && atomic_compare_exchange_strong(
                                               &m->tags[i], &found, tag)))
            return &m->pool[i];
    }
    return rest_cell(m, slot);
}

bool cell_is_idle(const struct metrics_cell *c)
{
    for (size_t i = 0; i < COUNTERS; i++)
        if (atomic_load_explicit(&c->counters[i], memory_order_relaxed))
            return false;
    return true;
}

void totals_add_cell(struct totals *t, const struct metrics_cell *cell)
{
    if (cell_is_idle(cell))
        return;
    for (size_t i = 0; i < COUNTERS; i++)
        t->counters[i] +=
            atomic_load_explicit(&cell->counters[i], memory_order_relaxed);
    distribution_add(&t->request, &cell->request);
    distribution_add(&t->sql, &cell->sql);
}

void metrics_each(const struct metrics *m, metrics_on_cell *on_cell, void *self)
{
    for (unsigned i = 0; i < SLOTS_ALL; i++)
        if (atomic_load_explicit(&m->rest_used[i], memory_order_relaxed))
            on_cell(self, i, NAMES_REST, &m->rest[i]);
    for (size_t i = 0; i < CELLS; i++) {
        uint32_t tag = atomic_load_explicit(&m->tags[i], memory_order_relaxed);
        if (tag == 0)
            break;
        on_cell(self, (tag - 1) / NAMES_MAX, (tag - 1) % NAMES_MAX,
                &m->pool[i]);
    }
}

/* Which cells to add, and to what. */
struct selection {
    int slot;
    int route;
    struct totals *out;
};

static void add_selected(void *self, unsigned slot, unsigned route,
                         const struct metrics_cell *cell)
{
    const struct selection *s = self;

    if ((s->slot == METRICS_ALL || s->slot == (int)slot) &&
        (s->route == METRICS_ALL || s->route == (int)route))
        totals_add_cell(s->out, cell);
}

void metrics_sum(const struct metrics *m, int slot, int route,
                 struct totals *out)
{
    struct selection selection = {slot, route, out};

    memset(out, 0, sizeof *out);
    metrics_each(m, add_selected, &selection);
}

struct status_codes *metrics_codes(struct metrics *m, unsigned slot)
{
    assert(slot < SLOTS_ALL);
    atomic_store_explicit(&m->codes_used[slot], 1, memory_order_relaxed);
    return &m->codes[slot];
}

void metrics_sum_codes(const struct metrics *m, uint64_t out[STATUS_CODES])
{
    memset(out, 0, STATUS_CODES * sizeof *out);
    for (unsigned slot = 0; slot < SLOTS_ALL; slot++) {
        if (!atomic_load_explicit(&m->codes_used[slot], memory_order_relaxed))
            continue; /* to read its page would make it */
        for (size_t i = 0; i < STATUS_CODES; i++)
            out[i] += atomic_load_explicit(&m->codes[slot].count[i],
                                           memory_order_relaxed);
    }
}

static uint64_t counted(const struct totals *t, enum counter first,
                        enum counter last)
{
    uint64_t n = 0;

    for (unsigned i = first; i <= last; i++)
        n += t->counters[i];
    return n;
}

double metrics_percent(uint64_t part, uint64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

uint64_t totals_requests(const struct totals *t)
{
    return counted(t, COUNT_1XX, COUNT_5XX);
}

uint64_t totals_cacheable(const struct totals *t)
{
    return counted(t, COUNT_CACHE_HIT, COUNT_CACHE_EXPIRED);
}

uint64_t totals_hits(const struct totals *t)
{
    return counted(t, COUNT_CACHE_HIT, COUNT_CACHE_COLLAPSED);
}

double totals_hit_rate(const struct totals *t)
{
    return metrics_percent(totals_hits(t), totals_cacheable(t));
}

double totals_error_rate(const struct totals *t)
{
    return metrics_percent(t->counters[COUNT_5XX], totals_requests(t));
}

const char *cache_outcome_name(enum cache_outcome o)
{
    static const char *const names[CACHE_OUTCOMES] = {
        [CACHE_NONE] = "none",       [CACHE_HIT] = "hit",
        [CACHE_STALE] = "stale",     [CACHE_COLLAPSED] = "collapsed",
        [CACHE_MISS] = "miss",       [CACHE_OUTDATED] = "outdated",
        [CACHE_EXPIRED] = "expired",
    };

    assert(o < CACHE_OUTCOMES);
    return names[o];
}

const char *counter_error_name(enum counter c)
{
    static const char *const names[COUNTERS] = {
        [COUNT_ERROR_DEADLINE] = "deadline", [COUNT_ERROR_BUSY] = "busy",
        [COUNT_ERROR_FULL] = "full",         [COUNT_ERROR_GONE] = "gone",
        [COUNT_ERROR_SQL] = "sql",           [COUNT_ERROR_OTHER] = "other",
    };

    assert(c < COUNTERS);
    return names[c] ? names[c] : "";
}

const char *counter_refusal_name(enum counter c)
{
    static const char *const names[COUNTERS] = {
        [COUNT_REFUSED_RATE] = "rate",
        [COUNT_REFUSED_TOKENS] = "tokens",
        [COUNT_REFUSED_LOAD] = "load",
        [COUNT_REFUSED_WRITES] = "writes",
    };

    assert(c < COUNTERS);
    return names[c] ? names[c] : "";
}

static void add(struct distribution *d, const struct distribution *more)
{
    d->count += more->count;
    d->sum_ns += more->sum_ns;
    d->max_ns = more->max_ns > d->max_ns ? more->max_ns : d->max_ns;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        d->bucket[i] += more->bucket[i];
}

void totals_add(struct totals *t, const struct totals *more)
{
    for (size_t i = 0; i < COUNTERS; i++)
        t->counters[i] += more->counters[i];
    add(&t->request, &more->request);
    add(&t->sql, &more->sql);
}

void totals_subtract(struct totals *t, const struct totals *less)
{
    for (size_t i = 0; i < COUNTERS; i++)
        t->counters[i] -= less->counters[i];
    distribution_subtract(&t->request, &less->request);
    distribution_subtract(&t->sql, &less->sql);
}
