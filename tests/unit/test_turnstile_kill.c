#include "crowd.h"

#include <sys/ptrace.h>

#include "common/turnstile_private.h"

/*
 * One process is executed instruction by instruction on its way through the
 * turnstile. First: whatever instruction it dies at, the others get their
 * turns, each one, and a newcomer too. Second: whatever instruction it is
 * stopped at while another one goes its way, nobody is passed over.
 */
enum { FIRST, STEPPED, THIRD, NEWCOMER, SLOTS, NOBODY = -1 };

typedef void move(struct turnstile *t);

static void ask_for(struct turnstile *t, unsigned slot)
{
    turnstile_ask(t, slot, NULL);
}

static void pass_of(struct turnstile *t, unsigned slot)
{
    turnstile_pass(t, slot, NULL);
}

/* It died in its pass, before the turn went on. */
static void leave(struct turnstile *t, unsigned slot)
{
    t->place[place_of(slot)].ticket = 0;
}

/* ---- how it stands before ------------------------------------------------*/

static void empty(struct turnstile *t)
{
    (void)t;
}

static void first_has_it(struct turnstile *t)
{
    ask_for(t, FIRST);
}

static void first_left_it(struct turnstile *t)
{
    ask_for(t, FIRST);
    leave(t, FIRST);
}

static void third_waits_for_nobody(struct turnstile *t)
{
    ask_for(t, FIRST);
    ask_for(t, THIRD);
    leave(t, FIRST);
}

static void stepped_has_it(struct turnstile *t)
{
    ask_for(t, STEPPED);
}

static void stepped_has_it_others_wait(struct turnstile *t)
{
    ask_for(t, STEPPED);
    ask_for(t, THIRD);
    ask_for(t, FIRST);
}

static void stepped_waits_between(struct turnstile *t)
{
    ask_for(t, FIRST);
    ask_for(t, STEPPED);
    ask_for(t, THIRD);
}

static void stepped_is_next_of_nobody(struct turnstile *t)
{
    stepped_waits_between(t);
    leave(t, FIRST);
}

/* ---- what is done --------------------------------------------------------*/

static void nothing(struct turnstile *t)
{
    (void)t;
}

static void stepped_asks(struct turnstile *t)
{
    ask_for(t, STEPPED);
}

static void stepped_passes(struct turnstile *t)
{
    pass_of(t, STEPPED);
}

static void tends(struct turnstile *t)
{
    turnstile_tend(t, NULL);
}

static void stepped_works(struct turnstile *t)
{
    const struct turn_work work = {7, SLICE("id"), 1};

    turnstile_work(t, STEPPED, &work);
    turnstile_work(t, STEPPED, &work);
    pass_of(t, STEPPED);
}

static void third_asks(struct turnstile *t)
{
    ask_for(t, THIRD);
}

static void third_leaves(struct turnstile *t)
{
    pass_of(t, THIRD);
}

static void first_passes(struct turnstile *t)
{
    pass_of(t, FIRST);
}

static void third_asks_first_passes(struct turnstile *t)
{
    ask_for(t, THIRD);
    pass_of(t, FIRST);
}

static void third_leaves_first_comes(struct turnstile *t)
{
    pass_of(t, THIRD);
    ask_for(t, FIRST);
}

/* Goes all the way, if it can. */
static void third_comes_and_goes(struct turnstile *t)
{
    if (turnstile_ask(t, THIRD, NULL))
        pass_of(t, THIRD);
}

/* ---- stepping ------------------------------------------------------------*/

static pid_t child_at(struct turnstile *t, move *act)
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
static bool steps(pid_t child, unsigned count)
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

