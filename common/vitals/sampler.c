#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/app/routes.h"
#include "common/arena.h"
#include "common/cpus.h"
#include "common/loop.h"
#include "common/segment/names.h"

#include "common/vitals/sampler.h"

enum {
    /* Processes report their CPU time every ten seconds or so, which a sample
     * sees up to an interval late: a share is measured over no less. */
    SHARE_MS = 2 * BOARD_INTERVAL_MS,
    MEMINFO_ROOM = 4096, /* 1.5 kB in Linux 6.1 */
};

/* What a slot's process had used when its share was measured last. */
struct usage {
    int32_t pid;
    uint64_t cpu_us;
    uint64_t clock_ms;
    double percent; /* of one CPU */
};

struct sampler {
    struct arena *arena; /* holds it and its texts */
    const struct shared *shared;
    const char *database;
    const char *wal;    /* database-wal */
    const char *folder; /* of the database, which may not be there yet */
    struct usage usage[SLOTS_ALL];
};

static const char *folder_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return ".";
    size_t len = slash > path ? (size_t)(slash - path) : 1;
    return arena_text(arena, (struct slice){path, len});
}

struct sampler *sampler_new(const struct shared *shared, const char *database)
{
    struct arena *arena = arena_new();
    struct sampler *s = arena_alloc(arena, sizeof *s);

    s->arena = arena;
    s->shared = shared;
    s->database = database;
    s->wal = arena_format(arena, "%s-wal", database);
    s->folder = folder_of(arena, database);
    return s;
}

void sampler_free(struct sampler *s)
{
    if (s)
        arena_free(s->arena);
}

/* ---- processes -----------------------------------------------------------*/

/* Where another process has moved in, its predecessor's time may stand until
 * it reports: a number that is smaller than before is all its own. */
static double cpu_percent(struct usage *u, const struct slot *slot, int32_t pid,
                          uint64_t clock_ms)
{
    uint64_t cpu_us = atomic_load_explicit(&slot->cpu_us, memory_order_relaxed);

    if (u->pid != pid)
        *u = (struct usage){.pid = pid, .cpu_us = cpu_us, .clock_ms = clock_ms};
    if (cpu_us == u->cpu_us || clock_ms - u->clock_ms < SHARE_MS)
        return u->percent;
    uint64_t used = cpu_us - (cpu_us > u->cpu_us ? u->cpu_us : 0);
    u->percent = (double)used / (double)(clock_ms - u->clock_ms) / 10;
    u->cpu_us = cpu_us;
    u->clock_ms = clock_ms;
    return u->percent;
}

static void look_at_processes(struct sampler *s, uint64_t clock_ms,
                              struct board_system *out)
{
    for (size_t i = 0; i < SLOTS_ALL; i++) {
        const struct slot *slot = &s->shared->slots[i];
        int32_t pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);

        if (pid == 0) {
            s->usage[i] = (struct usage){0};
            continue;
        }
        out->processes++;
        out->cpu_percent += cpu_percent(&s->usage[i], slot, pid, clock_ms);
        out->pss_kb +=
            atomic_load_explicit(&slot->pss_kb, memory_order_relaxed);
        out->descriptors +=
            atomic_load_explicit(&slot->descriptors, memory_order_relaxed);
    }
}

/* ---- the machine ---------------------------------------------------------*/

/* "MemTotal:        8123456 kB" */
static uint64_t kilobytes(struct slice line)
{
    int64_t n;

    slice_word(&line);
    return text_int64(slice_word(&line), &n) && n > 0 ? (uint64_t)n : 0;
}

static bool begins(struct slice line, struct slice word)
{
    return line.len > word.len && memcmp(line.ptr, word.ptr, word.len) == 0;
}

void sampler_meminfo(struct slice text, struct board_system *out)
{
    out->memory_kb = 0;
    out->available_kb = 0;
    while (text.ptr) {
        struct slice line = slice_cut(&text, '\n');
        if (begins(line, SLICE("MemTotal:")))
            out->memory_kb = kilobytes(line);
        if (begins(line, SLICE("MemAvailable:")))
            out->available_kb = kilobytes(line);
    }
}

static void look_at_memory(struct board_system *out)
{
    char text[MEMINFO_ROOM];
    int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    ssize_t n = read(fd, text, sizeof text); /* one read gives all of it */
    close(fd);
    if (n > 0)
        sampler_meminfo((struct slice){text, (size_t)n}, out);
}

/* ---- the disk ------------------------------------------------------------*/

static uint64_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void look_at_disk(const struct sampler *s, struct board_system *out)
{
    struct statvfs disk;

    out->database_bytes = size_of(s->database);
    out->wal_bytes = size_of(s->wal);
    if (statvfs(s->folder, &disk) != 0)
        return;
    out->disk_bytes = (uint64_t)disk.f_blocks * disk.f_frsize;
    out->disk_free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
}

/* ---- the whole -----------------------------------------------------------*/

void sampler_system(struct sampler *s, uint64_t clock_ms,
                    struct board_system *out)
{
    *out = (struct board_system){.cpus = (uint32_t)cpus_usable()};
    out->wall_ms = loop_wall_ms();
    look_at_processes(s, clock_ms, out);
    look_at_memory(out);
    look_at_disk(s, out);
    if (getloadavg(out->load, 3) != 3)
        memset(out->load, 0, sizeof out->load);
}

/* What is asked for by those who look is no work of the app's, and neither is
 * what strangers try on paths and methods that are not there. */
static void sum_operators(const struct sampler *s, struct totals *out)
{
    struct totals one;

    *out = (struct totals){.counters = {0}};
    for (size_t i = 0; i < OWN_ROUTES; i++) {
        if (!own_routes[i].operators_only && i != OWN_UNMATCHED &&
            i != OWN_REFUSED)
            continue;
        unsigned number =
            names_number(s->shared->names, slice_of(own_routes[i].name));
        metrics_sum(s->shared->metrics, METRICS_ALL, (int)number, &one);
        totals_add(out, &one);
    }
}

/* The part is summed before the whole, so that it is never more. */
void sampler_counters(const struct sampler *s, uint64_t clock_ms,
                      struct board_sample *out)
{
    out->clock_ms = clock_ms;
    sum_operators(s, &out->operators);
    metrics_sum(s->shared->metrics, METRICS_ALL, METRICS_ALL, &out->totals);
}
