#include "stepped.h"

/*
 * Whatever instruction it is stopped at while another one goes its way,
 * nobody is passed over and nobody loses the turn.
 */

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
        cmocka_unit_test(interrupted_anywhere),
        cmocka_unit_test(two_give_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
