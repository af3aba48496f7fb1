#include <string.h>

#include "common/loop.h"
#include "common/segment/names.h"
#include "common/segment/versioned.h"

#include "common/segment/turnstile_private.h"

static const uint64_t recent_ns = (uint64_t)TURN_RECENT_MS * 1000000;

static uint64_t since(uint64_t ns, uint64_t now_ns)
{
    return now_ns > ns ? now_ns - ns : 0;
}

/* ---- the slow ones of a slot ---------------------------------------------*/

/* So is one that was never written, or left half-written by a death. */
static bool is_old(const struct slow *s, uint64_t now_ns)
{
    uint32_t version = atomic_load_explicit(&s->version, memory_order_relaxed);

    return version == 0 || version % 2 != 0 ||
           since(s->ended_ns, now_ns) >= recent_ns;
}

static bool gives_way(const struct slow *a, const struct slow *b,
                      uint64_t now_ns)
{
    bool old = is_old(a, now_ns);

    if (old != is_old(b, now_ns))
        return old;
    return old ? a->ended_ns < b->ended_ns : a->who.held_ns < b->who.held_ns;
}

static struct slow *find_least(struct report *r, uint64_t now_ns)
{
    struct slow *least = &r->slow[0];

    for (size_t i = 1; i < TURN_SLOW; i++)
        if (gives_way(&r->slow[i], least, now_ns))
            least = &r->slow[i];
    return least;
}

static void set_bar(struct report *r, uint64_t now_ns)
{
    const struct slow *least = find_least(r, now_ns);
    uint64_t oldest = least->ended_ns;

    if (is_old(least, now_ns))
        return; /* it takes anything */
    for (size_t i = 0; i < TURN_SLOW; i++)
        if (r->slow[i].ended_ns < oldest)
            oldest = r->slow[i].ended_ns;
    atomic_store_explicit(&r->bar_ns, least->who.held_ns, memory_order_relaxed);
    atomic_store_explicit(&r->bar_until_ns, oldest + recent_ns,
                          memory_order_relaxed);
}

static bool is_below_bar(const struct report *r, uint64_t held_ns,
                         uint64_t now_ns)
{
    return held_ns <= atomic_load_explicit(&r->bar_ns, memory_order_relaxed) &&
           now_ns <
               atomic_load_explicit(&r->bar_until_ns, memory_order_relaxed);
}

/* The bar goes first: killed on the way, the next one looks for itself. */
static void keep(struct report *r, const struct turn_holder *who,
                 uint64_t now_ns)
{
    struct slow *least = find_least(r, now_ns);

    atomic_store_explicit(&r->bar_until_ns, 0, memory_order_relaxed);
    if (is_old(least, now_ns) || least->who.held_ns < who->held_ns) {
        version_write(&least->version);
        least->ended_ns = now_ns;
        least->who = *who;
        version_written(&least->version);
    }
    set_bar(r, now_ns);
}

/* ---- what a holder is at -------------------------------------------------*/

/* What stands in the note is over. */
static void end_work(struct report *r, uint64_t now_ns)
{
    uint64_t held_ns = since(r->note.began_ns, now_ns);

    if (is_below_bar(r, held_ns, now_ns))
        return;
    struct turn_holder who = r->note.who;
    who.held_ns = held_ns;
    keep(r, &who, now_ns);
}

/* The note is half-written while what was in it goes to the slow ones: killed
 * there, that piece of work is lost, not kept twice. */
void turnstile_work(struct turnstile *t, unsigned slot,
                    const struct turn_work *work)
{
    const struct place *p = &t->place[place_of(slot)];
    struct report *r = &t->report[place_of(slot)];
    struct note *n = &r->note;
    uint64_t ticket = atomic_load_explicit(&p->ticket, memory_order_relaxed);
    uint64_t now_ns = turn_clock_ns();

    assert(turnstile_ours(t, slot));
    histogram_add(&r->waits, work->waited_ns);
    version_write(&n->version);
    if (n->ticket == ticket)
        end_work(r, now_ns);
    n->ticket = ticket;
    n->began_ns = now_ns;
    n->who.pid = atomic_load_explicit(&p->pid, memory_order_relaxed);
    n->who.slot = slot;
    n->who.route = work->route;
    n->who.wall_ms = loop_wall_ms();
    n->who.waited_ns = work->waited_ns;
    record_text(n->who.id, sizeof n->who.id, work->id);
    version_written(&n->version);
}

