#include <assert.h>
#include <stdatomic.h>

#include "common/app/place.h"

#include "common/segment/syncs.h"

/*
 * Why nobody sleeps for ever. Everything here is sequentially consistent. Who
 * waits stores its number and then looks at the leader's word (syncs_lead); a
 * leader clears its word and then looks at the numbers. So either the one sees
 * that nobody leads, or the other sees that somebody waits. A leader that ends
 * rings all whom it covered, and one of the others, who then leads for all of
 * them: their commits had numbers before they waited.
 *
 * A process that dies may have led, or have cleared its word and not rung, or
 * have been the one that was rung. So whatever it was at, syncs_forget rings
 * like a leader that ends.
 *
 * Why nothing is called safe too early. A number is drawn after its frames
 * are in the file; the leader reads the last number before its sync begins,
 * and while its word stands nobody else writes `upto`.
 */
struct syncs {
    _Atomic uint64_t commits; /* numbers drawn */
    _Atomic uint64_t covered; /* numbers up to this one are safe; only rises */
    _Atomic uint32_t leader;  /* slot + 1; 0: nobody */
    _Atomic uint32_t broken;  /* never cleared */
    _Atomic uint32_t offered; /* writer: the keeper; cleared by the master */
    _Atomic uint32_t used;    /* places below this one ever waited */

    /* Writer: the leader. */
    _Atomic uint64_t upto; /* what its sync covers */
    _Atomic uint64_t syncs;
    _Atomic uint64_t sum_ns;
    _Atomic uint64_t max_ns;
    _Atomic uint64_t mean_ns;

    /* The number that a slot's process waits for; 0: for none. */
    _Atomic uint64_t waits[SLOTS_ALL];
};

enum {
    MEAN_OF = 8, /* a sync counts one in so many in the mean, */
    /* and no more than twice the mean and that: one that took long by chance
     * is no reason to trouble the keeper for the next ten. */
    OUTLIER_NS = SYNC_SLOW_US * 1000 / 2,
};

size_t syncs_size(void)
{
    return sizeof(struct syncs);
}

/* ---- by whoever commits ----*/

uint64_t syncs_commit(struct syncs *s)
{
    return atomic_fetch_add(&s->commits, 1) + 1;
}

bool syncs_covered(const struct syncs *s, uint64_t commit)
{
    return commit <= atomic_load(&s->covered);
}

bool syncs_broken(const struct syncs *s)
{
    return atomic_load(&s->broken) != 0;
}

static bool is_wanted(const struct syncs *s)
{
    return !syncs_broken(s) && !syncs_covered(s, atomic_load(&s->commits));
}

/* Between the first look and the word another may have led: then this sync is
 * for nothing, which is rare and harmless. But if that one failed, a sync that
 * succeeds now would cover what is lost. */
bool syncs_lead(struct syncs *s, unsigned slot, uint64_t *upto)
{
    uint32_t nobody = 0;

    if (!is_wanted(s) ||
        !atomic_compare_exchange_strong(&s->leader, &nobody, slot + 1))
        return false;
    *upto = atomic_load(&s->commits);
    atomic_store(&s->upto, *upto);
    if (!syncs_broken(s))
        return true;
    atomic_store(&s->leader, 0);
    return false;
}

bool syncs_leads(const struct syncs *s, unsigned slot)
{
    return atomic_load(&s->leader) == slot + 1;
}

/* ---- those who wait ----*/

void syncs_wait(struct syncs *s, unsigned slot, uint64_t commit)
{
    place_use(&s->used, place_of(slot));
    atomic_store(&s->waits[place_of(slot)], commit);
}

/*
 * After the leader's word was cleared: all who are covered or can no longer
 * be, and one of the others to lead, unless somebody does. Those up to `rung`
 * were rung by whoever covered them. It begins behind `slot`, so that each has
 * its turn at leading, and leaves `slot` out: the leader looks for itself.
 */
