#include "common/loop.h"
#include "common/subject.h"

#include "common/segment/episodes.h"

static const uint64_t minute_ns = 60ULL * 1000 * 1000 * 1000;

static bool take(struct buckets *b, uint64_t key,
                 const struct buckets_rule *rule)
{
    struct buckets_level level;

    buckets_take(b, key, rule, loop_clock_ns(), &level);
    return level.admitted;
}

bool episodes_tell(struct buckets *b, const char *what, const char *address)
{
    const struct buckets_rule one = {.every_ns = 10 * minute_ns, .burst = 1};
    const struct buckets_rule all = {.every_ns = minute_ns / 2, .burst = 10};
    uint64_t kind = buckets_kind(b, slice_of(what));
    struct ip room;

    /* The empty name is nobody's address. */
    return take(b, buckets_key(kind, subject_of(address, &room)), &one) &&
           take(b, buckets_key(kind, SLICE("all")), &all);
}
