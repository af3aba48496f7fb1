/*
 * cache: bytes under keys in the segment, shared by all workers. It knows no
 * HTTP and no tables: what a value means, and whether it is still good, is
 * its reader's to say.
 *
 * Memory is cut into shards. A shard is two rings of bytes and an index. New
 * values go to the small ring (a tenth); those asked for again before they
 * fall out of it move to the main ring, the rest go, so one pass over many
 * keys displaces nothing that is in use (S3-FIFO: Yang et al., SOSP 2023).
 * In the main ring what was asked for since its last turn is written again at
 * the front. A ghost list of hashes lets what comes back soon into the main
 * ring at once. Each put makes a bounded number of steps.
 *
 * Two departures from the paper. As long as the main ring has free room,
 * everything moves there: nothing is lost before the memory is full (or a
 * bucket of the index is, which small entries may bring about). And a
 * value that replaces another begins in the small ring, with the heat of the
 * old one: what is outdated all the time wears that ring out, while the main
 * ring keeps what lasts. What is larger than a quarter of the small ring
 * begins in the main ring.
 *
 * Readers take no lock: they look up, copy, and ask cache_holds whether what
 * they copied was overwritten meanwhile. They store nothing but an entry's
 * heat (0 to 3), so looking up what is hot stores nothing at all. Writers of
 * one shard exclude each other by a robust mutex
 * (pthread_mutexattr_setrobust(3)); when its owner died, the next one empties
 * the shard. A writer that is stopped keeps its shard until it goes on or is
 * killed: readers do not notice, puts are refused.
 *
 * Positions in a ring only grow, and a writer advances the ring's tail before
 * it overwrites what lay behind: that is all a reader has to compare.
 */
#ifndef PRONG_CACHE_H
#define PRONG_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

enum {
    CACHE_KEY_MAX = 4096, /* bytes; longer ones are not kept */
    CACHE_PARTS_MAX = 8,
    CACHE_MIN = 256 * 1024, /* bytes of the smallest region */
};

struct cache;

/* The key's bytes and a hash of them (hash_seeded by cache_seed). */
struct cache_key {
    struct slice bytes;
    uint64_t hash;
};

/* Where a value lies. The bytes may be overwritten at any time: copy, then
 * ask cache_holds, and trust nothing of the copy before. */
struct cache_view {
    const char *value;
    size_t len;
    const void *shard; /* private */
    uint64_t position; /* private */
    unsigned ring;     /* private */
};

struct cache_stats {
    uint64_t size;      /* bytes for values and their keys, in all */
    uint64_t bytes;     /* of them in use, by outdated values as well */
    uint64_t entries;   /* kept now, outdated ones included */
    uint64_t puts;      /* since the beginning */
    uint64_t evictions; /* values that had to go for others */
    uint64_t refused;   /* puts that did not happen: too large, or contended */
    uint64_t recovered; /* shards emptied after a death */
};

/*
 * Divides a zeroed region, aligned to 64 bytes; once, by the master. `bytes`
 * >= CACHE_MIN. There are fewer shards if that takes to keep a key and value
 * of `wanted` bytes; with a single one, of which it would be more than a
 * fifth, less is kept (cache_largest).
 */
void cache_init(struct cache *c, size_t bytes, size_t wanted, uint64_t seed);
uint64_t cache_seed(const struct cache *c);
/* The largest key and value together that can be kept. */
size_t cache_largest(const struct cache *c);

/* False: there is none. Finding one counts as use. */
bool cache_look(struct cache *c, const struct cache_key *key,
                struct cache_view *out);
/* Whether all bytes of the view are still what they were at cache_look. */
bool cache_holds(const struct cache *c, const struct cache_view *view);
/*
 * Keeps the parts, one behind the other, under the key, in place of what was
 * there. False when it is too large or other writers are at the shard: a
 * cache need not keep anything, and nobody waits for it.
 */
bool cache_put(struct cache *c, const struct cache_key *key,
               const struct slice *parts, size_t count);
/*
 * Forgets everything. Waits for writers, but no longer than a second in all;
 * a shard that one keeps even then is left as it is, so whoever must not see
 * its values again has to outdate them as well.
 */
void cache_empty(struct cache *c);

void cache_stats(const struct cache *c, struct cache_stats *out);

#endif
