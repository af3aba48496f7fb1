#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/segment/shared.h"
#include "common/segment/shm.h"
#include "master/hand.h"
#include "master/spawn.h"

#include "master/crew.h"

/* The workers' come first, so that whoever means them ends at SLOTS_MAX. */
enum { HANDS = SLOT_KEEPER + 1, WORDS_BYTES = HANDS * LAST_WORDS };

/* A slot and its hand have the same index. */
struct crew {
    struct role worker;
    struct role keeper; /* no body: there is none */
    struct orders orders;
    void (*on_stranger)(void *self, const struct spawn_end *end);
    void *self;
    char *last_words;    /* see heritage.h; of all hands, one behind another */
    bool leaving;        /* everybody is: see crew_retire_all */
    bool keeper_hurried; /* it was told to leave at once */
    bool crowded;        /* there was no slot, and the log was told */
    struct hand hands[HANDS];
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
    int64_t count = 0;

    for (size_t i = 0; i < SLOTS_MAX; i++) {
        const struct hand *h = &c->hands[i];
        if (h->era == e && hand_is_there(h) && !hand_is_due(h))
            count++;
    }
    return count;
}

int64_t crew_serving(const struct crew *c)
{
    int64_t count = 0;

    for (size_t i = 0; i < SLOTS_MAX; i++)
        if (hand_serves(&c->hands[i]))
            count++;
    return count;
}

int64_t crew_present(const struct crew *c)
{
    int64_t count = 0;

    for (size_t i = 0; i < SLOTS_MAX; i++)
        if (hand_is_there(&c->hands[i]))
            count++;
    return count;
}

bool crew_uses(const struct crew *c, const struct era *e)
{
    for (size_t i = 0; i < HANDS; i++)
        if (c->hands[i].era == e)
            return true;
    return false;
}

bool crew_is_gone(const struct crew *c)
{
    for (size_t i = 0; i < HANDS; i++)
        if (c->hands[i].pid)
            return false;
    return true;
}

size_t crew_view(const struct crew *c, struct hand_view *out, size_t most)
{
    uint64_t now_ms = loop_clock_ms();
    size_t count = 0;

    for (size_t i = 0; i < HANDS && count < most; i++) {
        const struct hand *h = &c->hands[i];
        if (h->state == SLOT_EMPTY)
            continue;
        out[count++] = (struct hand_view){.slot = (unsigned)i,
                                          .pid = h->pid,
                                          .state = h->state,
                                          .stopped = h->stopped_ms != 0,
                                          .due = hand_is_due(h),
                                          .generation = h->era->number,
                                          .age_ms = now_ms - h->born_ms};
    }
    return count;
}

uint64_t crew_next_ms(const struct crew *c)
{
    uint64_t next = HAND_NEVER;

    for (size_t i = 0; i < HANDS; i++) {
        uint64_t due = hand_next_ms(&c->hands[i]);
        if (due < next)
            next = due;
    }
    return next;
}

/* ---- what shall be ----------------------------------------------------- */

/* Once, until there is room again: it is tried each second. */
static void say_crowded(struct crew *c)
{
    if (!c->crowded)
        log_warning("A worker cannot start: all %d slots of the shared memory "
                    "are taken, of %lld by this master's; it waits for one",
                    SLOTS_MAX, (long long)crew_present(c));
    c->crowded = true;
}

bool crew_start(struct crew *c, struct era *e)
{
    size_t i = 0;

    while (i < SLOTS_MAX && !hand_claim(&c->hands[i]))
        i++;
    if (i == SLOTS_MAX) {
        say_crowded(c);
        return false;
    }
    c->crowded = false;
    hand_sign_on(&c->hands[i], e);
    return true;
}

static bool goes_before(const struct hand *a, const struct hand *b)
{
    /* A replacement of the old era can be younger than the new era's first. */
    if (a->era != b->era)
        return a->era->number < b->era->number;
    if (hand_is_due(a) != hand_is_due(b))
        return hand_is_due(a);
    return a->birth < b->birth;
}

void crew_retire_oldest(struct crew *c)
{
    struct hand *oldest = NULL;

    for (size_t i = 0; i < SLOTS_MAX; i++) {
        struct hand *h = &c->hands[i];
        if (hand_serves(h) && (oldest == NULL || goes_before(h, oldest)))
            oldest = h;
    }
    if (oldest)
        hand_react(oldest, HAND_RETIRED);
}

void crew_retire_stopped(struct crew *c, const struct era *but)
{
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        struct hand *h = &c->hands[i];
        if (h->state == SLOT_READY && h->missed && h->era != but)
            hand_react(h, HAND_RETIRED);
    }
}

bool crew_replace(struct crew *c, pid_t pid)
{
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        struct hand *h = &c->hands[i];
        if (pid <= 0 || h->pid != pid || !hand_serves(h))
            continue;
        h->unwanted = true;
        return true;
    }
    return false;
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

void crew_start_keeper(struct crew *c, struct era *e)
{
    struct hand *keeper = &c->hands[SLOT_KEEPER];

    if (c->keeper.body && hand_claim(keeper))
        hand_sign_on(keeper, e);
}

