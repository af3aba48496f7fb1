#include "stepped.h"

/*
 * Whatever instruction it dies at, the others get their turns, each one, and
 * a newcomer too.
 */

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

static void die_here(const struct death *d, struct turnstile *copy,
                     unsigned step)
{
    d->meanwhile(copy);
    int mask = standing(copy) & ~(1 << STEPPED);
    turnstile_forget(copy, STEPPED, NULL);
    const char *fault = fault_of(copy, mask);
    if (fault)
        fail_msg("%s, dead after %u: %s", d->name, step, fault);
}

/* It dies in a copy, while the real one goes on to its next instruction. All
 * that is left of the dead is the memory, so one death is enough for all
 * instructions between two stores. */
static unsigned die_everywhere(const struct death *d, struct turnstile *real,
                               struct turnstile *copy)
{
    void *last = calloc(1, touched());
    unsigned died = 0;
    unsigned step = 0;

    memset((void *)real, 0, touched());
    d->before(real);
    for (pid_t child = child_at(real, d->act); steps(child, 1); step++) {
        if (step > 0 && memcmp(last, real, touched()) == 0)
            continue;
        memcpy(last, real, touched());
        memcpy((void *)copy, real, touched());
        die_here(d, copy, step);
        died++;
    }
    free(last);
    return died;
}

static void killed_anywhere(void **state)
{
    void *real;
    void *copy;
    struct segment *s = crowd_memory(turnstile_size(), &real);
    struct segment *scratch = crowd_memory(turnstile_size(), &copy);
    unsigned died = 0;

    (void)state;
    for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++)
        died += die_everywhere(&deaths[i], real, copy);
    print_message("%u deaths\n", died);
    assert_true(died > 50);
    segment_free(s);
    segment_free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
