#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/segment/names.h"
#include "master/blame.h"

static struct record at(enum phase phase, const char *route, uint32_t number)
{
    struct record r = {.route_number = number};

    atomic_store(&r.phase, phase);
    snprintf(r.route, sizeof r.route, "%s", route);
    return r;
}

/* ---- whose doing ----------------------------------------------------------
 */

static void a_death_is_judged_by_how_and_when_it_came(void **state)
{
    static const struct {
        uint64_t at_work_ms;
        int signal;
        int code;
        enum phase phase;
        bool due;
    } cases[] = {
        {0, SIGSEGV, 0, PHASE_SQL, true},
        {0, SIGBUS, 0, PHASE_READ, true},
        {0, SIGILL, 0, PHASE_CACHE, true},
        {0, SIGFPE, 0, PHASE_TURN, true},
        {0, SIGABRT, 0, PHASE_FINISH, true},
        {0, SIGSYS, 0, PHASE_SEND, true},
        {0, SIGTRAP, 0, PHASE_SQL, true},
        {9000, SIGSEGV, 0, PHASE_QUEUE, false},
        {9000, SIGSEGV, 0, PHASE_NONE, false},
        {BLAME_SLOW_MS, SIGKILL, 0, PHASE_SQL, false},
        {BLAME_SLOW_MS + 1, SIGKILL, 0, PHASE_SQL, true},
        {9000, SIGKILL, 0, PHASE_SEND, false},
        {9000, SIGTERM, 0, PHASE_SQL, false},
        {9000, SIGUSR1, 0, PHASE_SQL, false},
        {9000, 0, 7, PHASE_SQL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record r = at(cases[i].phase, "/api/x", 7);
        struct spawn_end end = {.signal = cases[i].signal,
                                .code = cases[i].code};
        if (blame_is_due(&r, &end, cases[i].at_work_ms) != cases[i].due)
            fail_msg("case %zu", i);
    }
}

static void only_endpoints_can_be_to_blame(void **state)
{
    static const struct {
        const char *route;
        uint32_t number;
        bool due;
    } cases[] = {
        {"/api/x", 7, true},
        {"/api/x", NAMES_MAX - 1, true},
        {"/api/x", NAMES_REST, false},
        {"/api/x", NAMES_MAX, false},
        {"/api/x", UINT32_MAX, false},
        {"static", 7, false},
        {"", 7, false},
    };
    const struct spawn_end end = {.signal = SIGSEGV};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record r = at(PHASE_SQL, cases[i].route, cases[i].number);
        if (blame_is_due(&r, &end, 0) != cases[i].due)
            fail_msg("case %zu", i);
    }
}

/* ---- how often ------------------------------------------------------------
 */

static void the_third_within_a_minute_is_too_many(void **state)
{
    static const struct {
        uint64_t ms[5];
        bool enough[5];
    } cases[] = {
        {{1, 2, 3, 4, 5}, {false, false, true, false, false}},
        {{1, 2, 60001, 60002}, {false, false, true, false}},
        {{1, 2, 60002, 60003}, {false, false, false, false}},
        {{1, 2, 60002, 60002}, {false, false, false, true}},
        {{1, 40000, 80000, 100000}, {false, false, false, true}},
        {{1, 40000, 80000, 100001}, {false, false, false, false}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct blame *b = blame_new();
        assert_non_null(b);
        for (size_t n = 0; n < 5 && cases[i].ms[n]; n++)
            if (blame_put(b, 7, cases[i].ms[n]) != cases[i].enough[n])
                fail_msg("case %zu, death %zu", i, n);
        blame_free(b);
    }
}

static void each_endpoint_answers_for_itself(void **state)
{
    struct blame *b = blame_new();

    (void)state;
    assert_non_null(b);
    for (unsigned route = 1; route < NAMES_MAX; route++) {
        assert_false(blame_put(b, route, 5));
        assert_false(blame_put(b, route, 6));
    }
    assert_true(blame_put(b, 1, 7));
    assert_true(blame_put(b, NAMES_MAX - 1, 7));
    blame_free(b);
}

static void a_new_generation_has_no_past(void **state)
{
    struct blame *b = blame_new();

    (void)state;
    assert_non_null(b);
    assert_false(blame_put(b, 7, 1));
    assert_false(blame_put(b, 7, 2));
    blame_forget(b);
    assert_false(blame_put(b, 7, 3));
    assert_false(blame_put(b, 7, 4));
    assert_true(blame_put(b, 7, 5));
    blame_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_death_is_judged_by_how_and_when_it_came),
        cmocka_unit_test(only_endpoints_can_be_to_blame),
        cmocka_unit_test(the_third_within_a_minute_is_too_many),
        cmocka_unit_test(each_endpoint_answers_for_itself),
        cmocka_unit_test(a_new_generation_has_no_past),
    };

    return cmocka_run_group_tests_name("blame", tests, NULL, NULL);
}