void crew_retire_keeper(struct crew *c)
{
    hand_react(&c->hands[SLOT_KEEPER], HAND_RETIRED);
}

void crew_retire_all(struct crew *c)
{
    c->leaving = true;
    for (size_t i = 0; i < SLOTS_MAX; i++)
        hand_react(&c->hands[i], HAND_RETIRED);
}

void crew_signal(struct crew *c, int signal)
{
    for (size_t i = 0; i < HANDS; i++)
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

void crew_absolve(struct crew *c, const struct era *from)
{
    c->orders.blamed_from = from->number;
    estate_absolve(&c->orders.estate);
}

/* ---- events ------------------------------------------------------------ */

/* Null for a stranger, who fell to process 1. */
static struct hand *find(struct crew *c, pid_t pid)
{
    for (size_t i = 0; i < HANDS; i++)
        if (c->hands[i].pid == pid)
            return &c->hands[i];
    return NULL;
}

/* Who stood in for it is the one that goes: it has the fewest clients. */
static void spare_youngest(struct crew *c, const struct era *e)
{
    struct hand *youngest = NULL;

    for (size_t i = 0; i < SLOTS_MAX; i++) {
        struct hand *h = &c->hands[i];
        if (h->era == e && hand_serves(h) && !hand_is_due(h) &&
            (youngest == NULL || h->birth > youngest->birth))
            youngest = h;
    }
    if (youngest && crew_serving(c) > e->wanted)
        youngest->unwanted = true;
}

static void go_on(struct crew *c, struct hand *h)
{
    hand_continue(h);
    if (h->state == SLOT_READY && h->heritage.number != SLOT_KEEPER)
        spare_youngest(c, h->era);
}

static void take_note(struct crew *c, enum spawn_change change,
                      const struct spawn_end *end)
{
    struct hand *h = find(c, end->pid);

    if (h == NULL) {
        if (change == SPAWN_ENDED && c->on_stranger)
            c->on_stranger(c->self, end);
        return;
    }
    if (change == SPAWN_STOPPED) {
        hand_stop(h);
    } else if (change == SPAWN_CONTINUED) {
        go_on(c, h);
    } else {
        hand_end(h, end);
    }
}

void crew_look(struct crew *c)
{
    enum spawn_change change;
    struct spawn_end end;

    for (size_t i = 0; i < HANDS; i++)
        hand_look(&c->hands[i]);
    while ((change = spawn_reap(&end)) != SPAWN_NONE)
        take_note(c, change, &end);
}

static bool has_workers(const struct crew *c)
{
    for (size_t i = 0; i < SLOTS_MAX; i++)
        if (c->hands[i].pid)
            return true;
    return false;
}

/* Last of all: what the workers have written is in its care. */
static void let_keeper_go(struct crew *c)
{
    struct hand *keeper = &c->hands[SLOT_KEEPER];

    hand_react(keeper, HAND_RETIRED);
    if (c->orders.hurry && !c->keeper_hurried)
        hand_quit(keeper);
    c->keeper_hurried = c->orders.hurry;
}

void crew_tend(struct crew *c)
{
    if (c->leaving && !has_workers(c))
        let_keeper_go(c);
    for (size_t i = 0; i < HANDS; i++)
        hand_react(&c->hands[i], HAND_TENDED);
}

/* ---- the whole --------------------------------------------------------- */

static char *words_of(const struct crew *c, unsigned i)
{
    return c->last_words ? c->last_words + (size_t)i * LAST_WORDS : NULL;
}

static void assign(struct crew *c, const struct crew_config *config)
{
    for (unsigned i = 0; i < HANDS; i++) {
        c->hands[i].orders = &c->orders;
        c->hands[i].role = i == SLOT_KEEPER ? &c->keeper : &c->worker;
        c->hands[i].heritage =
            (struct heritage){.shared = config->shared,
                              .slot = &config->shared->slots[i],
                              .number = i,
                              .news_fd = config->news_fd,
                              .life_fd = config->life_fd,
                              .bell_fd = config->bell_fd,
                              .bells = config->bells,
                              .last_words = words_of(c, i),
                              .master = getpid()};
    }
}

struct crew *crew_new(const struct crew_config *config)
{
    struct blame *blame = blame_new();
    struct crew *c = blame ? calloc(1, sizeof *c) : NULL;

    if (c == NULL) {
        blame_free(blame);
        return NULL;
    }
    c->on_stranger = config->on_stranger;
    c->self = config->self;
    c->worker = (struct role){config->body, "worker", "Worker"};
    c->keeper = (struct role){config->keeper, "keeper", "Keeper"};
    c->orders.estate = (struct estate){.shared = config->shared,
                                       .blame = blame,
                                       .bell_fd = config->bell_fd,
                                       .bells = config->bells};
    c->last_words = shm_map(WORDS_BYTES); /* null: nobody tells why */
    assign(c, config);
    return c;
}

const struct estate *crew_estate(const struct crew *c)
{
    return &c->orders.estate;
}

void crew_free(struct crew *c)
{
    if (c == NULL)
        return;
    blame_free(c->orders.estate.blame);
    shm_unmap(c->last_words, WORDS_BYTES);
    free(c);
}
