#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/segment/heritage.h"
#include "common/segment/syncs.h"

/* Who was rung how often, in place of real bells. */
static unsigned rung[SLOTS_ALL];

void bells_ring(const struct bells *b, unsigned slot)
{
    assert_null(b);
    assert_true(slot < SLOTS_ALL);
    rung[slot]++;
}

static void nothing_heard(void)
{
    memset(rung, 0, sizeof rung);
}

static int fresh(void **state)
{
    nothing_heard();
    *state = calloc(1, syncs_size());
    return *state ? 0 : -1;
}

static int release(void **state)
{
    free(*state);
    return 0;
}

static struct syncs_figures figures(const struct syncs *s)
{
    struct syncs_figures f;

    syncs_figures(s, &f);
    return f;
}

/* Since the last call, that slot alone was rung, and once. */
static void only_rung(unsigned slot)
{
    for (unsigned i = 0; i < SLOTS_ALL; i++)
        assert_int_equal(rung[i], i == slot);
    nothing_heard();
}

static void nobody_rung(void)
{
    only_rung(SLOTS_ALL);
}

static uint64_t must_lead(struct syncs *s, unsigned slot)
{
    uint64_t upto = 0;

    assert_true(syncs_lead(s, slot, &upto));
    return upto;
}

static void cannot_lead(struct syncs *s, unsigned slot)
{
    uint64_t upto;

    assert_false(syncs_lead(s, slot, &upto));
}

/* Leads and syncs, in so many nanoseconds. */
static void sync_once(struct syncs *s, unsigned slot, uint64_t ns)
{
    must_lead(s, slot);
    syncs_led(s, slot, ns, true, NULL);
}

/* ---- commits and who leads ----*/

static void nothing_to_do(void **state)
{
    struct syncs *s = *state;

    assert_true(syncs_covered(s, 0));
    assert_false(syncs_covered(s, 1));
    assert_false(syncs_broken(s));
    cannot_lead(s, 0);
    cannot_lead(s, 0); /* nor did that leave a leader */
    assert_int_equal(syncs_commit(s), 1);
    assert_int_equal(must_lead(s, 3), 1);
}

static void covers_what_was_before(void **state)
{
    struct syncs *s = *state;

    assert_int_equal(syncs_commit(s), 1);
    assert_int_equal(syncs_commit(s), 2);
    assert_int_equal(must_lead(s, 5), 2);
    assert_int_equal(syncs_commit(s), 3); /* while it syncs */
    assert_false(syncs_covered(s, 1));
    syncs_led(s, 5, 1000, true, NULL);
    assert_true(syncs_covered(s, 1));
    assert_true(syncs_covered(s, 2));
    assert_false(syncs_covered(s, 3));
    assert_int_equal(must_lead(s, 5), 3);
    syncs_led(s, 5, 1000, true, NULL);
    assert_true(syncs_covered(s, 3));
    cannot_lead(s, 5);
    nobody_rung(); /* nobody waits */
}

static void one_at_a_time(void **state)
{
    struct syncs *s = *state;

    syncs_commit(s);
    must_lead(s, SLOT_KEEPER);
    cannot_lead(s, 0);
    cannot_lead(s, SLOT_KEEPER); /* it is it already */
    syncs_commit(s);
    cannot_lead(s, 0);
    syncs_led(s, SLOT_KEEPER, 1000, true, NULL);
    assert_int_equal(must_lead(s, 0), 2);
}

/* ---- who is rung ----*/

static void the_covered_are_rung(void **state)
{
    struct syncs *s = *state;

    for (unsigned slot = 0; slot < 4; slot++)
        syncs_wait(s, slot, syncs_commit(s));
    syncs_wait(s, SLOT_KEEPER, syncs_commit(s));
    syncs_wait(s, 511, syncs_commit(s));
    syncs_wait(s, 2, 0); /* no more */
    must_lead(s, 1);
    syncs_led(s, 1, 1000, true, NULL);
    assert_int_equal(rung[0], 1);
    assert_int_equal(rung[1], 0); /* itself */
    assert_int_equal(rung[2], 0);
    assert_int_equal(rung[3], 1);
    assert_int_equal(rung[511], 1);
    assert_int_equal(rung[SLOT_KEEPER], 1);
    assert_int_equal(rung[SLOT_MASTER], 0);
}

/* Whoever was rung and has not come round to saying so is left alone. */
static void nobody_is_rung_twice(void **state)
{
    struct syncs *s = *state;

    syncs_wait(s, 1, syncs_commit(s));
    sync_once(s, 0, 1000);
    only_rung(1);
    syncs_wait(s, 2, syncs_commit(s));
    sync_once(s, 0, 1000);
    only_rung(2);
    syncs_forget(s, 0, NULL); /* had it died before it rang */
    assert_int_equal(rung[1], 1);
    assert_int_equal(rung[2], 1);
}

