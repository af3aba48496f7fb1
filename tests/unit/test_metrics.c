#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/segment/heritage.h"
#include "common/segment/metrics.h"
#include "common/segment/names.h"

static struct metrics *m;
static struct totals t;

static int set_up(void **state)
{
    (void)state;
    m = mmap(NULL, metrics_size(), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return m == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return munmap(m, metrics_size());
}

static uint64_t sum(int slot, int route, enum counter which)
{
    metrics_sum(m, slot, route, &t);
    return t.counters[which];
}

static void cells_are_found_again(void **state)
{
    struct metrics_cell *a = metrics_cell(m, 0, 1);
    struct metrics_cell *b = metrics_cell(m, 0, NAMES_MAX - 1);
    struct metrics_cell *c = metrics_cell(m, SLOTS_ALL - 1, 1);
    struct metrics_cell *rest = metrics_cell(m, 1, NAMES_REST);

    (void)state;
    assert_true(a != b && a != c && b != c);
    assert_true(rest != a && rest != b && rest != c);
    assert_ptr_equal(metrics_cell(m, 0, 1), a);
    assert_ptr_equal(metrics_cell(m, 0, NAMES_MAX - 1), b);
    assert_ptr_equal(metrics_cell(m, SLOTS_ALL - 1, 1), c);
    assert_ptr_equal(metrics_cell(m, 1, NAMES_REST), rest);
}

/* Slots 0 to 2, routes 0 to 2, each with a count of its own. */
static const struct {
    int slot, route;
    uint64_t wanted;
} sums[] = {
    {0, 0, 1},
    {2, 1, 1 << 7},
    {0, METRICS_ALL, 7},
    {1, METRICS_ALL, 7 << 3},
    {METRICS_ALL, 0, 1 | 1 << 3 | 1 << 6},
    {METRICS_ALL, 2, 1 << 2 | 1 << 5 | 1 << 8},
    {METRICS_ALL, METRICS_ALL, 511},
    {3, METRICS_ALL, 0},
    {METRICS_ALL, 3, 0},
    {0, 3, 0},
};

static void sums_select(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        struct metrics_cell *cell = metrics_cell(m, i / 3, i % 3);
        cell_add(cell, COUNT_ROWS, UINT64_C(1) << i);
        histogram_add(&cell->sql, 1000);
    }
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        uint64_t rows = sum(sums[i].slot, sums[i].route, COUNT_ROWS);
        assert_int_equal(rows, sums[i].wanted);
        assert_int_equal(t.sql.count, __builtin_popcountll(rows));
        assert_int_equal(t.request.count, 0);
    }
}

/* What a walk saw of slots and routes below 4. */
struct walk {
    const struct metrics_cell *at[4][4];
    unsigned cells;
};

static void on_cell(void *self, unsigned slot, unsigned route,
                    const struct metrics_cell *cell)
{
    struct walk *w = self;

    assert_true(slot < 4 && route < 4);
    assert_null(w->at[slot][route]);
    w->at[slot][route] = cell;
    w->cells++;
}

static void a_walk_shows_each_cell_once(void **state)
{
    static const unsigned claimed[][2] = {
        {2, 1}, {0, 3}, {2, NAMES_REST}, {1, 3}, {0, 1}};
    enum { CLAIMED = sizeof claimed / sizeof *claimed };
    struct walk w = {.cells = 0};

    (void)state;
    metrics_each(m, on_cell, &w);
    assert_int_equal(w.cells, 0);
    for (size_t i = 0; i < CLAIMED; i++)
        metrics_cell(m, claimed[i][0], claimed[i][1]);
    metrics_each(m, on_cell, &w);
    assert_int_equal(w.cells, CLAIMED);
    for (size_t i = 0; i < CLAIMED; i++)
        assert_ptr_equal(w.at[claimed[i][0]][claimed[i][1]],
                         metrics_cell(m, claimed[i][0], claimed[i][1]));
}

/* Any count wakes a cell; until then even its times are not looked at. */
static void idle_cells_add_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNTERS; i++) {
        struct metrics_cell *cell = metrics_cell(m, 0, i + 1);
        memset(&t, 0, sizeof t);
        histogram_add(&cell->request, 1000);
        assert_true(cell_is_idle(cell));
        totals_add_cell(&t, cell);
        assert_int_equal(t.request.count, 0);
        cell_add(cell, (enum counter)i, 7);
        assert_false(cell_is_idle(cell));
        totals_add_cell(&t, cell);
        totals_add_cell(&t, cell);
        assert_int_equal(t.counters[i], 14);
        assert_int_equal(t.request.count, 2);
    }
}

