/*
 * histogram: how long things took, as counts in log-linear buckets: sixteen
 * to each doubling, so a quantile read from it is off by 3.2 % at most. From
 * 1 µs to 68 s; shorter times are in buckets of 64 ns, longer ones in the
 * last. In shared memory: one writer, any readers, relaxed atomics.
 */
#ifndef PRONG_HISTOGRAM_H
#define PRONG_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_LINEAR_BITS = 10, /* below 1,024 ns: 16 buckets of 64 ns */
    HISTOGRAM_TOP_BITS = 36,    /* from 68.7 s on: the last bucket */
    HISTOGRAM_BUCKETS = (HISTOGRAM_TOP_BITS - HISTOGRAM_LINEAR_BITS + 1) * 16,
};

struct histogram {
    _Atomic uint64_t sum_ns;
    _Atomic uint64_t max_ns;
    _Atomic uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* A sum of histograms, in a process's own memory. */
struct distribution {
    uint64_t count;
    uint64_t sum_ns;
    uint64_t max_ns;
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* The bucket that holds a time. */
static inline unsigned histogram_index(uint64_t ns)
{
    if (ns < (UINT64_C(1) << HISTOGRAM_LINEAR_BITS))
        return (unsigned)(ns >> (HISTOGRAM_LINEAR_BITS - 4));
    unsigned top = 63U - (unsigned)__builtin_clzll(ns);
    if (top >= HISTOGRAM_TOP_BITS)
        return HISTOGRAM_BUCKETS - 1;
    return (top - HISTOGRAM_LINEAR_BITS + 1) * 16 +
           ((unsigned)(ns >> (top - 4)) & 15U);
}

/* By its one writer. */
void histogram_add(struct histogram *h, uint64_t ns);

/* Adds what it holds now. */
void distribution_add(struct distribution *d, const struct histogram *h);
/* What came since an earlier look at the same. (max_ns stays the later one's.)
 */
void distribution_subtract(struct distribution *d,
                           const struct distribution *before);
/* The middle of the bucket that holds the q-th (q from 0 to 1), and never more
 * than the largest; 0 when it is empty. Nanoseconds. */
uint64_t distribution_quantile(const struct distribution *d, double q);
uint64_t distribution_mean(const struct distribution *d);
/* How many took at most that long (to a bucket's width). */
uint64_t distribution_below(const struct distribution *d, uint64_t ns);

#endif