static void one_is_rung_to_lead(void **state)
{
    struct syncs *s = *state;

    syncs_wait(s, 0, syncs_commit(s));
    must_lead(s, 0);
    for (unsigned slot = 1; slot < 5; slot++)
        syncs_wait(s, slot, syncs_commit(s));
    syncs_led(s, 0, 1000, true, NULL);
    only_rung(1);
    assert_int_equal(must_lead(s, 1), 5);
    syncs_led(s, 1, 1000, true, NULL);
    for (unsigned slot = 2; slot < 5; slot++)
        assert_int_equal(rung[slot], 1);
}

/* Not always the same one pays for the others. */
static void leading_goes_round(void **state)
{
    struct syncs *s = *state;
    unsigned led[4] = {0};
    unsigned leader = 0;

    for (unsigned slot = 0; slot < 4; slot++)
        syncs_wait(s, slot, syncs_commit(s));
    for (unsigned i = 0; i < 40; i++) {
        must_lead(s, leader);
        for (unsigned slot = 0; slot < 4; slot++)
            syncs_wait(s, slot, syncs_commit(s)); /* for the next sync */
        nothing_heard();
        syncs_led(s, leader, 1000, true, NULL);
        unsigned next = (leader + 1) % 4;
        only_rung(next);
        led[leader]++;
        leader = next;
    }
    for (unsigned slot = 0; slot < 4; slot++)
        assert_int_equal(led[slot], 10);
}

/* ---- a sync that fails ----*/

static void failed_for_good(void **state)
{
    struct syncs *s = *state;

    for (unsigned slot = 0; slot < 3; slot++)
        syncs_wait(s, slot, syncs_commit(s));
    must_lead(s, 0);
    syncs_wait(s, 3, syncs_commit(s)); /* not even for its sync */
    syncs_led(s, 0, 1000, false, NULL);
    assert_true(syncs_broken(s));
    assert_true(figures(s).broken);
    for (unsigned slot = 1; slot < 4; slot++)
        assert_int_equal(rung[slot], 1);
    assert_false(syncs_covered(s, 1));
    cannot_lead(s, 1);
    syncs_commit(s);
    cannot_lead(s, 1);
    assert_int_equal(figures(s).syncs, 0);
}

static void failure_keeps_what_was_safe(void **state)
{
    struct syncs *s = *state;

    syncs_commit(s);
    sync_once(s, 0, 1000);
    syncs_commit(s);
    must_lead(s, 0);
    syncs_led(s, 0, 1000, false, NULL);
    assert_true(syncs_covered(s, 1));
    assert_false(syncs_covered(s, 2));
}

/* ---- the dead ----*/

/* A checkpoint's sync has failed: all who wait are told, and none to lead. */
static void broken_by_a_checkpoint(void **state)
{
    static const unsigned waiting[] = {0, 3, SLOT_KEEPER};
    struct syncs *s = *state;

    syncs_wait(s, 1, syncs_commit(s));
    sync_once(s, 2, 1000);
    syncs_wait(s, 1, 0);
    nothing_heard();
    for (size_t i = 0; i < 3; i++)
        syncs_wait(s, waiting[i], syncs_commit(s));
    syncs_break(s, NULL);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rung[waiting[i]], 1);
        rung[waiting[i]] = 0;
    }
    nobody_rung();
    assert_true(syncs_broken(s));
    assert_true(figures(s).broken);
    assert_true(syncs_covered(s, 1));
    for (uint64_t commit = 2; commit <= 4; commit++)
        assert_false(syncs_covered(s, commit));
    cannot_lead(s, 0);
    syncs_commit(s);
    cannot_lead(s, SLOT_KEEPER);
}

static void dead_leader(void **state)
{
    struct syncs *s = *state;

    syncs_wait(s, 7, syncs_commit(s));
    syncs_wait(s, 9, syncs_commit(s));
    syncs_wait(s, 8, syncs_commit(s));
    must_lead(s, 7);
    syncs_forget(s, 7, NULL);
    assert_false(syncs_covered(s, 1)); /* nothing is known */
    only_rung(8);
    assert_int_equal(must_lead(s, 8), 3);
    syncs_led(s, 8, 1000, true, NULL);
    only_rung(9); /* the dead one is not */
}

static void dead_while_another_leads(void **state)
{
    struct syncs *s = *state;

    syncs_wait(s, 1, syncs_commit(s));
    syncs_wait(s, 2, syncs_commit(s));
    must_lead(s, 1);
    syncs_forget(s, 2, NULL);
    cannot_lead(s, 2); /* slot 1 still does */
    nobody_rung();
    syncs_led(s, 1, 1000, true, NULL);
    nobody_rung();
}