/* Fills the pool; then every slot counts in a cell of its own all the same. */
static void all_are_taken(void **state)
{
    unsigned route = 1;
    unsigned slot = 0;
    struct metrics_cell *rest = metrics_cell(m, 4, NAMES_REST);

    (void)state;
    for (unsigned i = 0; i < 16384; i++) {
        slot = i / (NAMES_MAX - 1);
        route = i % (NAMES_MAX - 1) + 1;
        if (i % 1024 == 0 || i > 16380) /* each search passes all before */
            assert_true(metrics_cell(m, slot, route) !=
                        metrics_cell(m, slot, NAMES_REST));
        else
            metrics_cell(m, slot, route);
    }
    assert_int_equal(slot, 4);
    assert_ptr_equal(metrics_cell(m, 4, route + 1), rest);
    assert_ptr_equal(metrics_cell(m, 7, 9), metrics_cell(m, 7, NAMES_REST));
    assert_true(metrics_cell(m, 7, 9) != rest);
    cell_add(metrics_cell(m, 7, 9), COUNT_2XX, 3);
    cell_add(metrics_cell(m, 8, 9), COUNT_2XX, 4);
    assert_int_equal(sum(METRICS_ALL, METRICS_ALL, COUNT_2XX), 7);
    assert_int_equal(sum(METRICS_ALL, NAMES_REST, COUNT_2XX), 7);
    assert_int_equal(sum(7, METRICS_ALL, COUNT_2XX), 3);
    assert_int_equal(sum(METRICS_ALL, 9, COUNT_2XX), 0);
}

/* Each slot has a table; what is no status of HTTP is in none. */
static void codes_are_summed(void **state)
{
    static const int counted[] = {100, 200, 200, 404, 503, 599, 200};
    uint64_t codes[STATUS_CODES];
    uint64_t sum_of_all = 0;

    (void)state;
    metrics_sum_codes(m, codes);
    for (size_t i = 0; i < STATUS_CODES; i++)
        assert_int_equal(codes[i], 0);
    for (unsigned i = 0; i < sizeof counted / sizeof *counted; i++)
        codes_add(metrics_codes(m, i % 2 ? SLOTS_ALL - 1 : 0), counted[i]);
    codes_add(metrics_codes(m, 0), 99);
    codes_add(metrics_codes(m, 0), 600);
    codes_add(metrics_codes(m, 0), -200);
    assert_ptr_equal(metrics_codes(m, 0), metrics_codes(m, 0));
    for (int again = 0; again < 2; again++) /* it is set, not added to */
        metrics_sum_codes(m, codes);
    assert_int_equal(codes[0], 1);
    assert_int_equal(codes[200 - STATUS_FIRST], 3);
    assert_int_equal(codes[404 - STATUS_FIRST], 1);
    assert_int_equal(codes[503 - STATUS_FIRST], 1);
    assert_int_equal(codes[STATUS_CODES - 1], 1);
    for (size_t i = 0; i < STATUS_CODES; i++)
        sum_of_all += codes[i];
    assert_int_equal(sum_of_all, sizeof counted / sizeof *counted);
}

/* Which pages of the tables are in memory: as many as slots that count. */
static void codes_cost_a_page(void **state)
{
    uint64_t codes[STATUS_CODES];
    unsigned char in_memory[SLOTS_ALL];
    struct status_codes *first = metrics_codes(m, 0);
    unsigned pages = 0;

    (void)state;
    assert_int_equal((uintptr_t)first % 4096, 0);
    assert_int_equal(sizeof *first, 4096);
    codes_add(first, 200);
    codes_add(first, 503);
    codes_add(metrics_codes(m, 7), 404);
    metrics_sum_codes(m, codes);
    assert_int_equal(mincore(first, sizeof *first * SLOTS_ALL, in_memory), 0);
    for (size_t i = 0; i < SLOTS_ALL; i++)
        pages += in_memory[i] & 1;
    assert_int_equal(pages, 2);
}

/* Several processes claim the same routes at the same time. */
static void claims_do_not_collide(void **state)
{
    enum { PROCESSES = 4, ROUTES = 200 };
    pid_t pids[PROCESSES];

    (void)state;
    for (unsigned i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] > 0)
            continue;
        for (unsigned r = 1; r <= ROUTES; r++)
            cell_add(metrics_cell(m, i, r), COUNT_QUERIES, r);
        _exit(0);
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    for (int r = 1; r <= ROUTES; r++) {
        assert_int_equal(sum(METRICS_ALL, r, COUNT_QUERIES), PROCESSES * r);
        assert_int_equal(sum(2, r, COUNT_QUERIES), r);
    }
}

