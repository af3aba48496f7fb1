#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "worker/endpoint/waiting.h"

enum { OWN_SLOT = 1, OTHER_SLOT = 2, MANY = 300 };

static struct {
    struct waiting w;
    struct flights *flights;
} the;

static int set_up(void **state)
{
    (void)state;
    memset(&the, 0, sizeof the);
    the.flights = calloc(1, flights_size());
    return the.flights == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    waiting_free(&the.w);
    free(the.flights);
    return 0;
}

/* Waits for that key; its endpoint's number tells it apart. */
static void add(size_t number, uint64_t key, uint64_t until_ms)
{
    waiting_add(
        &the.w,
        &(struct waiter){.endpoint = number, .key = key, .until_ms = until_ms});
}

static void fly(uint64_t key, unsigned slot)
{
    assert_int_equal(flights_claim(the.flights, key, slot), FLIGHT_OURS);
}

/* The number of the next that need not wait any more; -1: all must. */
static int take(uint64_t now_ms)
{
    struct waiter w;

    return waiting_take(&the.w, the.flights, OWN_SLOT, now_ms, &w)
               ? (int)w.endpoint
               : -1;
}

static void nobody(void **state)
{
    (void)state;
    assert_int_equal(waiting_count(&the.w), 0);
    assert_int_equal(take(0), -1);
}

static void until_it_lands(void **state)
{
    (void)state;
    fly(10, OTHER_SLOT);
    fly(11, OTHER_SLOT);
    add(1, 10, 1000);
    add(2, 11, 1000);
    add(3, 10, 1000);
    assert_int_equal(waiting_count(&the.w), 3);
    assert_int_equal(take(0), -1);
    flights_land(the.flights, 10, OTHER_SLOT);
    assert_int_equal(take(0), 1);
    assert_int_equal(take(0), 3);
    assert_int_equal(take(0), -1);
    assert_int_equal(waiting_count(&the.w), 1);
    flights_forget(the.flights, OTHER_SLOT);
    assert_int_equal(take(0), 2);
    assert_int_equal(waiting_count(&the.w), 0);
}

static void until_patience_ends(void **state)
{
    (void)state;
    fly(10, OTHER_SLOT);
    add(1, 10, 1000);
    add(2, 10, 500);
    assert_int_equal(take(499), -1);
    assert_int_equal(take(500), 2);
    assert_int_equal(take(999), -1);
    assert_int_equal(take(1000), 1);
}

/* Another key in the same place, or our own flight: nothing to wait for. */
static void of_others(void **state)
{
    (void)state;
    fly(10 | (uint64_t)1 << 40, OTHER_SLOT);
    fly(11, OWN_SLOT);
    add(1, 10, 1000);
    add(2, 11, 1000);
    assert_int_equal(take(0), 1);
    assert_int_equal(take(0), 2);
}

/* Taken from anywhere, none is lost or taken twice. */
static void many(void **state)
{
    unsigned taken[MANY] = {0};

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        fly(i, OTHER_SLOT);
        add(i, i, 1000 + i % 7);
    }
    for (size_t i = 0; i < MANY; i += 3)
        flights_land(the.flights, i, OTHER_SLOT);
    for (int n; (n = take(0)) >= 0;)
        taken[n]++;
    assert_int_equal(waiting_count(&the.w), MANY - MANY / 3);
    for (int n; (n = take(1006)) >= 0;)
        taken[n]++;
    assert_int_equal(waiting_count(&the.w), 0);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(taken[i], 1);
}

/* ---- threads of this worker ----------------------------------------------*/

/* Flights say only that it is ours: who waits for another thread goes by
 * that. */
static void until_another_thread_is_done(void **state)
{
    (void)state;
    fly(10, OWN_SLOT);
    waiting_begin(&the.w, 10);
    add(1, 10, 1000);
    add(2, 11, 1000);
    assert_true(waiting_is_ours(&the.w, 10));
    assert_false(waiting_is_ours(&the.w, 11));
    assert_false(waiting_is_ours(&the.w, 0));
    assert_int_equal(take(0), 2);
    assert_int_equal(take(0), -1);
    waiting_end(&the.w, 10);
    assert_false(waiting_is_ours(&the.w, 10));
    assert_int_equal(take(0), 1);
}

static void each_thread_has_one(void **state)
{
    (void)state;
    for (uint64_t key = 1; key <= THREADS_MAX; key++)
        waiting_begin(&the.w, key);
    for (uint64_t gone = 1; gone <= THREADS_MAX; gone++) {
        waiting_end(&the.w, gone);
        for (uint64_t key = 1; key <= THREADS_MAX; key++)
            assert_int_equal(waiting_is_ours(&the.w, key), key > gone);
    }
    for (uint64_t key = 1; key <= THREADS_MAX; key++)
        waiting_begin(&the.w, key);
    for (uint64_t key = 1; key <= THREADS_MAX; key++)
        assert_true(waiting_is_ours(&the.w, key));
}

/* ---- in the order they came ----------------------------------------------*/

static void next_and_dropped(void **state)
{
    struct call calls[3] = {{.waited = false}};
    struct waiter w;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        waiting_add(&the.w, &(struct waiter){.call = &calls[i], .endpoint = i});
    assert_true(waiting_drop(&the.w, &calls[1]));
    assert_false(waiting_drop(&the.w, &calls[1]));
    assert_true(waiting_next(&the.w, &w));
    assert_int_equal(w.endpoint, 0);
    assert_true(waiting_next(&the.w, &w));
    assert_int_equal(w.endpoint, 2);
    assert_false(waiting_next(&the.w, &w));
}

#define WAITING(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAITING(nobody),
        WAITING(until_it_lands),
        WAITING(of_others),
        WAITING(many),
        WAITING(until_patience_ends),
        WAITING(until_another_thread_is_done),
        WAITING(each_thread_has_one),
        WAITING(next_and_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
