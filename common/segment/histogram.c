#include <math.h>

#include "common/segment/histogram.h"

void histogram_add(struct histogram *h, uint64_t ns)
{
    _Atomic uint64_t *bucket = &h->bucket[histogram_index(ns)];
    uint64_t count = atomic_load_explicit(bucket, memory_order_relaxed);
    uint64_t sum = atomic_load_explicit(&h->sum_ns, memory_order_relaxed);
    uint64_t max = atomic_load_explicit(&h->max_ns, memory_order_relaxed);

    atomic_store_explicit(bucket, count + 1, memory_order_relaxed);
    atomic_store_explicit(&h->sum_ns, sum + ns, memory_order_relaxed);
    if (ns > max)
        atomic_store_explicit(&h->max_ns, ns, memory_order_relaxed);
}

void distribution_add(struct distribution *d, const struct histogram *h)
{
    uint64_t max = atomic_load_explicit(&h->max_ns, memory_order_relaxed);

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t n = atomic_load_explicit(&h->bucket[i], memory_order_relaxed);
        d->bucket[i] += n;
        d->count += n;
    }
    d->sum_ns += atomic_load_explicit(&h->sum_ns, memory_order_relaxed);
    if (max > d->max_ns)
        d->max_ns = max;
}

void distribution_subtract(struct distribution *d,
                           const struct distribution *before)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        d->bucket[i] -= before->bucket[i];
    d->count -= before->count;
    d->sum_ns -= before->sum_ns;
}

/* The inverse of histogram_index: its smallest time, and how many follow. */
static uint64_t bucket_low(unsigned index, uint64_t *width)
{
    unsigned row = index / 16;
    unsigned shift = HISTOGRAM_LINEAR_BITS - 4 + (row > 0 ? row - 1 : 0);

    *width = UINT64_C(1) << shift;
    return (uint64_t)(row > 0 ? 16 + index % 16 : index) << shift;
}

/* The middle: no time in the bucket is further off than half its width,
 * which is a thirty-second of its smallest. */
static uint64_t bucket_middle(unsigned index)
{
    uint64_t width;
    uint64_t low = bucket_low(index, &width);

    return low + width / 2;
}

/* How many of all are up to the quantile: at least one. */
static uint64_t rank_of(uint64_t count, double q)
{
    double rank = ceil(q * (double)count);

    if (!(rank > 1)) /* neither is NaN */
        return 1;
    return rank < (double)count ? (uint64_t)rank : count;
}

uint64_t distribution_quantile(const struct distribution *d, double q)
{
    uint64_t left = rank_of(d->count, q);

    if (d->count == 0)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (d->bucket[i] < left) {
            left -= d->bucket[i];
            continue;
        }
        uint64_t middle = bucket_middle(i);
        return middle < d->max_ns ? middle : d->max_ns;
    }
    return d->max_ns;
}

uint64_t distribution_mean(const struct distribution *d)
{
    return d->count > 0 ? d->sum_ns / d->count : 0;
}

uint64_t distribution_below(const struct distribution *d, uint64_t ns)
{
    unsigned last = histogram_index(ns);
    uint64_t count = 0;

    for (unsigned i = 0; i <= last; i++)
        count += d->bucket[i];
    return count;
}
