#include <time.h>
#include <unistd.h>

#include "common/segment/turnstile_private.h"

/*
 * Why it holds. The turn is a word that names a ticket and a slot. It is that
 * process's turn as long as the ticket stands in its place, and nobody's
 * otherwise. All of it is sequentially consistent.
 *
 * Two never have it at once: one word names one. And it is never taken from
 * who has it: move_on replaces only a word whose ticket it has seen to be
 * gone, by compare-and-swap; a ticket is given once, so what is gone never
 * stands again, and the word never has the same value twice: it is given to a
 * ticket that was seen standing after the former one was seen gone, while
 * that former one was still in the word. Only its owner clears a ticket, when
 * it is through, or the master, when its owner is dead. So what was written
 * under a turn was written before the next one begins.
 *
 * It never stays with nobody while a ticket stands. Who draws a ticket, and
 * who clears one, goes through move_on afterwards; and move_on ends only after
 * a look at which the turn was somebody's, or no ticket stood. Say a ticket D
 * stood for ever and the turn were nobody's. When D's owner was through with
 * move_on, the turn was somebody's, for D stood. The last one who had it has
 * cleared its ticket since, and gone through move_on; D stood, so at its end
 * the turn was somebody's again, who therefore was not the last.
 *
 * Deaths. Who dies before its ticket stands has changed nothing (a number is
 * lost, and numbers need not be without gaps). Who dies with a ticket, with
 * or without the turn, or on the way through move_on, is forgotten by the
 * master, who clears the ticket and goes through move_on for it. Until then
 * the turn may be with the dead, or with nobody; in the second case those who
 * wait find out sooner (turnstile_tend). Who dies between giving the turn and
 * ringing leaves one who has it and does not know: it looks each
 * TURN_LOOK_MS, and turnstile_forget rings whoever has it.
 *
 * Order: the smallest ticket that stands. Who has drawn a number and not yet
 * put it up can be overtaken by those who did both meanwhile.
 */

enum { SLOT_BITS = 16 }; /* of the word; 48 are left for the ticket */
_Static_assert((int)SLOTS_ALL < 1 << SLOT_BITS, "a slot fits");

size_t turnstile_size(void)
{
    return sizeof(struct turnstile);
}

uint64_t turn_clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct place *place_at(struct turnstile *t, unsigned slot)
{
    return &t->place[place_of(slot)];
}

static uint64_t word_of(struct turn turn)
{
    return turn.ticket << SLOT_BITS | turn.slot;
}

static struct turn turn_of(uint64_t word)
{
    return (struct turn){word >> SLOT_BITS,
                         (unsigned)(word & ((1U << SLOT_BITS) - 1))};
}

/* Its ticket is no longer there (or never was any). */
static bool is_gone(const struct turnstile *t, struct turn turn)
{
    return turn.ticket == 0 ||
           atomic_load(&t->place[place_of(turn.slot)].ticket) != turn.ticket;
}

bool turn_read(const struct turnstile *t, struct turn *out)
{
    *out = turn_of(atomic_load(&t->turn));
    return !is_gone(t, *out);
}

/* ---- giving it -----------------------------------------------------------*/

/* The smallest ticket; false when there is none. */
static bool find_next(const struct turnstile *t, struct turn *next)
{
    uint32_t used = atomic_load(&t->used);

    next->ticket = UINT64_MAX;
    for (uint32_t i = 0; i < used; i++) {
        uint64_t ticket = atomic_load(&t->place[i].ticket);
        if (ticket != 0 && ticket < next->ticket)
            *next = (struct turn){ticket, slot_at(i)};
    }
    return next->ticket != UINT64_MAX;
}

static void raise_to(_Atomic uint64_t *clock, uint64_t ns)
{
    uint64_t was = atomic_load(clock);

    while (was < ns && !atomic_compare_exchange_weak(clock, &was, ns))
        ;
}

/*
 * Gives the turn to the next if it is nobody's; `self` need not be rung. Each
 * further round means that another one moved it, or that who was given it is
 * through, or dead, already.
 *
 * `now` is from before the word is read, so no later than any gift that
 * replaces that word: see given_ns.
 */
static void move_on(struct turnstile *t, unsigned self, const struct bells *b,
                    uint64_t now)
{
    struct turn next;

    for (;;) {
        uint64_t word = atomic_load(&t->turn);
        if (!is_gone(t, turn_of(word)) || !find_next(t, &next))
            return;
        raise_to(&place_at(t, next.slot)->given_ns, now);
        if (atomic_compare_exchange_strong(&t->turn, &word, word_of(next)) &&
            next.slot != self)
            bells_ring(b, next.slot);
    }
}

/* ---- the process in a slot -----------------------------------------------*/

/* Before a ticket stands there. */
static void use_place(struct turnstile *t, unsigned place)
{
    place_use(&t->used, place);
    if (atomic_load(&t->place[place].pid) == 0)
        atomic_store(&t->place[place].pid, getpid());
}

bool turnstile_ask(struct turnstile *t, unsigned slot, const struct bells *b)
{
    struct place *p = place_at(t, slot);

    if (atomic_load(&p->ticket) == 0) {
        uint64_t now = turn_clock_ns();
        use_place(t, place_of(slot));
        atomic_store_explicit(&p->asked_ns, now, memory_order_relaxed);
        atomic_store(&p->ticket, atomic_fetch_add(&t->tickets, 1) + 1);
        move_on(t, slot, b, now);
    }
    return turnstile_ours(t, slot);
}

bool turnstile_ours(const struct turnstile *t, unsigned slot)
{
    const struct turn turn = {
        .ticket = atomic_load(&t->place[place_of(slot)].ticket), .slot = slot};

    return turn.ticket != 0 && atomic_load(&t->turn) == word_of(turn);
}

/* The turn goes on first, then is noted what it was: others wait for it. */
void turnstile_pass(struct turnstile *t, unsigned slot, const struct bells *b)
{
    struct place *p = place_at(t, slot);
    uint64_t ticket = atomic_load(&p->ticket);

    if (ticket == 0)
        return;
    bool ours = turnstile_ours(t, slot);
    uint64_t now = turn_clock_ns();
    atomic_store(&p->ticket, 0);
    move_on(t, slot, b, now);
    if (ours)
        turn_over(t, slot, ticket, now);
}

void turnstile_tend(struct turnstile *t, const struct bells *b)
{
    struct turn turn;

    if (!turn_read(t, &turn))
        move_on(t, SLOTS_ALL, b, turn_clock_ns());
}

void turnstile_queue(struct turnstile *t, unsigned slot, uint32_t requests)
{
    atomic_store_explicit(&place_at(t, slot)->queued, requests,
                          memory_order_relaxed);
}

/* ---- the master ----------------------------------------------------------*/

/* Also without a ticket: it may have cleared that and died before the turn
 * was moved on. */
void turnstile_forget(struct turnstile *t, unsigned slot, const struct bells *b)
{
    struct place *p = place_at(t, slot);
    uint64_t ticket = atomic_load(&p->ticket);
    bool had = turnstile_ours(t, slot);
    uint64_t now = turn_clock_ns();
    struct turn turn;

    atomic_store(&p->queued, 0);
    atomic_store(&p->pid, 0);
    atomic_store(&p->ticket, 0);
    move_on(t, SLOTS_ALL, b, now);
    if (had)
        turn_over(t, slot, ticket, now);
    if (turn_read(t, &turn))
        bells_ring(b, turn.slot);
}
