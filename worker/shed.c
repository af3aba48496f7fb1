#include "worker/shed.h"

/* RFC 8289 has 100 ms for a target of 5: a worst round-trip time. Our targets
 * are longer than that, so it is half of them, within these bounds. */
static const uint64_t window_min_ns = 100ULL * 1000 * 1000;
static const uint64_t window_max_ns = 500ULL * 1000 * 1000;

struct shed shed_of(int64_t target_ms)
{
    uint64_t target_ns = (uint64_t)target_ms * 1000 * 1000;
    uint64_t window_ns = target_ns / 2;

    if (window_ns < window_min_ns)
        window_ns = window_min_ns;
    if (window_ns > window_max_ns)
        window_ns = window_max_ns;
    return (struct shed){.target_ns = target_ns, .window_ns = window_ns};
}

bool shed_refuses(struct shed *s, uint64_t waited_ns, uint64_t now_ns)
{
    if (s->target_ns == 0)
        return false;
    if (waited_ns <= s->target_ns) {
        s->since_ns = 0;
        return false;
    }
    /* It came after the last one's turn: the queue was empty in between. */
    if (s->since_ns == 0 || now_ns - waited_ns > s->last_ns)
        s->since_ns = now_ns;
    s->last_ns = now_ns;
    return now_ns - s->since_ns >= s->window_ns;
}