static void run_to_end(pid_t child)
{
    assert_int_equal(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
    assert_int_equal(crowd_wait(child), 0);
}

/* ---- what must hold ------------------------------------------------------*/

static int holder_of(const struct turnstile *t)
{
    struct turn_holder h;

    return turnstile_holder(t, &h) ? (int)h.slot : NOBODY;
}

/* Everybody who is there gets one turn, without any looking after it, and
 * who comes then has it at once. `mask`: who must be there; NOBODY: whoever
 * is. */
static const char *fault_of(struct turnstile *t, int mask)
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
static int standing(const struct turnstile *t)
{
    int mask = 0;

    for (unsigned slot = 0; slot < SLOTS; slot++)
        if (t->place[place_of(slot)].ticket != 0)
            mask |= 1 << slot;
    return mask;
}

/* The queue and what these slots report, which is all that is touched. */
static size_t touched(void)
{
    return offsetof(struct turnstile, report) +
           (place_of(NEWCOMER) + 1) * sizeof(struct report);
}

/* ---- deaths --------------------------------------------------------------*/

struct death {
    const char *name;
    move *before, *act;
    move *meanwhile; /* by others, before the master knows */
};

static const struct death deaths[] = {
    {"ask, empty", empty, stepped_asks, nothing},
    {"ask, empty; another comes", empty, stepped_asks, third_asks},
    {"ask, held", first_has_it, stepped_asks, nothing},
    {"ask, held; it passes", first_has_it, stepped_asks, first_passes},
    {"ask, nobody's", first_left_it, stepped_asks, third_asks},
    {"ask, others wait for nobody", third_waits_for_nobody, stepped_asks,
     nothing},
    {"ask, others wait for nobody and look", third_waits_for_nobody,
     stepped_asks, tends},
    {"pass to nobody", stepped_has_it, stepped_passes, nothing},
    {"pass to nobody; another comes", stepped_has_it, stepped_passes,
     third_asks},
    {"pass to others", stepped_has_it_others_wait, stepped_passes, nothing},
    {"pass to others, who look", stepped_has_it_others_wait, stepped_passes,
     tends},
    {"pass to others, one of whom leaves", stepped_has_it_others_wait,
     stepped_passes, third_leaves},
    {"give up", stepped_waits_between, stepped_passes, nothing},
    {"give up; the holder passes", stepped_waits_between, stepped_passes,
     first_passes},
    {"give up what is nobody's", stepped_is_next_of_nobody, stepped_passes,
     nothing},
    {"give up what is nobody's; others look", stepped_is_next_of_nobody,
     stepped_passes, tends},
    {"look after it", third_waits_for_nobody, tends, nothing},
    {"look after it, before another", third_waits_for_nobody, tends, tends},
    {"work", stepped_has_it_others_wait, stepped_works, nothing},
};

/* The copy is where it died; the real one goes on to its next instruction. */
static unsigned die_everywhere(const struct death *d, struct turnstile *real,
                               struct turnstile *copy)
{
    unsigned step = 0;

    memset((void *)real, 0, touched());
    d->before(real);
    for (pid_t child = child_at(real, d->act); steps(child, 1); step++) {
        memcpy((void *)copy, real, touched());
        d->meanwhile(copy);
        int mask = standing(copy) & ~(1 << STEPPED);
        turnstile_forget(copy, STEPPED, NULL);
        const char *fault = fault_of(copy, mask);
        if (fault)
            fail_msg("%s, dead after %u: %s", d->name, step, fault);
    }
    return step;
}

static void killed_anywhere(void **state)
{
    void *real;
    void *copy;
    struct segment *s = crowd_memory(turnstile_size(), &real);
    struct segment *scratch = crowd_memory(turnstile_size(), &copy);
    unsigned instructions = 0;

    (void)state;
    for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++)
        instructions += die_everywhere(&deaths[i], real, copy);
    print_message("%u deaths\n", instructions);
    assert_true(instructions > 1000);
    segment_free(s);
    segment_free(scratch);
}

/* ---- interruptions -------------------------------------------------------*/

struct meeting {
    const char *name;
    move *before, *act, *other;
    int mask; /* who is to have a turn afterwards */
};

static const struct meeting meetings[] = {
    {"ask and ask", empty, stepped_asks, third_asks, 1 << STEPPED | 1 << THIRD},
    {"ask and pass", first_has_it, stepped_asks, first_passes, 1 << STEPPED},
    {"ask, and ask and pass", first_has_it, stepped_asks,
     third_asks_first_passes, 1 << STEPPED | 1 << THIRD},
    {"ask, and one who comes and goes", empty, stepped_asks,
     third_comes_and_goes, NOBODY},
    {"pass and ask", stepped_has_it, stepped_passes, third_asks, 1 << THIRD},
    {"pass, and one who comes and goes", stepped_has_it, stepped_passes,
     third_comes_and_goes, NOBODY},
    {"pass and give up", stepped_has_it_others_wait, stepped_passes,
     third_leaves, 1 << FIRST},
    {"give up and pass", stepped_waits_between, stepped_passes, first_passes,
     1 << THIRD},
    {"give up and give up", stepped_waits_between, stepped_passes, third_leaves,
     1 << FIRST},
    {"give up what is nobody's, and a look", stepped_is_next_of_nobody,
     stepped_passes, tends, 1 << THIRD},
    {"look and look", third_waits_for_nobody, tends, tends, 1 << THIRD},
    {"look, and one leaves and another comes", third_waits_for_nobody, tends,
     third_leaves_first_comes, 1 << FIRST},
    {"look and give up", third_waits_for_nobody, tends, third_leaves, 0},
};

