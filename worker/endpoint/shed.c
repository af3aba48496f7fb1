#include "worker/endpoint/shed.h"

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

static void begin_window(struct shed *s, uint64_t now_ns, bool on)
{
    s->on = on;
    s->until_ns = now_ns + s->window_ns;
    s->late = s->timely = 0;
}

bool shed_refuses(struct shed *s, uint64_t waited_ns, uint64_t now_ns)
{
    bool late = waited_ns > s->target_ns;

    if (s->target_ns == 0)
        return false;
    if (now_ns - waited_ns > s->last_ns + s->window_ns)
        begin_window(s, now_ns, false); /* for so long nobody was waiting */
    else if (now_ns >= s->until_ns)
        begin_window(s, now_ns, s->on ? s->late > 0 : s->late > s->timely);
    s->last_ns = now_ns;
    s->late += late;
    s->timely += !late;
    return s->on && late;
}
