#include "master/keeper/keeper_pace.h"

/* It may rest for a moment, as it does when it begins anew, and then go on as
 * before: the pace only halves each time. */
void pace_note(struct pace *p, int frames, uint64_t now_ms)
{
    uint64_t took_ms = now_ms - p->seen_ms;
    int grown = frames - p->seen;

    if (took_ms < PACE_LEAST_MS)
        return;
    if (grown < 0)
        grown = frames;
    uint64_t per_s = (uint64_t)grown * 1000 / took_ms;
    p->per_s = per_s > p->per_s / 2 ? per_s : p->per_s / 2;
    p->seen = frames;
    p->seen_ms = now_ms;
}

uint64_t pace_wait(const struct pace *p, int frames)
{
    if (frames <= 0)
        return PACE_LEAST_MS;
    if (p->per_s == 0)
        return PACE_MOST_MS;
    uint64_t wait_ms = (uint64_t)frames * 1000 / p->per_s;
    if (wait_ms < PACE_LEAST_MS)
        return PACE_LEAST_MS;
    return wait_ms < PACE_MOST_MS ? wait_ms : PACE_MOST_MS;
}
