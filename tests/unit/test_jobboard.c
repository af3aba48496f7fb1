#include "crowd.h"

#include "common/segment/jobboard.h"

static struct {
    struct segment *segment;
    void *board;
} made;

static int make(void **state)
{
    (void)state;
    made.segment = crowd_memory(jobboard_size(), &made.board);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    segment_free(made.segment);
    return 0;
}

static void entries_belong_to_names(void **state)
{
    char name[JOB_NAME + 1];

    (void)state;
    assert_int_equal(jobboard_entry(made.board, "revenue"), 0);
    assert_int_equal(jobboard_entry(made.board, "clean"), 1);
    assert_int_equal(jobboard_entry(made.board, "revenue"), 0);
    assert_int_equal(jobboard_entry(made.board, "reven"), 2);
    memset(name, 'n', sizeof name);
    name[JOB_NAME] = '\0'; /* one too many */
    assert_int_equal(jobboard_entry(made.board, name), -1);
    name[JOB_NAME - 1] = '\0';
    assert_int_equal(jobboard_entry(made.board, name), 3);
    assert_int_equal(jobboard_entry(made.board, "clean"), 1);
}

static void there_are_so_many(void **state)
{
    char name[JOB_NAME];

    (void)state;
    for (int i = 0; i < JOBS_MAX; i++) {
        snprintf(name, sizeof name, "job_%d", i);
        assert_int_equal(jobboard_entry(made.board, name), i);
    }
    assert_int_equal(jobboard_entry(made.board, "one_more"), -1);
    assert_int_equal(jobboard_entry(made.board, "job_127"), 127);
}

static void figures_are_read(void **state)
{
    struct job_figures f = {.name = "not its name",
                            .schedule = "EVERY 5m",
                            .present = true,
                            .last_ms = 7,
                            .runs = 1,
                            .error = "x:1: no"};
    struct job_figures seen;

    (void)state;
    jobboard_entry(made.board, "other");
    int entry = jobboard_entry(made.board, "revenue");
    assert_false(jobboard_read(made.board, entry, &seen)); /* only named */
    assert_false(jobboard_read(made.board, JOBS_MAX - 1, &seen));
    jobboard_put(made.board, entry, &f);
    for (uint64_t runs = 2; runs < 5; runs++) {
        assert_true(jobboard_read(made.board, entry, &seen));
        assert_string_equal(seen.name, "revenue");
        assert_string_equal(seen.schedule, "EVERY 5m");
        assert_string_equal(seen.error, "x:1: no");
        assert_int_equal(seen.runs, runs - 1);
        f.runs = runs;
        jobboard_put(made.board, entry, &f);
    }
    assert_false(jobboard_read(made.board, 0, &seen)); /* of the other */
}

/* ---- processes ----*/

enum { READS = 300000, MEETINGS = 300 };

/* All its numbers are the same one: a mixture would show. */
static void fill(struct job_figures *f, uint64_t n)
{
    *f = (struct job_figures){.last_ms = (int64_t)n,
                              .next_ms = (int64_t)n,
                              .last_ns = n,
                              .sum_ns = n,
                              .runs = n,
                              .failures = n};
    memset(f->error, 'a' + (int)(n % 26), sizeof f->error - 1);
}

static bool is_whole(const struct job_figures *f)
{
    struct job_figures same;

    fill(&same, f->runs);
    return f->last_ms == same.last_ms && f->next_ms == same.next_ms &&
           f->last_ns == same.last_ns && f->sum_ns == same.sum_ns &&
           f->failures == same.failures && strcmp(f->error, same.error) == 0;
}

/* Puts rising numbers, from the last one on, until it is killed. */
static int put_for_ever(void *self, unsigned number)
{
    struct job_figures f = {.runs = 0};
    int entry = jobboard_entry(self, "job");

    (void)number;
    jobboard_read(self, entry, &f);
    for (uint64_t n = f.runs + 1; n > 0; n++) {
        fill(&f, n);
        jobboard_put(self, entry, &f);
    }
    return 0;
}

static void wait_for_more(const void *board, uint64_t than)
{
    struct job_figures f = {.runs = 0};

    while (!jobboard_read(board, 0, &f) || f.runs <= than)
        usleep(50);
}

static void nothing_is_torn(void **state)
{
    struct job_figures f;
    uint64_t last = 0;

    (void)state;
    pid_t writer = crowd_start(put_for_ever, made.board, 0);
    wait_for_more(made.board, 0);
    for (int i = 0; i < READS || last < MEETINGS; i++) {
        if (!jobboard_read(made.board, 0, &f))
            continue; /* that writer does nothing else */
        assert_true(is_whole(&f));
        assert_true(f.runs >= last);
        last = f.runs;
    }
    crowd_kill(writer);
}

/* Whenever the keeper is killed, what it put last is there, and the next one
 * goes on from it. */
static void counts_survive_keepers(void **state)
{
    struct job_figures f;
    uint64_t last = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        pid_t writer = crowd_start(put_for_ever, made.board, 0);
        wait_for_more(made.board, last);
        crowd_kill(writer);
        assert_true(jobboard_read(made.board, 0, &f));
        assert_true(is_whole(&f));
        assert_true(f.runs > last);
        last = f.runs;
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(entries_belong_to_names), T(there_are_so_many),
        T(figures_are_read),        T(nothing_is_torn),
        T(counts_survive_keepers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
