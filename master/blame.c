#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/segment/names.h"

#include "master/blame.h"

/* Of each route the last deaths but the present one, oldest first; 0: none.
 * 64 kB, so that nothing has to be searched or thrown out. */
struct blame {
    uint64_t deaths_ms[NAMES_MAX][BLAME_DEATHS - 1];
};

struct blame *blame_new(void)
{
    return calloc(1, sizeof(struct blame));
}

void blame_free(struct blame *b)
{
    free(b);
}

/* The signals that a process brings upon itself. */
static bool broke(int signal)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE,
                              SIGABRT, SIGSYS, SIGTRAP};

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (signal == own[i])
            return true;
    return false;
}

/* The record is a dead process's: any number may stand in it. "static" and
 * the like are routes too, but no path. */
static bool is_endpoint(const struct record *r)
{
    return r->route_number != NAMES_REST && r->route_number < NAMES_MAX &&
           r->route[0] == '/';
}

bool blame_is_due(const struct record *r, const struct spawn_end *end,
                  uint64_t at_work_ms)
{
    uint32_t phase = atomic_load(&r->phase);

    /* In the queue it was another's turn. */
    if (!is_endpoint(r) || phase == PHASE_NONE || phase == PHASE_QUEUE)
        return false;
    if (end->signal == SIGKILL) /* a slow client is not the endpoint's doing */
        return phase != PHASE_SEND && at_work_ms > BLAME_SLOW_MS;
    return broke(end->signal);
}

bool blame_put(struct blame *b, unsigned route, uint64_t now_ms)
{
    uint64_t *deaths = b->deaths_ms[route];
    size_t size = sizeof b->deaths_ms[route];

    if (deaths[0] && now_ms - deaths[0] <= BLAME_WITHIN_MS) {
        memset(deaths, 0, size);
        return true;
    }
    memmove(deaths, deaths + 1, size - sizeof *deaths);
    deaths[BLAME_DEATHS - 2] = now_ms;
    return false;
}

void blame_forget(struct blame *b)
{
    memset(b, 0, sizeof *b);
}
