#include <stdatomic.h>
#include <string.h>

#include "common/segment/heritage.h"

#include "common/segment/errands.h"

/*
 * One word an entry, so that state, owner and generation change together or
 * not at all:
 *
 *     generation | slot + 1, 0: nobody | state
 *      63 … 24         23 … 8            7 … 0
 *
 * Who changes it: NONE to FILLING and ASKED the one who asks, to RUNNING and
 * from there to DONE or FAILED the keeper; back to NONE, with the next
 * generation, whoever is the last to be interested. What an entry says beside
 * is written only by the one in whose hands the state puts it: `what` while
 * FILLING, `end` while RUNNING.
 *
 * A number is generation and place, so one that was dropped fits no later
 * errand. After 2^26 errands in one place it would fit again.
 */
enum {
    FILLING = ERRAND_FAILED + 1, /* being asked: nobody's business yet */

    STATE = 255,
    OWNER_SHIFT = 8,
    OWNER = 65535 << OWNER_SHIFT,
    GENERATION_SHIFT = 24,
    GENERATIONS = 1 << 26,
};
_Static_assert((int)SLOTS_ALL < OWNER >> OWNER_SHIFT, "a slot fits");
_Static_assert(INT32_MAX / ERRANDS_MAX >= GENERATIONS - 1, "a number fits");

struct entry {
    _Atomic uint64_t word;
    _Atomic uint64_t order; /* in which they were asked */
    struct errand errand;
    struct errand_end end;
};

struct errands {
    _Atomic uint64_t asked; /* so far */
    struct entry at[ERRANDS_MAX];
};

size_t errands_size(void)
{
    return sizeof(struct errands);
}

/* ---- words ---------------------------------------------------------------*/

static unsigned state_of(uint64_t word)
{
    return word & STATE;
}

static uint64_t with_state(uint64_t word, unsigned state)
{
    return (word & ~(uint64_t)STATE) | state;
}

/* The slot, or -1. */
static int owner_of(uint64_t word)
{
    return (int)((word & OWNER) >> OWNER_SHIFT) - 1;
}

static uint64_t with_owner(uint64_t word, int slot)
{
    return (word & ~(uint64_t)OWNER) | (uint64_t)(slot + 1) << OWNER_SHIFT;
}

static uint64_t freed(uint64_t word)
{
    return ((word >> GENERATION_SHIFT) + 1) << GENERATION_SHIFT;
}

static int number_of(size_t place, uint64_t word)
{
    uint64_t generation = (word >> GENERATION_SHIFT) % GENERATIONS;

    return (int)(generation * ERRANDS_MAX + place);
}

static size_t place_of(int number)
{
    return (size_t)number % ERRANDS_MAX;
}

/* The word of the errand with that number; 0 when its place is another's. */
static uint64_t word_of(const struct errands *e, int number)
{
    if (number < 0)
        return 0;
    uint64_t word = atomic_load(&e->at[place_of(number)].word);
    return number_of(place_of(number), word) == number ? word : 0;
}

/* ---- asking --------------------------------------------------------------*/

static bool claim(struct entry *entry, unsigned slot, uint64_t *word)
{
    *word = atomic_load(&entry->word);
    if (state_of(*word) != ERRAND_NONE)
        return false;
    uint64_t ours = with_owner(with_state(*word, FILLING), (int)slot);
    if (!atomic_compare_exchange_strong(&entry->word, word, ours))
        return false;
    *word = ours;
    return true;
}

int errands_ask(struct errands *e, unsigned slot, enum errand_kind kind,
                struct slice what)
{
    if (what.len >= ERRAND_WHAT)
        return -1;
    for (size_t i = 0; i < ERRANDS_MAX; i++) {
        struct entry *entry = &e->at[i];
        uint64_t word;
        if (!claim(entry, slot, &word))
            continue;
        entry->errand = (struct errand){.kind = kind};
        if (what.len > 0)
            memcpy(entry->errand.what, what.ptr, what.len);
        atomic_store(&entry->order, atomic_fetch_add(&e->asked, 1));
        atomic_store(&entry->word, with_state(word, ERRAND_ASKED));
        return number_of(i, word);
    }
    return -1;
}