/* It may have died while it wrote its note. */
void turn_over(struct turnstile *t, unsigned slot, uint64_t ticket,
               uint64_t now_ns)
{
    struct report *r = &t->report[place_of(slot)];
    uint64_t given_ns = atomic_load(&t->place[place_of(slot)].given_ns);
    bool whole =
        atomic_load_explicit(&r->note.version, memory_order_relaxed) % 2 == 0;

    histogram_add(&r->holds, since(given_ns, now_ns));
    if (whole && r->note.ticket == ticket)
        end_work(r, now_ns);
}

/* ---- by anybody ----------------------------------------------------------*/

/* One who has said nothing: it is not awake yet, or at BEGIN. */
static void describe(const struct turnstile *t, unsigned slot, uint64_t now_ns,
                     struct turn_holder *out)
{
    const struct place *p = &t->place[place_of(slot)];
    uint64_t given_ns = atomic_load(&p->given_ns);

    *out = (struct turn_holder){
        .pid = atomic_load(&p->pid), .slot = slot, .route = NAMES_REST};
    out->waited_ns = since(atomic_load(&p->asked_ns), given_ns);
    out->held_ns = since(given_ns, now_ns);
    out->wall_ms = loop_wall_ms() - (int64_t)(out->held_ns / 1000000);
}

bool turnstile_holder(const struct turnstile *t, struct turn_holder *out)
{
    struct note note;
    struct turn turn;

    if (!turn_read(t, &turn))
        return false;
    const struct report *r = &t->report[place_of(turn.slot)];
    uint64_t now_ns = turn_clock_ns();
    if (!version_copy(&r->note.version, &note, &r->note, sizeof note) ||
        note.ticket != turn.ticket) {
        describe(t, turn.slot, now_ns, out);
        return true;
    }
    *out = note.who;
    out->held_ns = since(note.began_ns, now_ns);
    return true;
}

uint64_t turnstile_queued(const struct turnstile *t, unsigned but)
{
    uint32_t used = atomic_load(&t->used);
    uint64_t sum = 0;

    for (uint32_t i = 0; i < used; i++)
        if (i != place_of(but))
            sum +=
                atomic_load_explicit(&t->place[i].queued, memory_order_relaxed);
    return sum;
}

void turnstile_waiting(const struct turnstile *t, unsigned *tickets,
                       uint64_t *requests)
{
    uint32_t used = atomic_load(&t->used);
    struct turn turn;

    turn_read(t, &turn);
    *tickets = 0;
    *requests = 0;
    for (uint32_t i = 0; i < used; i++) {
        uint64_t ticket = atomic_load(&t->place[i].ticket);
        if (ticket == 0)
            continue;
        *tickets += ticket != turn.ticket;
        *requests += atomic_load(&t->place[i].queued);
    }
}

bool turnstile_slow(const struct turnstile *t, unsigned slot, unsigned i,
                    struct turn_holder *out)
{
    unsigned place = place_of(slot);
    struct slow slow;

    if (i >= TURN_SLOW || place >= atomic_load(&t->used))
        return false;
    const struct slow *s = &t->report[place].slow[i];
    if (!version_copy(&s->version, &slow, s, sizeof slow))
        return false;
    *out = slow.who;
    return true;
}

/* A slot in which nobody writes any more keeps its old ones. */
static bool is_recent(const struct turn_holder *h, int64_t now_ms)
{
    int64_t ended_ms = h->wall_ms + (int64_t)(h->held_ns / 1000000);

    return now_ms - ended_ms < TURN_RECENT_MS;
}

/* Before those that held shorter; how many there are now. */
static unsigned insert(struct turn_holder *list, unsigned count, unsigned most,
                       const struct turn_holder *h)
{
    unsigned at = count;

    while (at > 0 && list[at - 1].held_ns < h->held_ns)
        at--;
    if (at == most)
        return count;
    if (count == most)
        count--;
    memmove(&list[at + 1], &list[at], (count - at) * sizeof *list);
    list[at] = *h;
    return count + 1;
}

unsigned turnstile_slowest(const struct turnstile *t, struct turn_holder *out,
                           unsigned most)
{
    int64_t now_ms = loop_wall_ms();
    struct turn_holder h;
    unsigned count = 0;

    for (unsigned slot = 0; slot < SLOTS_ALL; slot++)
        for (unsigned i = 0; i < TURN_SLOW; i++)
            if (turnstile_slow(t, slot, i, &h) && is_recent(&h, now_ms))
                count = insert(out, count, most, &h);
    return count;
}

const struct histogram *turnstile_waits(const struct turnstile *t,
                                        unsigned slot)
{
    return &t->report[place_of(slot)].waits;
}

const struct histogram *turnstile_holds(const struct turnstile *t,
                                        unsigned slot)
{
    return &t->report[place_of(slot)].holds;
}
