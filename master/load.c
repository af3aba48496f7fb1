#include "common/loop.h"

#include "master/load.h"

/* What is known of a worker from the last look; of a new one, its birth. */
static uint64_t since(struct load_past *past, const struct hand_view *h,
                      const struct slot *slot, uint64_t passed_ns)
{
    if (past->pid == h->pid)
        return passed_ns;
    *past = (struct load_past){.pid = h->pid,
                               .busy_ns = atomic_load(&slot->busy_then_ns)};
    return h->age_ms * UINT64_C(1000000);
}

static unsigned share(struct load_past *past, uint64_t busy_ns,
                      uint64_t passed_ns)
{
    uint64_t spent_ns = busy_ns - past->busy_ns;
    bool still = spent_ns == 0;
    bool stuck = still && past->still;

    past->still = still;
    past->busy_ns = busy_ns;
    if (stuck || spent_ns >= passed_ns) /* of a turn that began before */
        return 100;
    return (unsigned)(spent_ns * 100 / passed_ns);
}

unsigned load_look(struct load *l, const struct crew *c,
                   const struct shared *shared)
{
    static struct hand_view hands[SLOTS_ALL];
    uint64_t now_ns = loop_clock_ns();
    uint64_t passed_ns = now_ns - l->then_ns;
    size_t count = crew_view(c, hands, SLOTS_ALL);
    unsigned serve = 0;
    unsigned sum = 0;

    l->then_ns = now_ns;
    for (size_t i = 0; i < count; i++) {
        const struct hand_view *h = &hands[i];
        if (h->slot >= SLOTS_MAX || h->state != SLOT_READY || h->stopped)
            continue;
        struct load_past *past = &l->past[h->slot];
        const struct slot *slot = &shared->slots[h->slot];
        uint64_t age_ns = since(past, h, slot, passed_ns);
        unsigned own = share(past, atomic_load(&slot->busy_ns), age_ns);
        sum += atomic_load(&slot->away) > 0 ? 100 : own;
        serve++;
    }
    return serve ? sum / serve : 0;
}
