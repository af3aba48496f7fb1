#include "hall.h"

static void expect_waiting(unsigned tickets, uint64_t requests)
{
    unsigned n;
    uint64_t sum;

    turnstile_waiting(hall.t, &n, &sum);
    assert_int_equal(n, tickets);
    assert_int_equal(sum, requests);
}

/* ---- the order -----------------------------------------------------------*/

static void turns_come_in_order(void **state)
{
    (void)state;
    expect_nobody();
    assert_false(ours(0)); /* zeroed memory gives slot 0 nothing */
    assert_true(ask(2));
    assert_true(ask(2)); /* it has one */
    assert_false(ask(0));
    assert_false(ask(SLOT_KEEPER));
    assert_false(ask(1));
    assert_false(ask(0)); /* its place is as good as before */
    assert_true(ours(2));
    expect_waiting(3, 0);
    pass(2);
    assert_false(ours(2));
    assert_true(ours(0));
    assert_false(ask(2)); /* behind the others */
    pass(0);
    assert_true(ours(SLOT_KEEPER));
    pass(SLOT_KEEPER);
    assert_true(ours(1));
    pass(1);
    assert_true(ours(2));
    pass(2);
    expect_nobody();
    expect_waiting(0, 0);
    assert_true(ask(SLOT_KEEPER));
}

static void who_is_next_is_rung(void **state)
{
    (void)state;
    ask(0);
    assert_false(was_rung(0)); /* it knows */
    ask(1);
    ask(2);
    assert_false(was_rung(1));
    pass(0);
    assert_true(was_rung(1));
    assert_false(was_rung(2));
    assert_false(was_rung(0));
    pass(1);
    assert_true(was_rung(2));
    pass(2);
    assert_false(was_rung(0) || was_rung(1) || was_rung(2));
}

static void a_place_is_given_up(void **state)
{
    (void)state;
    ask(0);
    ask(1);
    ask(2);
    pass(1);
    pass(1); /* nothing */
    pass(3); /* was never here */
    assert_true(ours(0));
    expect_waiting(1, 0);
    pass(0);
    assert_true(ours(2));
    assert_false(was_rung(1));
    pass(2);
    assert_true(ask(1));
}

/* ---- the dead ------------------------------------------------------------*/

static void the_holder_dies(void **state)
{
    (void)state;
    ask(0);
    ask(1);
    ask(2);
    forget(0);
    assert_true(ours(1));
    assert_true(was_rung(1));
    forget(1);
    assert_true(ours(2));
    assert_true(was_rung(2));
    forget(2);
    expect_nobody();
    forget(2); /* again, and one who never was */
    forget(3);
    expect_nobody();
    assert_true(ask(0));
}

/* Leaves no hole. The holder is rung again: the dead may have given it the
 * turn and not rung any more. */
static void a_waiter_dies(void **state)
{
    (void)state;
    ask(0);
    ask(1);
    ask(2);
    turnstile_queue(hall.t, 1, 5);
    turnstile_queue(hall.t, 2, 7);
    expect_waiting(2, 12);
    forget(1);
    assert_true(ours(0));
    assert_true(was_rung(0));
    expect_waiting(1, 7);
    pass(0);
    assert_true(ours(2));
    assert_false(ask(1)); /* its successor */
    expect_waiting(1, 7); /* those of who has the turn */
    pass(2);
    assert_true(ours(1));
}

/* A process that dies on its way through a pass, before the turn has gone on:
 * its first store is all that happened. */
static void die_in_pass(unsigned slot)
{
    hall.t->place[place_of(slot)].ticket = 0;
}

static void whoever_waits_moves_it_on(void **state)
{
    (void)state;
    ask(0);
    ask(1);
    ask(2);
    tend(); /* it is somebody's */
    assert_true(ours(0));
    assert_false(was_rung(1));
    die_in_pass(0);
    expect_nobody();
    assert_false(ours(0) || ours(1) || ours(2));
    tend();
    assert_true(ours(1));
    assert_true(was_rung(1));
    pass(1);
    die_in_pass(2);
    expect_nobody();
    tend(); /* nobody waits */
    expect_nobody();
    assert_true(ask(3));
}

/* Also by one who comes, and by the master, who finds no ticket any more. */
static void others_move_it_on(void **state)
{
    (void)state;
    ask(0);
    die_in_pass(0);
    assert_true(ask(1));
    ask(2);
    die_in_pass(1);
    assert_false(ask(3));
    assert_true(ours(2));
    assert_true(was_rung(2));
    die_in_pass(2);
    forget(2);
    assert_true(ours(3));
    assert_true(was_rung(3));
}

#define T(name) cmocka_unit_test_setup_teardown(name, hall_open, hall_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(turns_come_in_order), T(who_is_next_is_rung),
        T(a_place_is_given_up), T(the_holder_dies),
        T(a_waiter_dies),       T(whoever_waits_moves_it_on),
        T(others_move_it_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
