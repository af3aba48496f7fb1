#include "crowd.h"

#include <sched.h>

#include "common/segment/errands.h"
#include "common/segment/heritage.h"

static struct {
    struct segment *segment;
    void *errands;
    struct errand errand; /* the last that the keeper took */
    struct errand_end end;
} made;

static int make(void **state)
{
    (void)state;
    made.segment = crowd_memory(errands_size(), &made.errands);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    segment_free(made.segment);
    return 0;
}

static int ask_job(unsigned slot, const char *name)
{
    return errands_ask(made.errands, slot, ERRAND_JOB, slice_of(name));
}

static enum errand_state look(int number)
{
    return errands_look(made.errands, number, &made.end);
}

/* The keeper takes the one of that name. */
static void take(int number, const char *name)
{
    assert_int_equal(errands_next(made.errands, &made.errand), number);
    assert_string_equal(made.errand.what, name);
}

static int end(int number, bool ok, const char *text)
{
    struct errand_end how = {.took_ns = 5, .bytes = 6};

    snprintf(how.text, sizeof how.text, "%s", text);
    return errands_end(made.errands, number, ok, &how);
}

static void nothing_to_do(void)
{
    assert_int_equal(errands_next(made.errands, &made.errand), -1);
}

static void one_is_done(void **state)
{
    (void)state;
    nothing_to_do();
    int job = ask_job(3, "revenue");
    assert_int_equal(look(job), ERRAND_ASKED);
    take(job, "revenue");
    assert_int_equal(made.errand.kind, ERRAND_JOB);
    nothing_to_do();
    assert_int_equal(look(job), ERRAND_RUNNING);
    assert_int_equal(end(job, true, "/a/file"), 3);
    assert_int_equal(look(job), ERRAND_DONE);
    assert_int_equal(look(job), ERRAND_DONE); /* until it is dropped */
    assert_string_equal(made.end.text, "/a/file");
    assert_int_equal(made.end.took_ns, 5);
    assert_int_equal(made.end.bytes, 6);
    assert_int_equal(errands_drop(made.errands, job), ERRAND_DONE);
    assert_int_equal(look(job), ERRAND_NONE);
}

static void one_fails(void **state)
{
    (void)state;
    int backup =
        errands_ask(made.errands, SLOTS_MAX - 1, ERRAND_BACKUP, SLICE(""));
    take(backup, "");
    assert_int_equal(made.errand.kind, ERRAND_BACKUP);
    assert_int_equal(end(backup, false, "no space"), SLOTS_MAX - 1);
    assert_int_equal(look(backup), ERRAND_FAILED);
    assert_string_equal(made.end.text, "no space");
    assert_int_equal(errands_drop(made.errands, backup), ERRAND_FAILED);
}

static void in_the_order_of_asking(void **state)
{
    int b[4];

    (void)state;
    int a = ask_job(1, "a");
    b[0] = ask_job(1, "b0");
    errands_drop(made.errands, a);
    b[1] = ask_job(2, "b1"); /* takes a's place, before b[0]'s */
    b[2] = ask_job(1, "b2");
    take(b[0], "b0");
    b[3] = ask_job(3, "b3");
    take(b[1], "b1");
    take(b[2], "b2");
    take(b[3], "b3");
    nothing_to_do();
}

static void there_are_so_many(void **state)
{
    char long_name[ERRAND_WHAT + 1];
    int last = -1;

    (void)state;
    memset(long_name, 'n', ERRAND_WHAT);
    long_name[ERRAND_WHAT] = '\0';
    assert_int_equal(ask_job(0, long_name), -1);
    long_name[ERRAND_WHAT - 1] = '\0';
    int first = ask_job(0, long_name);
    for (int i = 1; i < ERRANDS_MAX; i++)
        assert_true((last = ask_job(0, "x")) >= 0);
    assert_int_equal(ask_job(0, "x"), -1);
    errands_drop(made.errands, last);
    assert_true((last = ask_job(0, "x")) >= 0);
    assert_int_equal(ask_job(0, "x"), -1);
    take(first, long_name);
}

/* ---- numbers that are none any more ----*/

static void an_old_number_is_none(void **state)
{
    (void)state;
    int old = ask_job(1, "old");
    assert_int_equal(errands_drop(made.errands, old), ERRAND_ASKED);
    int young = ask_job(2, "young");
    assert_int_equal(young % ERRANDS_MAX, old % ERRANDS_MAX);
    assert_int_not_equal(young, old);
    assert_int_equal(errands_drop(made.errands, old), ERRAND_NONE);
    assert_int_equal(look(old), ERRAND_NONE);
    assert_int_equal(look(young), ERRAND_ASKED);
    take(young, "young");
    assert_int_equal(end(old, true, ""), -1);
    assert_int_equal(look(young), ERRAND_RUNNING);
    assert_int_equal(end(young, true, ""), 2);
    assert_int_equal(end(young, false, ""), -1); /* once */
    assert_int_equal(look(young), ERRAND_DONE);
}