/* Slot 1 ended its sync and died before it rang anybody; or was rung to lead
 * and died before it did. */
static void dead_before_it_rang(void **state)
{
    struct syncs *s = *state;

    for (unsigned slot = 1; slot < 5; slot++)
        syncs_wait(s, slot, syncs_commit(s));
    must_lead(s, 1);
    syncs_wait(s, 3, syncs_commit(s));
    syncs_wait(s, 4, syncs_commit(s));
    syncs_led(s, 1, 1000, true, NULL);
    nothing_heard(); /* none of that was heard */
    syncs_forget(s, 1, NULL);
    assert_int_equal(rung[1], 0);
    assert_int_equal(rung[2], 1); /* covered */
    assert_int_equal(rung[3] + rung[4], 1);
}

static void dead_when_broken(void **state)
{
    struct syncs *s = *state;

    for (unsigned slot = 1; slot < 4; slot++)
        syncs_wait(s, slot, syncs_commit(s));
    must_lead(s, 1);
    syncs_led(s, 1, 1000, false, NULL);
    nothing_heard();
    syncs_forget(s, 1, NULL);
    assert_int_equal(rung[1], 0);
    assert_int_equal(rung[2], 1);
    assert_int_equal(rung[3], 1);
}

/* ---- figures, and when it is the keeper's ----*/

static void figures_of_syncs(void **state)
{
    struct syncs *s = *state;

    assert_int_equal(figures(s).commits, 0);
    syncs_commit(s);
    sync_once(s, 0, 8000); /* the first is the mean */
    assert_int_equal(figures(s).mean_ns, 8000);
    syncs_commit(s);
    syncs_commit(s);
    sync_once(s, 0, 16000);
    assert_int_equal(figures(s).mean_ns, 9000);
    syncs_commit(s);
    sync_once(s, 0, 1000);
    syncs_commit(s);
    struct syncs_figures f = figures(s);
    assert_int_equal(f.commits, 5);
    assert_int_equal(f.covered, 4);
    assert_int_equal(f.syncs, 3);
    assert_int_equal(f.sum_ns, 25000);
    assert_int_equal(f.max_ns, 16000);
    assert_int_equal(f.mean_ns, 8000);
    assert_false(f.broken);
}

static void slow_syncs_are_the_keepers(void **state)
{
    struct syncs *s = *state;
    uint64_t slow = (uint64_t)SYNC_SLOW_US * 1000;

    syncs_offer(s, true);
    assert_false(syncs_delegate(s));
    syncs_commit(s);
    sync_once(s, 0, slow / 4);
    assert_false(syncs_delegate(s));
    syncs_commit(s);
    sync_once(s, 0, 40 * slow); /* one that is slow by chance */
    assert_false(syncs_delegate(s));
    for (unsigned i = 0; i < 10; i++) {
        syncs_commit(s);
        sync_once(s, 0, slow * 2);
    }
    assert_true(syncs_delegate(s));
    syncs_offer(s, false);
    assert_false(syncs_delegate(s));
    syncs_offer(s, true);
    for (unsigned i = 0; i < 10; i++) { /* the disk is fast again */
        syncs_commit(s);
        sync_once(s, SLOT_KEEPER, slow / 2);
    }
    assert_false(syncs_delegate(s));
}

/* It was rung, and died: who had rung it is to lead itself. */
static void dead_keeper(void **state)
{
    struct syncs *s = *state;

    for (unsigned i = 0; i < 20; i++) {
        syncs_commit(s);
        sync_once(s, 0, (uint64_t)SYNC_SLOW_US * 2000);
    }
    syncs_offer(s, true);
    syncs_wait(s, 0, syncs_commit(s));
    assert_true(syncs_delegate(s));
    syncs_forget(s, 1, NULL); /* another death changes nothing of that */
    only_rung(0);
    assert_true(syncs_delegate(s));
    must_lead(s, SLOT_KEEPER);
    syncs_forget(s, SLOT_KEEPER, NULL);
    assert_false(syncs_delegate(s));
    only_rung(0);
    assert_int_equal(must_lead(s, 0), 21);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, fresh, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(nothing_to_do),
        UNIT(covers_what_was_before),
        UNIT(one_at_a_time),
        UNIT(the_covered_are_rung),
        UNIT(nobody_is_rung_twice),
        UNIT(one_is_rung_to_lead),
        UNIT(leading_goes_round),
        UNIT(failed_for_good),
        UNIT(failure_keeps_what_was_safe),
        UNIT(broken_by_a_checkpoint),
        UNIT(dead_leader),
        UNIT(dead_while_another_leads),
        UNIT(dead_before_it_rang),
        UNIT(dead_when_broken),
        UNIT(figures_of_syncs),
        UNIT(slow_syncs_are_the_keepers),
        UNIT(dead_keeper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
