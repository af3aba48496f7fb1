#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#include <cmocka.h>

#include "common/loop.h"
#include "master/keeper/keeper_pulse.h"

enum { SECOND = 1000, PATIENCE_MS = 10000 };

static struct slot slot;

static void nap(void)
{
    const struct timespec pause = {.tv_nsec = 10000000};

    nanosleep(&pause, NULL);
}

static void beats_until_it_is_stopped(void **state)
{
    uint64_t began = loop_clock_ms();
    struct itimerval left;

    (void)state;
    keeper_pulse_start(&slot);
    while (atomic_load(&slot.beat_ms) == 0 &&
           loop_clock_ms() < began + PATIENCE_MS)
        nap();
    uint64_t first = atomic_load(&slot.beat_ms);
    assert_in_range(first, began + SECOND - 1, began + PATIENCE_MS);
    while (atomic_load(&slot.beat_ms) == first &&
           loop_clock_ms() < began + PATIENCE_MS)
        nap();
    assert_true(atomic_load(&slot.beat_ms) > first);
    keeper_pulse_stop();
    assert_int_equal(getitimer(ITIMER_REAL, &left), 0);
    assert_false(timerisset(&left.it_value));
    assert_false(timerisset(&left.it_interval));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_until_it_is_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
