/* Inlined, because a call through the library's table of CPU variants costs
 * more than hashing a short key; and so that nothing is linked. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/hash.h"

static uint64_t not_none(uint64_t hash)
{
    return hash ? hash : 1;
}

uint64_t hash_of(struct slice bytes)
{
    return not_none(XXH3_64bits(bytes.ptr, bytes.len));
}

uint64_t hash_seeded(struct slice bytes, uint64_t seed)
{
    return not_none(XXH3_64bits_withSeed(bytes.ptr, bytes.len, seed));
}
