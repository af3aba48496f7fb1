#include <stdlib.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/shm.h"
#include "master/hand.h"
#include "master/spawn.h"

#include "master/crew.h"

/* Slot, its shared part and its hand have the same index. */
struct crew {
    struct slot *slots; /* shared */
    struct orders orders;
    struct hand hands[SLOTS_MAX];
};

/* ---- what is ----------------------------------------------------------- */

int64_t crew_count(const struct crew *c, const struct era *e,
                   enum slot_state state)
{
    int64_t count = 0;

    for (size_t i = 0; i < SLOTS_MAX; i++)
        if (c->hands[i].state == state && (e == NULL || c->hands[i].era == e))
            count++;
    return count;
}

int64_t crew_strength(const struct crew *c, const struct era *e)
{
    return crew_count(c, e, SLOT_STARTING) + crew_count(c, e, SLOT_READY) +
           crew_count(c, e, SLOT_BACKOFF);
}

bool crew_uses(const struct crew *c, const struct era *e)
{
    for (size_t i = 0; i < SLOTS_MAX; i++)
        if (c->hands[i].era == e)
            return true;
    return false;
}

bool crew_is_gone(const struct crew *c)
{
    for (size_t i = 0; i < SLOTS_MAX; i++)
        if (c->hands[i].pid)
            return false;
    return true;
}

uint64_t crew_next_ms(const struct crew *c)
{
    uint64_t next = HAND_NEVER;

    for (size_t i = 0; i < SLOTS_MAX; i++) {
        const struct hand *h = &c->hands[i];
        uint64_t due = h->state == SLOT_BACKOFF ? h->retry_ms : h->kill_ms;

        if (h->state != SLOT_EMPTY && due < next)
            next = due;
    }
    return next;
}

/* ---- what shall be ----------------------------------------------------- */

bool crew_start(struct crew *c, struct era *e)
{
    size_t i = 0;

    while (i < SLOTS_MAX && c->hands[i].state != SLOT_EMPTY)
        i++;
    if (i == SLOTS_MAX)
        return false;
    hand_sign_on(&c->hands[i], e);
    return true;
}

static bool is_older(const struct hand *a, const struct hand *b)
{
    /* A replacement of the old era can be younger than the new era's first. */
    if (a->era != b->era)
        return a->era->number < b->era->number;
    return a->birth < b->birth;
}

void crew_retire_oldest(struct crew *c)
{
    struct hand *oldest = NULL;

    for (size_t i = 0; i < SLOTS_MAX; i++) {
        struct hand *h = &c->hands[i];
        if (h->state == SLOT_READY && (oldest == NULL || is_older(h, oldest)))
            oldest = h;
    }
    if (oldest)
        hand_react(oldest, HAND_RETIRED);
}

/* One that only waits to be tried again is the cheaper loss. */
bool crew_retire_unready(struct crew *c, const struct era *e)
{
    struct hand *found = NULL;

    for (size_t i = 0; i < SLOTS_MAX; i++) {
        struct hand *h = &c->hands[i];
        if (h->era == e && (h->state == SLOT_BACKOFF ||
                            (h->state == SLOT_STARTING && found == NULL)))
            found = h;
    }
    if (found)
        hand_react(found, HAND_RETIRED);
    return found != NULL;
}

void crew_dismiss(struct crew *c, const struct era *e)
{
    while (crew_retire_unready(c, e))
        ;
}

void crew_retire_all(struct crew *c)
{
    for (size_t i = 0; i < SLOTS_MAX; i++)
        hand_react(&c->hands[i], HAND_RETIRED);
}

void crew_signal(struct crew *c, int signal)
{
    for (size_t i = 0; i < SLOTS_MAX; i++)
        spawn_signal(c->hands[i].pid, signal);
}

void crew_hurry(struct crew *c)
{
    c->orders.hurry = true;
    for (size_t i = 0; i < SLOTS_MAX; i++)
        hand_quit(&c->hands[i]);
}

void crew_forgive(struct crew *c)
{
    c->orders.forgiven_ms = loop_clock_ms();
}

/* ---- events ------------------------------------------------------------ */

void crew_look(struct crew *c)
{
    struct spawn_end end;

    for (size_t i = 0; i < SLOTS_MAX; i++)
        hand_look(&c->hands[i]);
    while (spawn_reap(&end)) {
        size_t i = 0;
        while (i < SLOTS_MAX && c->hands[i].pid != end.pid)
            i++;
        if (i < SLOTS_MAX) /* else a stranger, who fell to process 1 */
            hand_end(&c->hands[i], &end);
    }
}

void crew_tend(struct crew *c)
{
    for (size_t i = 0; i < SLOTS_MAX; i++)
        hand_react(&c->hands[i], HAND_TENDED);
}

/* ---- the whole --------------------------------------------------------- */

struct crew *crew_new(worker_body *body, int news_fd, int life_fd)
{
    struct slot *slots = shm_map(SLOTS_MAX * sizeof *slots);
    struct crew *c = slots ? calloc(1, sizeof *c) : NULL;

    if (c == NULL) {
        shm_unmap(slots, SLOTS_MAX * sizeof *slots);
        return NULL;
    }
    c->slots = slots;
    c->orders.body = body;
    for (unsigned i = 0; i < SLOTS_MAX; i++) {
        c->hands[i].orders = &c->orders;
        c->hands[i].heritage = (struct heritage){.slot = &slots[i],
                                                 .number = i,
                                                 .news_fd = news_fd,
                                                 .life_fd = life_fd,
                                                 .master = getpid()};
    }
    return c;
}

void crew_free(struct crew *c)
{
    if (c == NULL)
        return;
    shm_unmap(c->slots, SLOTS_MAX * sizeof *c->slots);
    free(c);
}