enum errand_state errands_look(const struct errands *e, int number,
                               struct errand_end *end)
{
    enum errand_state state = state_of(word_of(e, number));

    if (state == ERRAND_DONE || state == ERRAND_FAILED)
        *end = e->at[place_of(number)].end;
    return state;
}

/* Its owner wants it no more: free, unless the keeper is at it. Each turn of
 * the loop means that the keeper was faster, which it can be twice. */
static enum errand_state release(struct entry *entry, uint64_t word)
{
    uint64_t then;

    do {
        then = state_of(word) == ERRAND_RUNNING ? with_owner(word, -1)
                                                : freed(word);
    } while (!atomic_compare_exchange_weak(&entry->word, &word, then));
    return state_of(word);
}

enum errand_state errands_drop(struct errands *e, int number)
{
    uint64_t word = word_of(e, number);

    if (state_of(word) == ERRAND_NONE)
        return ERRAND_NONE;
    return release(&e->at[place_of(number)], word);
}

/* ---- doing ---------------------------------------------------------------*/

/* The one asked first, and its word; -1 when there is none. */
static int first(const struct errands *e, uint64_t *word)
{
    uint64_t lowest = UINT64_MAX;
    int place = -1;

    for (int i = 0; i < ERRANDS_MAX; i++) {
        uint64_t seen = atomic_load(&e->at[i].word);
        uint64_t order = atomic_load(&e->at[i].order);
        if (state_of(seen) != ERRAND_ASKED || order >= lowest)
            continue;
        lowest = order;
        place = i;
        *word = seen;
    }
    return place;
}

/* Should the one found be dropped meanwhile, its word is another. */
int errands_next(struct errands *e, struct errand *out)
{
    uint64_t word;
    int place;

    while ((place = first(e, &word)) >= 0) {
        struct entry *entry = &e->at[place];
        uint64_t running = with_state(word, ERRAND_RUNNING);
        if (!atomic_compare_exchange_strong(&entry->word, &word, running))
            continue;
        *out = entry->errand;
        return number_of((size_t)place, running);
    }
    return -1;
}

/* `end` is in its place. Once ended it is the owner's; without one, nobody's.
 */
static int finish(struct entry *entry, uint64_t word, enum errand_state how)
{
    uint64_t then;

    do {
        then = owner_of(word) < 0 ? freed(word) : with_state(word, how);
    } while (!atomic_compare_exchange_weak(&entry->word, &word, then));
    return owner_of(word);
}

int errands_end(struct errands *e, int number, bool ok,
                const struct errand_end *end)
{
    uint64_t word = word_of(e, number);

    if (state_of(word) != ERRAND_RUNNING)
        return -1;
    struct entry *entry = &e->at[place_of(number)];
    entry->end = *end;
    entry->end.text[ERRAND_RESULT - 1] = '\0';
    return finish(entry, word, ok ? ERRAND_DONE : ERRAND_FAILED);
}

/* ---- after a death -------------------------------------------------------*/

void errands_forget(struct errands *e, unsigned slot)
{
    for (size_t i = 0; i < ERRANDS_MAX; i++) {
        uint64_t word = atomic_load(&e->at[i].word);
        if (state_of(word) != ERRAND_NONE && owner_of(word) == (int)slot)
            release(&e->at[i], word);
    }
}

void errands_fail(struct errands *e, const char *why)
{
    struct errand_end end = {0};
    struct slice text = slice_of(why);

    if (text.len >= sizeof end.text)
        text.len = sizeof end.text - 1;
    if (text.len > 0)
        memcpy(end.text, text.ptr, text.len);
    for (size_t i = 0; i < ERRANDS_MAX; i++) {
        uint64_t word = atomic_load(&e->at[i].word);
        if (state_of(word) != ERRAND_RUNNING)
            continue;
        e->at[i].end = end;
        finish(&e->at[i], word, ERRAND_FAILED);
    }
}
