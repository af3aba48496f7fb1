#include <string.h>

#include "common/digest.h"
#include "common/log.h"
#include "common/segment/board.h"
#include "common/segment/buckets.h"
#include "common/segment/cache.h"
#include "common/segment/crowd.h"
#include "common/segment/errands.h"
#include "common/segment/flights.h"
#include "common/segment/jobboard.h"
#include "common/segment/journals.h"
#include "common/segment/metrics.h"
#include "common/segment/names.h"
#include "common/segment/recorder.h"
#include "common/segment/segment.h"
#include "common/segment/syncs.h"
#include "common/segment/tables.h"
#include "common/segment/turnstile.h"

#include "common/segment/shared.h"

enum { REGIONS = 16 };

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
    s->journals = region(s, "journals");
    s->metrics = region(s, "metrics");
    s->recorder = region(s, "recorder");
    s->board = region(s, "board");
    s->logged = region(s, "logged");
    s->buckets = region(s, "buckets");
    s->crowd = region(s, "crowd");
    s->cache = region(s, "cache");
    log_count(s->logged);
}

/* What we would have; returns how many. */
static size_t plan(struct segment_want wants[REGIONS], size_t *cache_size)
{
    if (*cache_size > 0 && *cache_size < CACHE_MIN)
        *cache_size = CACHE_MIN;
    const struct segment_want all[REGIONS] = {
        {"slots", SLOTS_ALL * sizeof(struct slot)},
        {"names", names_size()},
        {"tables", tables_size()},
        {"flights", flights_size()},
        {"turnstile", turnstile_size()},
        {"syncs", syncs_size()},
        {"errands", errands_size()},
        {"jobboard", jobboard_size()},
        {"journals", journals_size()},
        {"metrics", metrics_size()},
        {"recorder", recorder_size()},
        {"board", board_size()},
        {"logged", LOG_LEVELS * sizeof *((struct shared *)0)->logged},
        {"buckets", buckets_size()},
        {"crowd", crowd_size()},
        {"cache", *cache_size}, /* the last, so that it can be left out */
    };

    memcpy(wants, all, sizeof all);
    return REGIONS - (*cache_size == 0);
}

static uint64_t new_seed(void)
{
    uint64_t seed;

    digest_random(&seed, sizeof seed);
    return seed;
}

bool shared_open(struct shared *s, size_t cache_size, size_t entry_max,
                 struct fault *fault)
{
    struct segment_want wants[REGIONS];
    size_t count = plan(wants, &cache_size);

    *s = (struct shared){.segment = segment_new(wants, count, fault)};
    if (s->segment == NULL)
        return false;
    find_regions(s);
    buckets_init(s->buckets, new_seed());
    crowd_init(s->crowd, new_seed());
    if (s->cache)
        cache_init(s->cache, cache_size, entry_max, new_seed());
    return true;
}

/* The layout's number is for what the sizes do not show. */
static bool is_as_planned(const struct segment *s,
                          const struct segment_want *wants, size_t count,
                          struct fault *fault)
{
    size_t size;

    for (size_t i = 0; i < count; i++)
        if (segment_region(s, wants[i].name, &size) == NULL ||
            size != wants[i].size)
            return fault_set(fault, "%s: %zu bytes, not %zu", wants[i].name,
                             size, wants[i].size);
    if (count < REGIONS && segment_region(s, "cache", &size))
        return fault_set(fault, "cache: %zu bytes, not 0", size);
    return true;
}

bool shared_attach(struct shared *s, int fd, size_t cache_size,
                   struct fault *fault)
{
    struct segment_want wants[REGIONS];
    size_t count = plan(wants, &cache_size);

    *s = (struct shared){.segment = segment_attach(fd, fault)};
    if (s->segment == NULL)
        return false;
    if (is_as_planned(s->segment, wants, count, fault)) {
        find_regions(s);
        return true;
    }
    shared_close(s);
    return false;
}

void shared_close(struct shared *s)
{
    log_count(NULL);
    segment_free(s->segment);
    *s = (struct shared){.segment = NULL};
}