static void what_was_never_asked(void **state)
{
    static const int numbers[] = {-1, INT32_MIN, 0, 5, ERRANDS_MAX, INT32_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_int_equal(look(numbers[i]), ERRAND_NONE);
        assert_int_equal(errands_drop(made.errands, numbers[i]), ERRAND_NONE);
        assert_int_equal(end(numbers[i], true, ""), -1);
    }
    nothing_to_do();
}

/* ---- those who leave, and deaths ----*/

static void what_is_dropped_is_not_begun(void **state)
{
    (void)state;
    int a = ask_job(1, "a");
    int b = ask_job(1, "b");
    assert_int_equal(errands_drop(made.errands, a), ERRAND_ASKED);
    take(b, "b");
    nothing_to_do();
}

/* The keeper ends what it has begun, and the place is free then. */
static void what_has_begun_is_ended(void **state)
{
    (void)state;
    int a = ask_job(1, "a");
    take(a, "a");
    assert_int_equal(errands_drop(made.errands, a), ERRAND_RUNNING);
    int b = ask_job(1, "b");
    assert_int_not_equal(b % ERRANDS_MAX, a % ERRANDS_MAX);
    assert_int_equal(end(a, true, ""), -1); /* nobody to ring */
    assert_int_equal(look(a), ERRAND_NONE);
    int c = ask_job(1, "c");
    assert_int_equal(c % ERRANDS_MAX, a % ERRANDS_MAX);
}

static void a_dead_worker_is_forgotten(void **state)
{
    int n[4];

    (void)state;
    n[0] = ask_job(1, "done");
    n[1] = ask_job(1, "running");
    n[2] = ask_job(1, "asked");
    n[3] = ask_job(2, "of another");
    take(n[0], "done");
    end(n[0], true, "");
    take(n[1], "running");
    errands_forget(made.errands, 1);
    assert_int_equal(look(n[0]), ERRAND_NONE);
    assert_int_equal(look(n[1]), ERRAND_RUNNING);
    assert_int_equal(look(n[2]), ERRAND_NONE);
    take(n[3], "of another");
    nothing_to_do();
    assert_int_equal(end(n[1], true, ""), -1);
    assert_int_equal(end(n[3], true, ""), 2);
    assert_int_equal(look(n[3]), ERRAND_DONE);
    for (int i = 1; i < ERRANDS_MAX; i++)
        assert_true(ask_job(1, "x") >= 0); /* none was lost for good */
    assert_int_equal(ask_job(1, "x"), -1);
}

static void a_dead_keeper_fails(void **state)
{
    char why[ERRAND_RESULT + 10];
    int n[4];

    (void)state;
    memset(why, 'w', sizeof why);
    why[sizeof why - 1] = '\0';
    n[0] = ask_job(1, "done");
    n[1] = ask_job(1, "running");
    n[2] = ask_job(1, "nobody waits");
    n[3] = ask_job(2, "asked");
    take(n[0], "done");
    end(n[0], true, "kept");
    take(n[1], "running");
    take(n[2], "nobody waits");
    errands_drop(made.errands, n[2]);
    errands_fail(made.errands, why);
    assert_int_equal(look(n[0]), ERRAND_DONE);
    assert_string_equal(made.end.text, "kept");
    assert_int_equal(look(n[1]), ERRAND_FAILED);
    assert_int_equal(strlen(made.end.text), ERRAND_RESULT - 1);
    assert_int_equal(made.end.took_ns, 0);
    assert_int_equal(look(n[2]), ERRAND_NONE);
    take(n[3], "asked"); /* the next keeper does it */
}

/* ---- processes ----*/

enum { WORKERS = 3, ROUNDS = 3000 };

struct town {
    _Atomic unsigned done;  /* by the keeper */
    _Atomic unsigned ended; /* workers at the end of their rounds */
    _Alignas(64) char errands[];
};

/* Asks over and over, and sees that it is given its own end; drops each
 * seventh, whatever it is. The next one's name is always another. */
