#include "common/segment/cache.h"
#include "common/segment/tables.h"

#include "worker/monitor/monitor_private.h"

static void add_memory(const struct monitor *m, struct jsonout *j)
{
    struct cache_stats s = {0};

    if (m->shared->cache)
        cache_stats(m->shared->cache, &s);
    jsonout_bool(j, "enabled", m->shared->cache != NULL);
    jsonout_int(j, "entries", (int64_t)s.entries);
    jsonout_int(j, "bytes", (int64_t)s.bytes);
    jsonout_int(j, "size", (int64_t)s.size);
    jsonout_int(j, "evictions", (int64_t)s.evictions);
    jsonout_int(j, "refused", (int64_t)s.refused);
    jsonout_int(j, "recovered", (int64_t)s.recovered);
    jsonout_int(j, "strangers", (int64_t)tables_strangers(m->shared->tables));
}

struct losses {
    const struct monitor *m;
    struct jsonout *j;
};

static void on_table(void *self, const char *name, unsigned number)
{
    const struct losses *l = self;

    jsonout_int(l->j, name,
                (int64_t)tables_losses(l->m->shared->tables, number));
}

/* Kept answers that turned out to be outdated, by the table that did it. */
static void add_invalidations(const struct monitor *m, struct jsonout *j)
{
    struct losses losses = {m, j};

    jsonout_open(j, "invalidations", '{');
    if (m->db)
        db_each_table(m->db, on_table, &losses);
    jsonout_close(j, '}');
}

static void add_endpoints(struct jsonout *j, const struct tallies *tallies)
{
    jsonout_open(j, "endpoints", '{');
    for (size_t i = 0; i < tallies->count; i++) {
        const struct totals *t = &tallies->at[i]->totals;
        if (totals_cacheable(t) == 0)
            continue;
        jsonout_open(j, tallies->at[i]->name, '{');
        monitor_outcomes(j, t);
        jsonout_int(j, "not_modified",
                    (int64_t)t->counters[COUNT_NOT_MODIFIED]);
        jsonout_close(j, '}');
    }
    jsonout_close(j, '}');
}

void monitor_cache(const struct monitor *m, struct call *call)
{
    struct tallies tallies;
    struct jsonout j = monitor_begin(call);

    tallies_take(&tallies, m);
    monitor_outcomes(&j, &tallies.all);
    add_memory(m, &j);
    add_invalidations(m, &j);
    add_endpoints(&j, &tallies);
    monitor_end(&j);
    tallies_free(&tallies);
}
