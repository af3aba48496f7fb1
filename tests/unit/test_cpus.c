#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cpus.h"

static void test_quota(void **state)
{
    static const struct {
        const char *line;
        int64_t cpus;
    } quotas[] = {
        {"max 100000", 0},    {"100000 100000", 1}, {"150000 100000", 2},
        {"400000 100000", 4}, {"1000 100000", 1},   {"", 0},
        {"100000", 0},        {"100000 0", 0},      {"-5 100000", 0},
        {"1 2 3", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof quotas / sizeof *quotas; i++)
        assert_int_equal(cpus_of_quota(slice_of(quotas[i].line)),
                         quotas[i].cpus);
}

static void test_usable(void **state)
{
    int64_t usable = cpus_usable();

    (void)state;
    assert_true(usable >= 1);
    assert_true(usable <= sysconf(_SC_NPROCESSORS_CONF));
}

/* The affinity mask counts: taskset makes `auto` smaller. */
static void test_affinity(void **state)
{
    cpu_set_t before;
    cpu_set_t one;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (size_t i = 0; CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(cpus_usable(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_usable),
        cmocka_unit_test(test_affinity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
