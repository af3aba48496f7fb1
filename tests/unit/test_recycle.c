#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/recycle.h"

static void a_worker_asks_to_leave_at_its_limit(void **state)
{
    static const struct {
        struct recycle limits;
        struct recycle_state now;
        enum leave_reason due;
    } cases[] = {
        {{0}, {~0ULL, ~0ULL, ~0ULL}, LEAVE_NOT},
        {{.requests = 10}, {.requests = 9}, LEAVE_NOT},
        {{.requests = 10}, {.requests = 10}, LEAVE_REQUESTS},
        {{.pss_kb = 100}, {.pss_kb = 100}, LEAVE_NOT},
        {{.pss_kb = 100}, {.pss_kb = 101}, LEAVE_MEMORY},
        {{.pss_kb = 100}, {.pss_kb = 0}, LEAVE_NOT},
        {{.age_ms = 1000}, {.age_ms = 999}, LEAVE_NOT},
        {{.age_ms = 1000}, {.age_ms = 1000}, LEAVE_LIFETIME},
        {{10, 100, 1000}, {9, 100, 999}, LEAVE_NOT},
        {{10, 100, 1000}, {9, 101, 999}, LEAVE_MEMORY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(recycle_due(&cases[i].limits, &cases[i].now),
                         cases[i].due);
}

static void settings_are_limits(void **state)
{
    const struct settings none = {0};
    const struct settings some = {.max_requests = 100,
                                  .max_worker_memory = 64 << 20,
                                  .max_worker_lifetime = 3600};
    const struct settings tiny = {.max_worker_memory = 1000};
    struct recycle limits = recycle_limits(&none, 7);

    (void)state;
    assert_true(limits.requests == 0 && limits.pss_kb == 0 &&
                limits.age_ms == 0);
    limits = recycle_limits(&some, 7);
    assert_int_equal(limits.requests, 100);
    assert_int_equal(limits.pss_kb, 65536);
    assert_int_equal(recycle_limits(&tiny, 0).pss_kb, 1);
}

static void chance_scatters_within_bounds(void **state)
{
    const struct settings s = {.max_requests = 100,
                               .max_requests_jitter = 9,
                               .max_worker_lifetime = 100};
    uint64_t least[2] = {~0ULL, ~0ULL};
    uint64_t most[2] = {0, 0};

    (void)state;
    for (uint64_t chance = 0; chance < 40000; chance++) {
        struct recycle limits = recycle_limits(&s, chance);
        const uint64_t got[2] = {limits.requests, limits.age_ms};
        for (int i = 0; i < 2; i++) {
            least[i] = got[i] < least[i] ? got[i] : least[i];
            most[i] = got[i] > most[i] ? got[i] : most[i];
        }
    }
    assert_int_equal(least[0], 100);
    assert_int_equal(most[0], 109);
    assert_int_equal(least[1], 90000);
    assert_int_equal(most[1], 110000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_asks_to_leave_at_its_limit),
        cmocka_unit_test(settings_are_limits),
        cmocka_unit_test(chance_scatters_within_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
