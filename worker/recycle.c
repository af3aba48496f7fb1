#include "worker/recycle.h"

/* From nine to eleven tenths. */
static uint64_t scatter(uint64_t ms, uint64_t chance)
{
    return ms - ms / 10 + chance % (ms / 5 + 1);
}

struct recycle recycle_limits(const struct settings *s, uint64_t chance)
{
    struct recycle limits = {.pss_kb = (uint64_t)s->max_worker_memory / 1024};
    uint64_t jitter = (uint64_t)s->max_requests_jitter;

    if (s->max_requests > 0)
        limits.requests = (uint64_t)s->max_requests + chance % (jitter + 1);
    if (s->max_worker_memory > 0 && limits.pss_kb == 0)
        limits.pss_kb = 1; /* less than a kilobyte is a limit too */
    if (s->max_worker_lifetime > 0)
        limits.age_ms =
            scatter((uint64_t)s->max_worker_lifetime * 1000, chance);
    return limits;
}

enum leave_reason recycle_due(const struct recycle *limits,
                              const struct recycle_state *now)
{
    if (limits->requests && now->requests >= limits->requests)
        return LEAVE_REQUESTS;
    if (limits->pss_kb && now->pss_kb > limits->pss_kb)
        return LEAVE_MEMORY;
    if (limits->age_ms && now->age_ms >= limits->age_ms)
        return LEAVE_LIFETIME;
    return LEAVE_NOT;
}
