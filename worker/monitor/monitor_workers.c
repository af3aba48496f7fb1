#include <string.h>

#include "common/loop.h"

#include "worker/monitor/monitor_private.h"

void monitor_which(struct jsonout *j, const struct record *rec)
{
    struct slice method = monitor_text(rec->method, sizeof rec->method);
    struct slice route = monitor_text(rec->route, sizeof rec->route);
    char name[sizeof rec->method + sizeof rec->route + 1];
    size_t len = 0;

    /* A HEAD is counted and answered as the GET that it stands for. */
    if (slice_is(method, "HEAD"))
        method = SLICE("GET");
    if (route.len > 0 && route.ptr[0] == '/') {
        memcpy(name, method.ptr, method.len);
        name[method.len] = ' ';
        len = method.len + 1;
    }
    memcpy(name + len, route.ptr, route.len);
    jsonout_text(j, "id", monitor_text(rec->id, sizeof rec->id));
    if (route.len > 0)
        jsonout_text(j, "endpoint", (struct slice){name, len + route.len});
    else
        jsonout_null(j, "endpoint");
    jsonout_text(j, "path", monitor_text(rec->path, sizeof rec->path));
}

void monitor_phase(struct jsonout *j, const struct record *rec)
{
    uint32_t phase = atomic_load(&rec->phase);

    if (phase == PHASE_NONE || phase >= PHASES)
        return;
    jsonout_text(j, "phase", slice_of(phase_name(phase)));
    if (phase == PHASE_SQL)
        jsonout_int(j, "statement", atomic_load(&rec->statement));
}

static void add_present(const struct monitor *m, struct jsonout *j,
                        unsigned slot)
{
    uint64_t now_ns = loop_clock_ns();
    struct record rec;

    if (!monitor_present(m, slot, &rec)) {
        jsonout_null(j, "present_request");
        return;
    }
    uint64_t for_ns = now_ns > rec.began_ns ? now_ns - rec.began_ns : 0;
    jsonout_open(j, "present_request", '{');
    monitor_which(j, &rec);
    monitor_phase(j, &rec);
    jsonout_real(j, "for_ms", monitor_ms(for_ns), 3);
    jsonout_close(j, '}');
}

/* How much of its life it was not waiting. */
static double busy_percent(const struct slot *s)
{
    int64_t since = atomic_load(&s->born_ms);
    int64_t life_ms = loop_wall_ms() - since;
    uint64_t then_ns = atomic_load(&s->busy_then_ns);
    uint64_t busy_ms = (atomic_load(&s->busy_ns) - then_ns) / 1000000;

    if (since <= 0 || life_ms <= 0)
        return 0;
    double share = metrics_percent(busy_ms, (uint64_t)life_ms);
    return share < 100 ? share : 100;
}

static void add_costs(struct jsonout *j, const struct slot *s)
{
    jsonout_real(j, "memory_mb", monitor_mb(atomic_load(&s->pss_kb)), 1);
    jsonout_real(j, "memory_peak_mb", monitor_mb(atomic_load(&s->peak_kb)), 1);
    jsonout_real(j, "cpu_seconds", (double)atomic_load(&s->cpu_us) / 1e6, 3);
    jsonout_int(j, "descriptors", atomic_load(&s->descriptors));
}

static void add_worker(const struct monitor *m, struct jsonout *j,
                       unsigned number)
{
    const struct slot *s = &m->shared->slots[number];
    uint32_t births = atomic_load(&s->births);

    jsonout_open(j, NULL, '{');
    jsonout_int(j, "worker", number);
    jsonout_int(j, "pid", monitor_pid(m, number));
    jsonout_int(j, "generation", atomic_load(&s->generation));
    jsonout_bool(j, "ready", atomic_load(&s->ready) != 0);
    jsonout_int(j, "requests", (int64_t)atomic_load(&s->requests));
    jsonout_int(j, "restarts", births > 0 ? births - 1 : 0);
    jsonout_int(j, "crashes", atomic_load(&s->deaths));
    jsonout_int(j, "uptime_seconds", monitor_age(atomic_load(&s->born_ms)));
    jsonout_real(j, "busy_percent", busy_percent(s), 2);
    add_costs(j, s);
    jsonout_int(j, "connections", atomic_load(&s->connections));
    add_present(m, j, number);
    jsonout_close(j, '}');
}

void monitor_workers(const struct monitor *m, struct jsonout *j)
{
    jsonout_open(j, "workers", '[');
    for (unsigned i = 0; i < SLOTS_MAX; i++)
        if (monitor_pid(m, i))
            add_worker(m, j, i);
    jsonout_close(j, ']');
}

void monitor_processes(const struct monitor *m, struct jsonout *j)
{
    static const char *const others[] = {"keeper", "master"};

    jsonout_open(j, "process_list", '[');
    for (unsigned i = 0; i < SLOTS_ALL; i++) {
        const struct slot *s = &m->shared->slots[i];
        const char *role = i < SLOTS_MAX ? "worker" : others[i - SLOT_KEEPER];
        if (monitor_pid(m, i) == 0)
            continue;
        jsonout_open(j, NULL, '{');
        jsonout_text(j, "role", slice_of(role));
        jsonout_int(j, "pid", monitor_pid(m, i));
        jsonout_int(j, "uptime_seconds", monitor_age(atomic_load(&s->born_ms)));
        add_costs(j, s);
        jsonout_close(j, '}');
    }
    jsonout_close(j, ']');
}
