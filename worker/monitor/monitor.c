#include <string.h>

#include "common/loop.h"
#include "common/segment/board.h"

#include "worker/monitor/monitor_private.h"

/* ---- pages ---------------------------------------------------------------*/

struct jsonout monitor_begin(struct call *call)
{
    struct jsonout j = {.out = &call->res->body};

    call->res->status = 200;
    call->res->type = "application/json";
    response_header(call->res, "Cache-Control", SLICE("no-store"));
    jsonout_open(&j, NULL, '{');
    return j;
}

void monitor_end(struct jsonout *j)
{
    jsonout_close(j, '}');
}

double monitor_ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

double monitor_mb(uint64_t kb)
{
    return (double)kb / 1024;
}

void monitor_times(struct jsonout *j, const char *name,
                   const struct distribution *d)
{
    static const struct {
        const char *name;
        double quantile;
    } points[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}};

    jsonout_open(j, name, '{');
    jsonout_real(j, "avg", monitor_ms(distribution_mean(d)), 3);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        jsonout_real(j, points[i].name,
                     monitor_ms(distribution_quantile(d, points[i].quantile)),
                     3);
    jsonout_real(j, "max", monitor_ms(d->max_ns), 3);
    jsonout_close(j, '}');
}

void monitor_outcomes(struct jsonout *j, const struct totals *t)
{
    static const struct {
        const char *name;
        enum counter counter;
    } parts[] = {
        {"stale", COUNT_CACHE_STALE},
        {"collapsed", COUNT_CACHE_COLLAPSED},
        {"outdated", COUNT_CACHE_OUTDATED},
        {"expired", COUNT_CACHE_EXPIRED},
        {"stored", COUNT_STORED},
    };
    uint64_t hits = totals_hits(t);

    jsonout_real(j, "hit_rate", totals_hit_rate(t), 2);
    jsonout_int(j, "hits", (int64_t)hits);
    jsonout_int(j, "misses", (int64_t)(totals_cacheable(t) - hits));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        jsonout_int(j, parts[i].name, (int64_t)t->counters[parts[i].counter]);
}

/* ---- time ----------------------------------------------------------------*/

int64_t monitor_born_ms(const struct monitor *m)
{
    int64_t oldest = atomic_load(&m->shared->slots[SLOT_MASTER].born_ms);

    for (size_t i = 0; i < SLOT_MASTER && oldest == 0; i++) {
        int64_t born = atomic_load(&m->shared->slots[i].born_ms);
        if (monitor_pid(m, i) && born && (oldest == 0 || born < oldest))
            oldest = born;
    }
    return oldest;
}

int64_t monitor_age(int64_t since_ms)
{
    int64_t age = loop_wall_ms() - since_ms;

    return since_ms > 0 && age > 0 ? age / 1000 : 0;
}

/* Counters only grow; whatever else was read is no reason to go below 0. */
static void subtract(struct totals *t, const struct totals *before)
{
    for (size_t i = 0; i < COUNTERS; i++)
        t->counters[i] -= before->counters[i] < t->counters[i]
                              ? before->counters[i]
                              : t->counters[i];
    distribution_subtract(&t->request, &before->request);
    distribution_subtract(&t->sql, &before->sql);
    t->request.max_ns = distribution_quantile(&t->request, 1);
    t->sql.max_ns = distribution_quantile(&t->sql, 1);
}

double monitor_minute(const struct monitor *m, const struct totals *all,
                      struct totals *minute)
{
    uint64_t now_ms = loop_clock_ms();
    int64_t age_ms = loop_wall_ms() - monitor_born_ms(m);
    struct board_sample then;

    *minute = *all;
    if (age_ms <= 60000 ||
        !board_sample(m->shared->board, now_ms, 60000, &then))
        return age_ms > 0 ? (double)age_ms / 1000 : 0;
    subtract(minute, &then.totals);
    return now_ms > then.clock_ms ? (double)(now_ms - then.clock_ms) / 1000 : 0;
}

/* ---- processes -----------------------------------------------------------*/

int32_t monitor_pid(const struct monitor *m, size_t slot)
{
    return atomic_load(&m->shared->slots[slot].pid);
}

void monitor_crew(const struct monitor *m, struct crew *out)
{
    *out = (struct crew){0};
    for (size_t i = 0; i < SLOTS_ALL; i++) {
        const struct slot *s = &m->shared->slots[i];
        uint32_t backlog = atomic_load(&s->backlog);

        if (monitor_pid(m, i) == 0)
            continue;
        out->processes++;
        out->pss_kb += atomic_load(&s->pss_kb);
        out->connections += atomic_load(&s->connections);
        out->descriptors += atomic_load(&s->descriptors);
        if (backlog > out->backlog)
            out->backlog = backlog;
    }
}

/* ---- requests ------------------------------------------------------------*/

bool monitor_at_work(const struct monitor *m, unsigned slot,
                     const struct record *rec)
{
    return atomic_load(&rec->phase) != PHASE_NONE && rec->took_ns == 0 &&
           rec->pid == monitor_pid(m, slot);
}

unsigned monitor_threads(const struct monitor *m, unsigned slot)
{
    unsigned threads = atomic_load(&m->shared->slots[slot].threads);

    return threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
}

/* Of a thread. */
static bool present_at(const struct monitor *m, unsigned slot, unsigned thread,
                       struct record *out)
{
    const struct recorder *r = m->shared->recorder;
    unsigned place = recorder_place(slot, thread);
    struct record rec;
    bool found = false;

    for (size_t i = 0; i < RECORD_RECENT; i++) {
        if (!recorder_read(r, place, RECORDS_RECENT, i, &rec) ||
            !monitor_at_work(m, slot, &rec))
            continue;
        *out = rec;
        found = true;
    }
    return found;
}

bool monitor_present(const struct monitor *m, unsigned slot, struct record *out)
{
    struct record rec;
    bool found = false;

    for (unsigned i = 0; i < monitor_threads(m, slot); i++) {
        if (!present_at(m, slot, i, &rec) ||
            (found && rec.began_ns > out->began_ns))
            continue;
        *out = rec;
        found = true;
    }
    return found;
}

struct slice monitor_text(const char *room, size_t size)
{
    return (struct slice){room, strnlen(room, size)};
}
