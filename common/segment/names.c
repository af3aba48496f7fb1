#include <stdatomic.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/hash.h"

#include "common/segment/names.h"

/*
 * Open addressing: a name's number is the place of its hash, looked for from
 * where the hash points. A place once taken stays taken, so whoever claims
 * the first free one on this way leaves it to be found by all who walk it
 * later, whatever they register in between.
 *
 * The way is bounded, so that in a full table a new name costs 2 kB of memory
 * and not 32. With 4096 places the longest way is about 45 when half are
 * taken and about 220 at three quarters: up to there nobody is sent to
 * NAMES_REST.
 */
enum { LOOKS_MAX = 256 };

struct names {
    _Atomic uint64_t hash[NAMES_MAX]; /* 0: free; NAMES_REST stays so */
};

size_t names_size(void)
{
    return sizeof(struct names);
}

/* True when the place is the name's, from now on or since long. Relaxed: the
 * number says all, no other memory hangs on it. */
static bool place_is(_Atomic uint64_t *place, uint64_t hash)
{
    uint64_t found = atomic_load_explicit(place, memory_order_relaxed);

    if (found == 0 &&
        atomic_compare_exchange_strong_explicit(
            place, &found, hash, memory_order_relaxed, memory_order_relaxed))
        return true;
    return found == hash;
}

unsigned names_number(struct names *n, struct slice name)
{
    uint64_t hash = hash_of(name);

    for (unsigned look = 0; look < LOOKS_MAX; look++) {
        unsigned at = 1 + (unsigned)((hash + look) % (NAMES_MAX - 1));
        if (place_is(&n->hash[at], hash))
            return at;
    }
    return NAMES_REST;
}

/* Gives the memory of the name back. */
static unsigned number_once(struct names *n, struct buf *name)
{
    unsigned number = names_number(n, buf_view(name));

    buf_free(name);
    return number;
}

unsigned names_route(struct names *n, const char *method, const char *path)
{
    struct buf name = {0};

    buf_format(&name, "%s %s", method, path);
    return number_once(n, &name);
}

unsigned names_endpoint(struct names *n, const char *method, const char *path)
{
    struct buf name = {0};

    buf_format(&name, "endpoint:%s %s", method, path);
    return number_once(n, &name);
}

unsigned names_table(struct names *n, const char *table)
{
    struct buf name = {0};

    buf_string(&name, "table:");
    for (const char *c = table; *c; c++)
        buf_byte(&name, (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c));
    return number_once(n, &name);
}
