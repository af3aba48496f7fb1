#include "common/loop.h"
#include "common/segment/board.h"

#include "worker/monitor/monitor_private.h"

/* What the keeper has not sampled is null, not 0. */
static void put_int(struct jsonout *j, const char *name, bool known, uint64_t n)
{
    if (known)
        jsonout_int(j, name, (int64_t)n);
    else
        jsonout_null(j, name);
}

static void put_real(struct jsonout *j, const char *name, bool known, double v)
{
    if (known)
        jsonout_real(j, name, v, 2);
    else
        jsonout_null(j, name);
}

static void add_cpu(struct jsonout *j, const struct board_system *s, bool known)
{
    put_real(j, "cpu_percent", known, s->cpu_percent);
    put_int(j, "cpus", known, s->cpus);
    jsonout_open(j, "load", '[');
    for (size_t i = 0; i < 3; i++)
        put_real(j, NULL, known, s->load[i]);
    jsonout_close(j, ']');
}

static uint64_t used(uint64_t all, uint64_t left)
{
    return all > left ? all - left : 0;
}

static void add_memory(struct jsonout *j, const struct board_system *s,
                       bool known)
{
    uint64_t in_use = used(s->memory_kb, s->available_kb);

    put_real(j, "memory_usage", known, monitor_mb(s->pss_kb));
    jsonout_open(j, "memory", '{');
    put_real(j, "total_mb", known, monitor_mb(s->memory_kb));
    put_real(j, "available_mb", known, monitor_mb(s->available_kb));
    put_real(j, "used_percent", known, metrics_percent(in_use, s->memory_kb));
    jsonout_close(j, '}');
}

static void add_disk(struct jsonout *j, const struct board_system *s,
                     bool known)
{
    uint64_t in_use = used(s->disk_bytes, s->disk_free_bytes);

    jsonout_open(j, "disk", '{');
    put_int(j, "total_bytes", known, s->disk_bytes);
    put_int(j, "free_bytes", known, s->disk_free_bytes);
    put_real(j, "used_percent", known, metrics_percent(in_use, s->disk_bytes));
    jsonout_close(j, '}');
}

static void add_database(struct jsonout *j, const struct monitor *m,
                         const struct board_system *s, bool known)
{
    struct board_wal w;

    board_wal(m->shared->board, &w);
    jsonout_open(j, "database", '{');
    put_int(j, "bytes", known, s->database_bytes);
    put_int(j, "wal_bytes", known, s->wal_bytes);
    put_int(j, "wal_frames", true, w.frames);
    put_int(j, "wal_copied", true, w.copied);
    put_int(j, "checkpoints", true, w.checkpoints);
    put_real(j, "checkpoint_ms", w.checkpoints > 0, (double)w.last_ns / 1e6);
    jsonout_close(j, '}');
}

void monitor_system(const struct monitor *m, struct call *call)
{
    struct jsonout j = monitor_begin(call);
    struct board_system s = {0};
    bool known = board_system(m->shared->board, &s);
    int64_t age_ms = loop_wall_ms() - s.wall_ms;
    struct crew crew;

    monitor_crew(m, &crew);
    jsonout_time(&j, "time", loop_wall_ms());
    put_real(&j, "age_seconds", known, age_ms > 0 ? (double)age_ms / 1000 : 0);
    jsonout_int(&j, "uptime_seconds", monitor_age(monitor_born_ms(m)));
    add_cpu(&j, &s, known);
    add_memory(&j, &s, known);
    add_disk(&j, &s, known);
    add_database(&j, m, &s, known);
    put_int(&j, "descriptors", known, s.descriptors);
    put_int(&j, "processes", known, s.processes);
    jsonout_int(&j, "connections", (int64_t)crew.connections);
    jsonout_int(&j, "backlog", crew.backlog);
    monitor_processes(m, &j);
    monitor_end(&j);
}
