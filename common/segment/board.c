#include <assert.h>

#include "common/segment/versioned.h"

#include "common/segment/board.h"

struct system_part {
    _Atomic uint32_t version;
    struct board_system value;
};

struct sample_part {
    _Atomic uint32_t version;
    struct board_sample value;
};

struct alert_part {
    _Atomic uint32_t version;
    struct alert value;
};

struct wal_part {
    _Atomic uint64_t frames, copied, checkpoints, sum_ns, last_ns;
};

struct board {
    struct system_part system;
    struct wal_part wal;
    struct alert_part alerts[ALERTS];
    _Atomic uint64_t put; /* samples so far; the next one's place is that
                             number modulo BOARD_SAMPLES */
    struct sample_part samples[BOARD_SAMPLES];
};

size_t board_size(void)
{
    return sizeof(struct board);
}

void board_put_system(struct board *b, const struct board_system *s)
{
    version_write(&b->system.version);
    b->system.value = *s;
    version_written(&b->system.version);
}

/* Killed before the end, a keeper leaves a part that nobody can read; the
 * next one writes to the same place. */
void board_put_sample(struct board *b, const struct board_sample *s)
{
    uint64_t put = atomic_load_explicit(&b->put, memory_order_relaxed);
    struct sample_part *part = &b->samples[put % BOARD_SAMPLES];

    version_write(&part->version);
    part->value = *s;
    version_written(&part->version);
    atomic_store_explicit(&b->put, put + 1, memory_order_release);
}

void board_put_alert(struct board *b, enum alert_kind kind,
                     const struct alert *a)
{
    assert(kind < ALERTS);
    version_write(&b->alerts[kind].version);
    b->alerts[kind].value = *a;
    version_written(&b->alerts[kind].version);
}

void board_put_wal(struct board *b, const struct board_wal *w)
{
    atomic_store(&b->wal.frames, w->frames);
    atomic_store(&b->wal.copied, w->copied);
    atomic_store(&b->wal.checkpoints, w->checkpoints);
    atomic_store(&b->wal.sum_ns, w->sum_ns);
    atomic_store(&b->wal.last_ns, w->last_ns);
}

void board_wal(const struct board *b, struct board_wal *out)
{
    out->frames = atomic_load(&b->wal.frames);
    out->copied = atomic_load(&b->wal.copied);
    out->checkpoints = atomic_load(&b->wal.checkpoints);
    out->sum_ns = atomic_load(&b->wal.sum_ns);
    out->last_ns = atomic_load(&b->wal.last_ns);
}

bool board_system(const struct board *b, struct board_system *out)
{
    const struct system_part *part = &b->system;

    return version_copy(&part->version, out, &part->value, sizeof *out);
}

bool board_alert(const struct board *b, enum alert_kind kind, struct alert *out)
{
    assert(kind < ALERTS);
    const struct alert_part *part = &b->alerts[kind];
    return version_copy(&part->version, out, &part->value, sizeof *out);
}

/* From the youngest to the oldest, as far as need be; null when there is
 * none. *clock_ms becomes that of the sample. */
static const struct sample_part *choose(const struct board *b, uint64_t age_ms,
                                        uint64_t *clock_ms)
{
    const uint64_t now = *clock_ms;
    const struct sample_part *best = NULL;
    uint64_t put = atomic_load_explicit(&b->put, memory_order_acquire);

    for (uint64_t i = 0; i < BOARD_SAMPLES && i < put; i++) {
        const struct sample_part *part =
            &b->samples[(put - 1 - i) % BOARD_SAMPLES];
        uint64_t taken;
        if (!version_copy(&part->version, &taken, &part->value.clock_ms,
                          sizeof taken))
            continue;
        best = part;
        *clock_ms = taken;
        if (taken <= now && now - taken >= age_ms)
            break;
    }
    return best;
}

/* The oldest may be overwritten between the choice and the copy: then its
 * clock is another, and it takes a second choice. A third would take a keeper
 * that writes more often than we read. */
bool board_sample(const struct board *b, uint64_t clock_ms, uint64_t age_ms,
                  struct board_sample *out)
{
    for (int i = 0; i < 3; i++) {
        uint64_t chosen_ms = clock_ms;
        const struct sample_part *part = choose(b, age_ms, &chosen_ms);
        if (part == NULL)
            return false;
        if (version_copy(&part->version, out, &part->value, sizeof *out) &&
            out->clock_ms == chosen_ms)
            return true;
    }
    return false;
}

const char *alert_name(enum alert_kind kind)
{
    static const char *const names[ALERTS] = {
        [ALERT_RESPONSE_TIME] = "response_time",
        [ALERT_DB_QUERY_TIME] = "db_query_time",
        [ALERT_MEMORY_USAGE] = "memory_usage",
        [ALERT_CACHE_HIT_RATE] = "cache_hit_rate",
        [ALERT_ERROR_RATE] = "error_rate",
    };

    assert(kind < ALERTS);
    return names[kind];
}
