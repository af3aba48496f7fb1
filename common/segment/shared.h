/*
 * shared: the map of the segment: which regions there are, and where. Made by
 * the master before the first fork; children inherit the mapping, and with it
 * these pointers.
 */
#ifndef PRONG_SHARED_H
#define PRONG_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/segment/heritage.h"
#include "common/text.h"

struct segment;

struct shared {
    struct segment *segment;
    struct slot *slots; /* SLOTS_ALL of them */
    struct names *names;
    struct tables *tables;
    struct flights *flights;
    struct turnstile *turnstile;
    struct syncs *syncs;
    struct errands *errands;
    struct jobboard *jobboard;
    struct journals *journals;
    struct cache *cache; /* null: --cache-size 0 */
    struct metrics *metrics;
    struct recorder *recorder;
    struct board *board;
    struct buckets *buckets;
    struct crowd *crowd;
    _Atomic uint64_t *logged; /* lines of the error log, by log_level */
};

/* `cache_size`: bytes of the cache's region, 0 for none; `entry_max`: of the
 * largest answer that it should keep. False with the reason, and nothing
 * mapped. */
bool shared_open(struct shared *s, size_t cache_size, size_t entry_max,
                 struct fault *fault);
/*
 * Maps the one that another master made with the same sizes, by its
 * descriptor, which stays the caller's: what is in it goes on. False with the
 * reason, and nothing mapped, when it is not laid out as shared_open would.
 */
bool shared_attach(struct shared *s, int fd, size_t cache_size,
                   struct fault *fault);
void shared_close(struct shared *s);

#endif
