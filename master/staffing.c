#include "master/upgrade.h"

#include "master/staffing.h"

/* Beyond what is wanted: one is started before another one goes. */
enum { SURPLUS = 1 };

void staffing_want(struct reload *r, int64_t count)
{
    r->present->wanted = count;
    if (r->candidate)
        r->candidate->wanted = r->present->wanted;
}

/* Until its proof has come an era gets one worker. */
static int64_t quota(const struct era *e)
{
    if (e->proven)
        return e->wanted;
    return e->wanted > 0 ? 1 : 0;
}

static void fill(struct crew *c, struct era *e)
{
    while (crew_strength(c, e) < quota(e) &&
           crew_present(c) < e->wanted + SURPLUS && crew_start(c, e))
        ;
}

/* Its proof is one beyond what is wanted in any case: it does not wait until
 * a replacement that cannot start has given up its place. */
static void prove(struct crew *c, struct era *candidate)
{
    if (crew_strength(c, candidate) == 0)
        crew_start(c, candidate);
}

void staffing_maintain(struct crew *c, struct reload *r)
{
    struct era *e = r->present;

    fill(c, e);
    /* The former master's keeper comes first: there is one at a time. */
    if (e->proven && !upgrade_is_second(r->config->upgrade))
        crew_start_keeper(c, e);
    if (r->candidate)
        prove(c, r->candidate);
    while (crew_strength(c, e) > quota(e) && crew_retire_unready(c, e))
        ;
    while (crew_serving(c) > e->wanted)
        crew_retire_oldest(c);
    if (crew_serving(c) == e->wanted)
        crew_retire_stopped(c, e->wanted > 0 ? e : NULL);
    fill(c, e); /* who goes makes room for the next at once */
}