static void ring_waiting(const struct syncs *s, unsigned slot, uint64_t rung,
                         const struct bells *b)
{
    bool broken = syncs_broken(s);
    bool led = false;
    uint32_t used = atomic_load(&s->used);

    for (uint32_t i = 1; i <= used; i++) {
        unsigned place = (place_of(slot) + i) % used;
        uint64_t commit = atomic_load(&s->waits[place]);
        if (commit <= rung || slot_at(place) == slot)
            continue;
        bool over = broken || syncs_covered(s, commit);
        if (!over && (led || atomic_load(&s->leader) != 0))
            continue;
        led |= !over;
        bells_ring(b, slot_at(place));
    }
}

/* ---- the end of a sync ----*/

/* By the leader alone, so a load and a store are enough. */
static void add_figures(struct syncs *s, uint64_t ns)
{
    uint64_t mean = atomic_load(&s->mean_ns);
    bool first = atomic_fetch_add(&s->syncs, 1) == 0;

    atomic_fetch_add(&s->sum_ns, ns);
    if (ns > atomic_load(&s->max_ns))
        atomic_store(&s->max_ns, ns);
    uint64_t most = 2 * mean + OUTLIER_NS;
    uint64_t counted = ns < most ? ns : most;
    mean = mean - mean / MEAN_OF + (first ? counted : counted / MEAN_OF);
    atomic_store(&s->mean_ns, mean);
}

void syncs_led(struct syncs *s, unsigned slot, uint64_t ns, bool ok,
               const struct bells *b)
{
    uint64_t before = atomic_load(&s->covered);

    assert(atomic_load(&s->leader) == slot + 1);
    if (ok) {
        atomic_store(&s->covered, atomic_load(&s->upto));
        add_figures(s, ns);
    } else {
        atomic_store(&s->broken, 1); /* first, so that nobody leads again */
    }
    atomic_store(&s->leader, 0);
    ring_waiting(s, slot, before, b);
}

void syncs_break(struct syncs *s, const struct bells *b)
{
    atomic_store(&s->broken, 1);
    ring_waiting(s, SLOT_MASTER, 0, b); /* who waits for nothing */
}

/* ---- the keeper, when syncs are slow ----*/

void syncs_offer(struct syncs *s, bool ready)
{
    atomic_store(&s->offered, ready);
}

bool syncs_delegate(const struct syncs *s)
{
    return atomic_load(&s->offered) != 0 &&
           atomic_load(&s->mean_ns) >= SYNC_SLOW_US * UINT64_C(1000);
}

/* ---- the master ----*/

/* Nothing is known of a sync that its leader did not end: somebody does it
 * again. */
void syncs_forget(struct syncs *s, unsigned slot, const struct bells *b)
{
    uint32_t leader = slot + 1;

    atomic_store(&s->waits[place_of(slot)], 0);
    if (slot == SLOT_KEEPER)
        syncs_offer(s, false);
    atomic_compare_exchange_strong(&s->leader, &leader, 0);
    ring_waiting(s, slot, 0, b);
}

/* The keeper, when it goes on, leads if it was rung, and offers again before
 * it sleeps. */
void syncs_suspend(struct syncs *s, unsigned slot, const struct bells *b)
{
    if (slot == SLOT_KEEPER)
        syncs_offer(s, false);
    ring_waiting(s, slot, 0, b);
}

/* ---- what the operator sees ----*/

void syncs_figures(const struct syncs *s, struct syncs_figures *out)
{
    out->covered = atomic_load(&s->covered); /* before what is never less */
    out->commits = atomic_load(&s->commits);
    out->syncs = atomic_load(&s->syncs);
    out->sum_ns = atomic_load(&s->sum_ns);
    out->max_ns = atomic_load(&s->max_ns);
    out->mean_ns = atomic_load(&s->mean_ns);
    out->broken = syncs_broken(s);
}