static unsigned length_of(const struct meeting *m, struct turnstile *t)
{
    unsigned n = 0;

    memset((void *)t, 0, touched());
    m->before(t);
    for (pid_t child = child_at(t, m->act); steps(child, 1);)
        n++;
    return n;
}

/* The other one goes all its way after so many instructions. Each time begins
 * anew, which costs the square of their number: so not after every one, but
 * at a hundred points (under sanitizers, which make thirty times as many
 * instructions of it, at ten). A load, what is made of it and the branch are
 * three instructions, so hardly a gap between two atomics is left out. */
static unsigned meet_everywhere(const struct meeting *m, struct turnstile *t)
{
    unsigned length = length_of(m, t);
    unsigned stride = 1 + length / (length < 1200 ? 100 : 10);
    unsigned tried = 0;

    for (unsigned at = 0;; at += stride, tried++) {
        memset((void *)t, 0, touched());
        m->before(t);
        pid_t child = child_at(t, m->act);
        if (!steps(child, at))
            return tried;
        m->other(t);
        int holder = holder_of(t);
        run_to_end(child);
        if (holder != STEPPED && holder != NOBODY && holder != holder_of(t))
            fail_msg("%s, after %u: the turn was taken away", m->name, at);
        const char *fault = fault_of(t, m->mask);
        if (fault)
            fail_msg("%s, after %u: %s", m->name, at, fault);
    }
}

static void interrupted_anywhere(void **state)
{
    void *memory;
    struct segment *s = crowd_memory(turnstile_size(), &memory);
    unsigned tried = 0;

    (void)state;
    for (size_t i = 0; i < sizeof meetings / sizeof *meetings; i++)
        tried += meet_everywhere(&meetings[i], memory);
    print_message("%u meetings\n", tried);
    assert_true(tried > 100);
    segment_free(s);
}

/* ---- two who are about to give the turn ----------------------------------*/

/* Until it has found that slot to be the next, and goes on to give it the
 * turn. */
static void until_found(pid_t child, const struct turnstile *t, unsigned slot)
{
    while (t->place[place_of(slot)].given_ns == 0)
        assert_true(steps(child, 1));
}

static void until_given(pid_t child, const struct turnstile *t)
{
    uint64_t before = t->turn;

    while (t->turn == before)
        assert_true(steps(child, 1));
}

enum ending { ONE_THEN_OTHER, OTHER_THEN_ONE, ONE_DIES, OTHER_DIES };

/* One looks after it and is about to give it to who gives up just then; the
 * other comes and is about to take it. */
static void give_at_once(struct turnstile *t, enum ending ending)
{
    memset((void *)t, 0, touched());
    third_waits_for_nobody(t);
    pid_t one = child_at(t, tends);
    until_found(one, t, THIRD);
    pass_of(t, THIRD);
    pid_t other = child_at(t, stepped_asks);
    until_found(other, t, STEPPED);
    if (ending == OTHER_THEN_ONE)
        run_to_end(other);
    if (ending == ONE_DIES) {
        until_given(one, t);
        crowd_kill(one);
    } else {
        run_to_end(one);
    }
    if (ending == OTHER_DIES) {
        crowd_kill(other);
        turnstile_forget(t, STEPPED, NULL);
    } else if (ending != OTHER_THEN_ONE) {
        run_to_end(other);
    }
    const char *fault = fault_of(t, ending == OTHER_DIES ? 0 : 1 << STEPPED);
    if (fault)
        fail_msg("ending %d: %s", (int)ending, fault);
}

static void two_give_at_once(void **state)
{
    void *memory;
    struct segment *s = crowd_memory(turnstile_size(), &memory);

    (void)state;
    for (enum ending e = ONE_THEN_OTHER; e <= OTHER_DIES; e++)
        give_at_once(memory, e);
    segment_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_anywhere),
        cmocka_unit_test(interrupted_anywhere),
        cmocka_unit_test(two_give_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
