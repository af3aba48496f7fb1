#include <stddef.h>

#include "common/loop.h"
#include "common/segment/board.h"
#include "common/segment/turnstile.h"

#include "master/control/figures.h"

static void add_processes(struct figures *f, const struct slot *slots)
{
    for (size_t i = 0; i < SLOTS_ALL; i++) {
        uint32_t backlog = atomic_load(&slots[i].backlog);

        f->accepted += atomic_load(&slots[i].accepted);
        if (atomic_load(&slots[i].pid) == 0)
            continue;
        f->pss_kb += atomic_load(&slots[i].pss_kb);
        f->connections += atomic_load(&slots[i].connections);
        if (backlog > f->backlog)
            f->backlog = backlog;
    }
}

/* The keeper's sample of a minute ago, or the oldest there is; everything
 * when the server is younger than that. */
static void take_minute(struct figures *f, const struct shared *shared)
{
    uint64_t now_ms = loop_clock_ms();
    struct board_sample then;

    f->minute = f->all;
    f->seconds = (double)f->age_ms / 1000;
    if (f->age_ms <= 60000 ||
        !board_sample(shared->board, now_ms, 60000, &then) ||
        now_ms <= then.clock_ms)
        return;
    f->seconds = (double)(now_ms - then.clock_ms) / 1000;
    totals_subtract(&f->minute, &then.totals);
    f->minute.request.max_ns = distribution_quantile(&f->minute.request, 1);
}

void figures_take(struct figures *f, const struct shared *shared)
{
    const struct slot *master = &shared->slots[SLOT_MASTER];
    int64_t age_ms = loop_wall_ms() - atomic_load(&master->born_ms);
    unsigned tickets;

    *f = (struct figures){.age_ms = age_ms > 0 ? (uint64_t)age_ms : 0};
    metrics_sum(shared->metrics, METRICS_ALL, METRICS_ALL, &f->all);
    take_minute(f, shared);
    add_processes(f, shared->slots);
    turnstile_waiting(shared->turnstile, &tickets, &f->waiting);
}
