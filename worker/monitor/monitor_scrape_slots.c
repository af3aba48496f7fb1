#include <stdio.h>

#include "worker/monitor/monitor_scrape.h"

/* A family with one sample for each of some slots. */
struct slot_family {
    const char *name;
    const char *type;
    const char *help;
    double (*of)(const struct scrape *g, const struct slot *s);
};

static double requests_of(const struct scrape *g, const struct slot *s)
{
    return (double)g->tallies.requests[s - g->m->shared->slots];
}

static double restarts_of(const struct scrape *g, const struct slot *s)
{
    (void)g;
    return atomic_load(&s->births) - 1;
}

static double crashes_of(const struct scrape *g, const struct slot *s)
{
    (void)g;
    return atomic_load(&s->deaths);
}

static double busy_of(const struct scrape *g, const struct slot *s)
{
    (void)g;
    return (double)atomic_load(&s->busy_ns) / 1e9;
}

static double cpu_of(const struct scrape *g, const struct slot *s)
{
    (void)g;
    return (double)atomic_load(&s->cpu_us) / 1e6;
}

static double pss_of(const struct scrape *g, const struct slot *s)
{
    (void)g;
    return (double)atomic_load(&s->pss_kb) * 1024;
}

static double descriptors_of(const struct scrape *g, const struct slot *s)
{
    (void)g;
    return atomic_load(&s->descriptors);
}

/* What belongs to a slot, also while nobody is in it: no counter goes away. */
static void add_workers(struct scrape *g)
{
    static const struct slot_family families[] = {
        {"prong_worker_requests_total", "counter", "Requests answered.",
         requests_of},
        {"prong_worker_restarts_total", "counter",
         "Processes beyond the first.", restarts_of},
        {"prong_worker_crashes_total", "counter", "Processes that crashed.",
         crashes_of},
        {"prong_worker_busy_seconds_total", "counter",
         "Time spent not waiting.", busy_of},
    };
    char number[16];
    const struct label worker = {"worker", number};

    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        promtext_family(&g->p, families[f].name, families[f].type,
                        families[f].help);
        for (unsigned i = 0; i < SLOTS_MAX; i++) {
            const struct slot *s = &g->m->shared->slots[i];
            if (atomic_load(&s->births) == 0)
                continue;
            snprintf(number, sizeof number, "%u", i);
            promtext_real(&g->p, &worker, 1, families[f].of(g, s));
        }
    }
}

static void process_name(char *room, size_t size, unsigned slot)
{
    if (slot < SLOTS_MAX)
        snprintf(room, size, "worker-%u", slot);
    else
        snprintf(room, size, slot == SLOT_KEEPER ? "keeper" : "master");
}

/* What belongs to a process, by process and not as sums: when one is replaced
 * its figures begin anew, which in a sum would look like a reset of all. */
static void add_processes(struct scrape *g)
{
    static const struct slot_family families[] = {
        {"prong_cpu_seconds_total", "counter", "User and system time.", cpu_of},
        {"prong_memory_pss_bytes", "gauge",
         "Memory: private, and a fair share of what is shared.", pss_of},
        {"prong_open_fds", "gauge", "Open descriptors.", descriptors_of},
    };
    char name[32];
    const struct label process = {"process", name};

    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        promtext_family(&g->p, families[f].name, families[f].type,
                        families[f].help);
        for (unsigned i = 0; i < SLOTS_ALL; i++) {
            if (monitor_pid(g->m, i) == 0)
                continue;
            process_name(name, sizeof name, i);
            promtext_real(&g->p, &process, 1,
                          families[f].of(g, &g->m->shared->slots[i]));
        }
    }
}

void scrape_slots(struct scrape *g)
{
    add_workers(g);
    add_processes(g);
}