static int ask_often(void *self, unsigned slot)
{
    struct town *town = self;
    struct errands *e = (void *)town->errands;
    struct errand_end got;
    char name[32];

    for (unsigned i = 0; i < ROUNDS; i++) {
        snprintf(name, sizeof name, "%u.%u", slot, i);
        int n = errands_ask(e, slot, ERRAND_JOB, slice_of(name));
        if (n < 0)
            return 1;
        enum errand_state s = ERRAND_ASKED;
        while (i % 7 != 0 && s != ERRAND_DONE && s != ERRAND_FAILED) {
            sched_yield();
            s = errands_look(e, n, &got);
            if (s == ERRAND_NONE)
                return 2;
        }
        if (i % 7 != 0 && (strcmp(got.text, name) != 0 || got.bytes != i))
            return 3;
        errands_drop(e, n);
    }
    town->ended++;
    return 0;
}

/* Tells each what it asked. */
static int keep(void *self, unsigned number)
{
    struct town *town = self;
    struct errands *e = (void *)town->errands;
    struct errand errand;
    struct errand_end how = {.took_ns = 1};

    (void)number;
    while (town->ended < WORKERS) {
        int n = errands_next(e, &errand);
        if (n < 0) {
            sched_yield();
            continue;
        }
        memcpy(how.text, errand.what, sizeof errand.what);
        how.bytes = strtoul(strchr(errand.what, '.') + 1, NULL, 10);
        errands_end(e, n, how.bytes % 2 == 0, &how);
        town->done++;
    }
    return 0;
}

static void many_ask(void **state)
{
    void *memory;
    struct segment *s =
        crowd_memory(sizeof(struct town) + errands_size(), &memory);
    struct town *town = memory;
    pid_t pids[WORKERS];

    (void)state;
    pid_t keeper = crowd_start(keep, town, 0);
    for (unsigned i = 0; i < WORKERS; i++)
        pids[i] = crowd_start(ask_often, town, i);
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(crowd_wait(pids[i]), 0);
    assert_int_equal(crowd_wait(keeper), 0);
    assert_true(town->done >= WORKERS * (ROUNDS - ROUNDS / 7 - 1));
    segment_free(s);
}

/* Asks and drops until it is killed. */
static int ask_for_ever(void *self, unsigned slot)
{
    struct town *town = self;
    struct errands *e = (void *)town->errands;
    int n = 0;

    for (unsigned i = 0; n >= 0; i++) {
        n = errands_ask(e, slot, ERRAND_JOB, SLICE("x"));
        if (i % 3 == 0)
            sched_yield();
        errands_drop(e, n);
    }
    return 1;
}

/* Takes and ends until it is killed. */
static int end_for_ever(void *self, unsigned number)
{
    const struct errand_end how = {.took_ns = 1};
    struct town *town = self;
    struct errands *e = (void *)town->errands;
    struct errand errand;

    for (unsigned i = 1; i > 0; i++) {
        int n = errands_next(e, &errand);
        if (n < 0 || i % 3 == number)
            sched_yield();
        errands_end(e, n, true, &how);
        town->done += n >= 0;
    }
    return 1;
}

/* What the master does, whichever it hears of first. */
static void clear(struct errands *e, bool worker_first)
{
    if (worker_first)
        errands_forget(e, 1);
    errands_fail(e, "gone");
    if (!worker_first)
        errands_forget(e, 1);
}

/* Whenever they die, all places are free once both are cleared. */
static void killed_at_any_moment(void **state)
{
    void *memory;
    struct segment *s =
        crowd_memory(sizeof(struct town) + errands_size(), &memory);
    struct town *town = memory;
    struct errands *e = (void *)town->errands;
    int n[ERRANDS_MAX];

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        unsigned before = town->done;
        pid_t worker = crowd_start(ask_for_ever, town, 1);
        pid_t keeper = crowd_start(end_for_ever, town, 0);
        while (town->done < before + i % 20)
            sched_yield();
        crowd_kill(i % 2 ? worker : keeper);
        crowd_kill(i % 2 ? keeper : worker);
        clear(e, i % 4 < 2);
        assert_int_equal(errands_next(e, &made.errand), -1);
        for (size_t k = 0; k < ERRANDS_MAX; k++)
            assert_true((n[k] = errands_ask(e, 2, ERRAND_JOB, SLICE(""))) >= 0);
        for (size_t k = 0; k < ERRANDS_MAX; k++)
            errands_drop(e, n[k]);
    }
    segment_free(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_is_done),
        T(one_fails),
        T(in_the_order_of_asking),
        T(there_are_so_many),
        T(an_old_number_is_none),
        T(what_was_never_asked),
        T(what_is_dropped_is_not_begun),
        T(what_has_begun_is_ended),
        T(a_dead_worker_is_forgotten),
        T(a_dead_keeper_fails),
        T(many_ask),
        T(killed_at_any_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