static pid_t start_writer(unsigned slot)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* if the test fails */
    struct metrics_cell *cell = metrics_cell(m, slot, 5);
    for (uint64_t ns = 100;; ns = ns * 3 % 1000003) {
        cell_add(cell, COUNT_2XX, 1);
        cell_add(cell, COUNT_BYTES_OUT, ns);
        histogram_add(&cell->request, ns);
    }
}

static void not_less(const struct totals *now, const struct totals *then)
{
    for (size_t i = 0; i < COUNTERS; i++)
        assert_true(now->counters[i] >= then->counters[i]);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        assert_true(now->request.bucket[i] >= then->request.bucket[i]);
    assert_true(now->request.sum_ns >= then->request.sum_ns);
    assert_true(now->request.max_ns >= then->request.max_ns);
}

/* Two slots whose processes are killed again and again, at any instruction. */
static void deaths_lose_nothing(void **state)
{
    static struct totals before;

    (void)state;
    memset(&before, 0, sizeof before);
    for (int life = 0; life < 30; life++) {
        pid_t a = start_writer(3);
        pid_t b = start_writer(4);
        assert_true(a > 0 && b > 0);
        /* Both get on, however late the machine lets them begin. */
        uint64_t a_then = sum(3, 5, COUNT_2XX);
        uint64_t b_then = sum(4, 5, COUNT_2XX);
        while (sum(3, 5, COUNT_2XX) < a_then + 1000 ||
               sum(4, 5, COUNT_2XX) < b_then + 1000) {
            metrics_sum(m, METRICS_ALL, 5, &t);
            not_less(&t, &before);
            before = t;
            sched_yield();
        }
        kill(a, SIGKILL);
        kill(b, SIGKILL);
        assert_int_equal(waitpid(a, NULL, 0), a);
        assert_int_equal(waitpid(b, NULL, 0), b);
    }
    /* All lives counted in the same two cells: a third begins at nothing. */
    assert_true(metrics_cell(m, 3, 5) != metrics_cell(m, 4, 5));
    uint64_t in_two = metrics_cell(m, 3, 5)->counters[COUNT_2XX] +
                      metrics_cell(m, 4, 5)->counters[COUNT_2XX];
    assert_int_equal(sum(METRICS_ALL, METRICS_ALL, COUNT_2XX), in_two);
    assert_true(in_two >= 60000);
    /* A life ends between two counts at most once. */
    assert_in_range(in_two - t.request.count, 0, 60);
}

static void rates(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    assert_true(totals_hit_rate(&t) == 0 && totals_error_rate(&t) == 0);
    for (unsigned i = COUNT_1XX; i <= COUNT_5XX; i++)
        t.counters[i] = i + 1;
    for (unsigned i = COUNT_CACHE_HIT; i <= COUNT_CACHE_EXPIRED; i++)
        t.counters[i] = UINT64_C(1) << (i - COUNT_CACHE_HIT);
    assert_int_equal(totals_requests(&t), 15);
    assert_int_equal(totals_cacheable(&t), 63);
    assert_int_equal(totals_hits(&t), 7);
    assert_true(totals_hit_rate(&t) == 700.0 / 63);
    assert_true(totals_error_rate(&t) == 500.0 / 15);
}

static void names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CACHE_OUTCOMES; i++)
        assert_non_null(cache_outcome_name((enum cache_outcome)i));
    assert_string_equal(cache_outcome_name(CACHE_COLLAPSED), "collapsed");
    assert_string_equal(counter_error_name(COUNT_ERROR_DEADLINE), "deadline");
    assert_string_equal(counter_error_name(COUNT_ERROR_OTHER), "other");
    assert_string_equal(counter_error_name(COUNT_2XX), "");
    for (unsigned i = COUNT_ERROR_DEADLINE; i < COUNTERS; i++)
        assert_true(*counter_error_name((enum counter)i) != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cells_are_found_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sums_select, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_walk_shows_each_cell_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(idle_cells_add_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(all_are_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(codes_are_summed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(codes_cost_a_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(claims_do_not_collide, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(deaths_lose_nothing, set_up, tear_down),
        cmocka_unit_test(rates),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
