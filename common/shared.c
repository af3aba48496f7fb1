#include "common/board.h"
#include "common/cache.h"
#include "common/digest.h"
#include "common/errands.h"
#include "common/flights.h"
#include "common/jobboard.h"
#include "common/metrics.h"
#include "common/names.h"
#include "common/recorder.h"
#include "common/segment.h"
#include "common/syncs.h"
#include "common/tables.h"
#include "common/turnstile.h"

#include "common/shared.h"

static void *region(const struct shared *s, const char *name)
{
    size_t size;

    return segment_region(s->segment, name, &size);
}

static void find_regions(struct shared *s)
{
    s->slots = region(s, "slots");
    s->names = region(s, "names");
    s->tables = region(s, "tables");
    s->flights = region(s, "flights");
    s->turnstile = region(s, "turnstile");
    s->syncs = region(s, "syncs");
    s->errands = region(s, "errands");
    s->jobboard = region(s, "jobboard");
    s->metrics = region(s, "metrics");
    s->recorder = region(s, "recorder");
    s->board = region(s, "board");
    s->cache = region(s, "cache");
}

bool shared_open(struct shared *s, size_t cache_size, size_t entry_max,
                 struct fault *fault)
{
    if (cache_size > 0 && cache_size < CACHE_MIN)
        cache_size = CACHE_MIN;
    const struct segment_want wants[] = {
        {"slots", SLOTS_ALL * sizeof(struct slot)},
        {"names", names_size()},
        {"tables", tables_size()},
        {"flights", flights_size()},
        {"turnstile", turnstile_size()},
        {"syncs", syncs_size()},
        {"errands", errands_size()},
        {"jobboard", jobboard_size()},
        {"metrics", metrics_size()},
        {"recorder", recorder_size()},
        {"board", board_size()},
        {"cache", cache_size}, /* the last, so that it can be left out */
    };
    size_t count = sizeof wants / sizeof *wants - (cache_size == 0);

    *s = (struct shared){.segment = segment_new(wants, count, fault)};
    if (s->segment == NULL)
        return false;
    find_regions(s);
    if (s->cache) {
        uint64_t seed;
        digest_random(&seed, sizeof seed);
        cache_init(s->cache, cache_size, entry_max, seed);
    }
    return true;
}

void shared_close(struct shared *s)
{
    segment_free(s->segment);
    *s = (struct shared){.segment = NULL};
}
