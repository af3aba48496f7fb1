/*
 * stepped: a turnstile of a few slots, of which one process is executed
 * instruction by instruction on its way through it; and what must hold
 * whatever became of it.
 */
#ifndef PRONG_TEST_STEPPED_H
#define PRONG_TEST_STEPPED_H

#include "crowd.h"

#include <sys/ptrace.h>

#include "common/segment/turnstile_private.h"

enum { FIRST, STEPPED, THIRD, NEWCOMER, SLOTS, NOBODY = -1 };

typedef void move(struct turnstile *t);

static inline void ask_for(struct turnstile *t, unsigned slot)
{
    turnstile_ask(t, slot, NULL);
}

static inline void pass_of(struct turnstile *t, unsigned slot)
{
    turnstile_pass(t, slot, NULL);
}

/* It died in its pass, before the turn went on. */
static inline void leave(struct turnstile *t, unsigned slot)
{
    t->place[place_of(slot)].ticket = 0;
}

/* ---- how it stands before ------------------------------------------------*/

static inline void empty(struct turnstile *t)
{
    (void)t;
}

static inline void first_has_it(struct turnstile *t)
{
    ask_for(t, FIRST);
}

static inline void first_left_it(struct turnstile *t)
{
    ask_for(t, FIRST);
    leave(t, FIRST);
}

static inline void third_waits_for_nobody(struct turnstile *t)
{
    ask_for(t, FIRST);
    ask_for(t, THIRD);
    leave(t, FIRST);
}

static inline void stepped_has_it(struct turnstile *t)
{
    ask_for(t, STEPPED);
}

static inline void stepped_has_it_others_wait(struct turnstile *t)
{
    ask_for(t, STEPPED);
    ask_for(t, THIRD);
    ask_for(t, FIRST);
}

static inline void stepped_waits_between(struct turnstile *t)
{
    ask_for(t, FIRST);
    ask_for(t, STEPPED);
    ask_for(t, THIRD);
}

static inline void stepped_is_next_of_nobody(struct turnstile *t)
{
    stepped_waits_between(t);
    leave(t, FIRST);
}

/* ---- what is done --------------------------------------------------------*/

static inline void nothing(struct turnstile *t)
{
    (void)t;
}

static inline void stepped_asks(struct turnstile *t)
{
    ask_for(t, STEPPED);
}

static inline void stepped_passes(struct turnstile *t)
{
    pass_of(t, STEPPED);
}

static inline void tends(struct turnstile *t)
{
    turnstile_tend(t, NULL);
}

static inline void stepped_works(struct turnstile *t)
{
    const struct turn_work work = {7, SLICE("id"), 1};

    turnstile_work(t, STEPPED, &work);
    turnstile_work(t, STEPPED, &work);
    pass_of(t, STEPPED);
}

static inline void third_asks(struct turnstile *t)
{
    ask_for(t, THIRD);
}

static inline void third_leaves(struct turnstile *t)
{
    pass_of(t, THIRD);
}

static inline void first_passes(struct turnstile *t)
{
    pass_of(t, FIRST);
}

static inline void third_asks_first_passes(struct turnstile *t)
{
    ask_for(t, THIRD);
    pass_of(t, FIRST);
}

static inline void third_leaves_first_comes(struct turnstile *t)
{
    pass_of(t, THIRD);
    ask_for(t, FIRST);
}

/* Goes all the way, if it can. */
static inline void third_comes_and_goes(struct turnstile *t)
{
    if (turnstile_ask(t, THIRD, NULL))
        pass_of(t, THIRD);
}

/* ---- stepping ------------------------------------------------------------*/

static inline pid_t child_at(struct turnstile *t, move *act)
{
    int status;

    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(77);
        raise(SIGSTOP);
        act(t);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip(); /* nobody may trace here */
    return child;
}

/* Goes on by so many instructions; false once it is done. */
static inline bool steps(pid_t child, unsigned count)
{
    int status;

    while (count-- > 0) {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFSTOPPED(status))
            continue;
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        return false;
    }
    return true;
}

static inline void run_to_end(pid_t child)
{
    assert_int_equal(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
    assert_int_equal(crowd_wait(child), 0);
}

/* ---- what must hold ------------------------------------------------------*/

static inline int holder_of(const struct turnstile *t)
{
    struct turn_holder h;

    return turnstile_holder(t, &h) ? (int)h.slot : NOBODY;
}

/* Everybody who is there gets one turn, without any looking after it, and
 * who comes then has it at once. `mask`: who must be there; NOBODY: whoever
 * is. */
static inline const char *fault_of(struct turnstile *t, int mask)
{
    unsigned tickets;
    uint64_t requests;
    int seen = 0;

    for (int h; (h = holder_of(t)) != NOBODY;) {
        if (seen >> h & 1)
            return "a turn twice";
        seen |= 1 << h;
        pass_of(t, (unsigned)h);
        if (turnstile_ours(t, (unsigned)h))
            return "a turn that stays";
    }
    turnstile_waiting(t, &tickets, &requests);
    if (tickets > 0)
        return "somebody waits for ever";
    if (mask != NOBODY && seen != mask)
        return "not those who had asked";
    if (!turnstile_ask(t, NEWCOMER, NULL))
        return "a newcomer waits";
    return NULL;
}

/* Who has a ticket. */
static inline int standing(const struct turnstile *t)
{
    int mask = 0;

    for (unsigned slot = 0; slot < SLOTS; slot++)
        if (t->place[place_of(slot)].ticket != 0)
            mask |= 1 << slot;
    return mask;
}

/* The queue and what these slots report, which is all that is touched. */
static inline size_t touched(void)
{
    return offsetof(struct turnstile, report) +
           (place_of(NEWCOMER) + 1) * sizeof(struct report);
}

#endif
