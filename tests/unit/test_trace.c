#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/loop.h"

#include "worker/http/trace.h"

enum { NAP_NS = 2000 * 1000 };

static struct {
    struct record record;
    struct metrics_cell *cell;
} the;

static int set_up(void **state)
{
    (void)state;
    the.record = (struct record){.status = 0};
    the.cell = aligned_alloc(64, sizeof *the.cell);
    if (the.cell)
        memset((void *)the.cell, 0, sizeof *the.cell);
    return the.cell == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    free(the.cell);
    return 0;
}

static struct trace begin(void)
{
    return (struct trace){
        .record = &the.record,
        .cell = the.cell,
        .phase_ns = loop_clock_ns(),
        .phase = PHASE_READ,
    };
}

/* Lets time pass, by the clock that is looked at. */
static void nap(void)
{
    uint64_t until = loop_clock_ns() + NAP_NS;

    while (loop_clock_ns() < until)
        ;
}

/* Time belongs to the phase that was left; a mark leaves it to the next. */
static void phases(void **state)
{
    struct trace t = begin();
    const uint64_t *spent = the.record.phase_ns;
    uint64_t began = t.phase_ns;

    (void)state;
    nap();
    trace_phase(&t, PHASE_TURN);
    assert_true(spent[PHASE_READ] >= NAP_NS);
    assert_int_equal(spent[PHASE_TURN], 0);
    assert_int_equal(the.record.phase, PHASE_TURN);
    trace_mark(&t, PHASE_CACHE);
    assert_int_equal(the.record.phase, PHASE_CACHE);
    nap();
    trace_phase(&t, PHASE_SEND);
    assert_int_equal(spent[PHASE_TURN], 0);
    assert_true(spent[PHASE_CACHE] >= NAP_NS);
    assert_int_equal(spent[PHASE_READ] + spent[PHASE_CACHE],
                     t.phase_ns - began);
}

static void statements(void **state)
{
    struct trace t = begin();
    struct distribution sql = {0};
    uint64_t sum = 0;

    (void)state;
    for (unsigned i = 1; i <= RECORD_STATEMENTS + 2; i++) {
        trace_sql(&t, i);
        assert_int_equal(the.record.phase, PHASE_SQL);
        assert_int_equal(the.record.statement, i);
        if (i == 2)
            nap();
        uint64_t ns = trace_sql_end(&t, (int)i + 100, 10);
        assert_true(i != 2 || ns >= NAP_NS);
        assert_int_equal(the.record.phase, PHASE_FINISH);
        sum += ns;
    }
    assert_int_equal(t.queries, RECORD_STATEMENTS + 2);
    assert_int_equal(t.rows, 100);
    assert_int_equal(t.sql_ns, sum);
    assert_int_equal(the.record.phase_ns[PHASE_SQL], sum);
    assert_int_equal(the.record.statement_count, RECORD_STATEMENTS);
    assert_int_equal(the.record.statements[1].line, 102);
    assert_int_equal(the.record.statements[1].rows, 10);
    assert_true(the.record.statements[1].ns >= NAP_NS);
    distribution_add(&sql, &the.cell->sql);
    assert_int_equal(sql.count, RECORD_STATEMENTS + 2);
}

/* Nobody records: the time of SQL is known all the same. */
static void unrecorded(void **state)
{
    struct trace t = {.phase_ns = loop_clock_ns()};

    (void)state;
    trace_mark(&t, PHASE_CACHE);
    trace_sql(&t, 1);
    nap();
    assert_true(trace_sql_end(&t, 1, 3) >= NAP_NS);
    assert_true(t.sql_ns >= NAP_NS);
    assert_int_equal(t.rows, 3);
    assert_int_equal(t.phase, PHASE_FINISH);
}

/* A clock's reading from before the last look counts as none. */
static void no_time_runs_backwards(void **state)
{
    struct trace t = begin();

    (void)state;
    t.phase_ns = loop_clock_ns() + (uint64_t)3600 * 1000 * 1000 * 1000;
    trace_phase(&t, PHASE_SQL);
    assert_int_equal(the.record.phase_ns[PHASE_READ], 0);
}

#define TRACED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACED(phases),
        TRACED(statements),
        TRACED(unrecorded),
        TRACED(no_time_runs_backwards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
