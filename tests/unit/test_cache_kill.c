#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/larder.h"

/* Children never return from a test; these are their exit codes. */
enum { CHILD_DONE = 0, CHILD_SAW_WRONG = 40, CHILD_FAILED = 41 };

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A child that does not outlive this process, should a test fail. */
static pid_t child_begin(void)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        _exit(CHILD_FAILED);
    return child;
}

static void child_end(pid_t child, int sig)
{
    int status;

    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), sig);
}

static void all_are_good(const struct larder *l, uint64_t count)
{
    for (uint64_t n = 0; n < count; n++) {
        enum look look = larder_look(l, n);
        assert_true(look == LOOK_GOOD || look == LOOK_NONE);
    }
}

/* ---- at a chosen point ---------------------------------------------------*/

static int deadly;

static void on_fault(int sig)
{
    (void)sig;
    raise(deadly);
    _exit(CHILD_FAILED); /* when a stopped one is let go on */
}

/*
 * A child that puts a value whose second half cannot be read: the signal
 * reaches it in the middle of the copy, with the lock held. Returns once it
 * is dead or stopped.
 */
static pid_t put_half(const struct larder *l, uint64_t number, int sig)
{
    int status;
    pid_t child = child_begin();

    if (child == 0) {
        static char half[1000];
        const struct slice parts[] = {{half, sizeof half},
                                      {l->end, sizeof half}};
        struct label label;
        deadly = sig;
        signal(SIGSEGV, on_fault);
        label_write(&label, l->cache, number);
        cache_put(l->cache, &label.key, parts, 2);
        _exit(CHILD_FAILED);
    }
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(sig == SIGSTOP ? WIFSTOPPED(status) : WIFSIGNALED(status));
    return child;
}

static void test_killed_half_way(void **state)
{
    struct larder l = larder_open(CACHE_MIN);

    (void)state;
    for (uint64_t round = 1; round <= 20; round++) {
        for (uint64_t n = 0; n < 500; n++)
            assert_true(larder_put(&l, n, round, 700));
        assert_int_equal(larder_look(&l, 499), LOOK_GOOD);
        put_half(&l, 499, SIGKILL);
        /* Readers see what was there; the next writer starts from nothing. */
        assert_int_equal(larder_look(&l, 499), LOOK_GOOD);
        all_are_good(&l, 500);
        assert_int_equal(larder_stats(&l).recovered, round - 1);
        assert_true(larder_put(&l, 1, round, 700));
        assert_int_equal(larder_stats(&l).recovered, round);
        assert_int_equal(larder_stats(&l).entries, 1);
        assert_int_equal(larder_look(&l, 1), LOOK_GOOD);
        assert_int_equal(larder_look(&l, 499), LOOK_NONE);
    }
    larder_close(&l);
}

/* Two deaths in a row, and the one who comes to empty is cache_empty. */
static void test_killed_twice(void **state)
{
    struct larder l = larder_open(CACHE_MIN);

    (void)state;
    assert_true(larder_put(&l, 1, 1, 700));
    put_half(&l, 2, SIGKILL);
    put_half(&l, 2, SIGKILL); /* it emptied the shard, then died in it */
    assert_int_equal(larder_look(&l, 1), LOOK_NONE);
    assert_int_equal(larder_look(&l, 2), LOOK_NONE);
    cache_empty(l.cache);
    assert_int_equal(larder_stats(&l).recovered, 2);
    assert_true(larder_put(&l, 2, 2, 700));
    assert_int_equal(larder_look(&l, 2), LOOK_GOOD);
    larder_close(&l);
}

/* A view from before the death no longer holds once its shard is empty. */
static void test_view_of_the_dead(void **state)
{
    struct larder l = larder_open(CACHE_MIN);
    struct label label;
    struct cache_view view;

    (void)state;
    assert_true(larder_put(&l, 1, 1, 700));
    label_write(&label, l.cache, 1);
    assert_true(cache_look(l.cache, &label.key, &view));
    put_half(&l, 2, SIGKILL);
    assert_true(cache_holds(l.cache, &view));
    assert_true(larder_put(&l, 3, 1, 700));
    assert_false(cache_holds(l.cache, &view));
    larder_close(&l);
}

/* Nobody waits for a writer that stands still; cache_empty a second at most,
 * however many there are. */
static void test_stopped(void **state)
{
    struct larder l = larder_open(32 * MEGA);
    uint64_t same_shard = 0;
    pid_t stopped[2];

    (void)state;
    for (uint64_t n = 0; n < 100; n++)
        assert_true(larder_put(&l, n, 1, 700));
    stopped[0] = put_half(&l, 0, SIGSTOP);
    uint64_t began = now_ms();
    for (uint64_t n = 0; n < 100; n++)
        same_shard += !larder_put(&l, n, 2, 700);
    assert_true(now_ms() - began < 500);
    assert_true(same_shard > 1 && same_shard < 100);
    assert_int_equal(larder_stats(&l).refused, same_shard);
    for (uint64_t n = 0; n < 100; n++)
        assert_int_equal(larder_look(&l, n), LOOK_GOOD);

    uint64_t other = 1; /* in another shard */
    while (!larder_put(&l, other, 3, 700))
        other++;
    stopped[1] = put_half(&l, other, SIGSTOP);
    began = now_ms();
    cache_empty(l.cache);
    assert_in_range(now_ms() - began, 900, 1900);
    assert_int_equal(larder_look(&l, 0), LOOK_GOOD); /* its shard was skipped */
    for (int i = 0; i < 2; i++)
        child_end(stopped[i], SIGKILL);
    cache_empty(l.cache);
    assert_int_equal(larder_stats(&l).recovered, 2);
    assert_int_equal(larder_stats(&l).entries, 0);
    assert_true(larder_put(&l, 0, 4, 700));
    assert_int_equal(larder_look(&l, 0), LOOK_GOOD);
    larder_close(&l);
}

/* ---- at any instruction --------------------------------------------------*/

/* A child whose put is executed instruction by instruction, and killed after
 * so many. True when it was done before. Skips the test where nobody may trace.
 */
static bool put_steps(const struct larder *l, uint64_t number, unsigned steps)
{
    int status;
    pid_t child = child_begin();

    if (child == 0) {
        char bytes[100];
        const struct slice part = {bytes, sizeof bytes};
        struct label label;
        jar_fill(bytes, (struct jar){number, 2, sizeof bytes});
        label_write(&label, l->cache, number);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(77);
        raise(SIGSTOP);
        cache_put(l->cache, &label.key, &part, 1);
        _exit(CHILD_DONE);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    while (WIFSTOPPED(status) && steps-- > 0) {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
    }
    if (WIFSTOPPED(status)) {
        child_end(child, SIGKILL);
        return false;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == CHILD_DONE);
    return true;
}

/* Fills the one shard; half of what lies there is in use, so the next put
 * moves, writes again and drops. */
static void stock(const struct larder *l, uint64_t count)
{
    for (uint64_t n = 0; n < count; n++) {
        assert_true(larder_put(l, n, 1, 100));
        if (n % 2)
            larder_look(l, n);
    }
}

/*
 * Killed at points all over a put, for two seconds, and every other time
 * killed again in the put that finds the lock's owner dead. Whatever the
 * point: readers see nothing wrong, and the next writer can write.
 */
static void test_killed_anywhere(void **state)
{
    enum { KEYS = 3000 };
    struct larder l = larder_open(CACHE_MIN);
    uint64_t until = now_ms() + 2000;
    unsigned steps = 0;
    unsigned killed = 0;

    (void)state;
    for (unsigned round = 0; now_ms() < until; round++) {
        stock(&l, KEYS);
        bool done = put_steps(&l, KEYS, steps);
        if (round % 2)
            done |= put_steps(&l, KEYS, steps / 2);
        killed += !done;
        steps = done ? round % 97 : steps + 97;
        all_are_good(&l, KEYS + 1);
        assert_true(larder_put(&l, 1, 3, 100));
        assert_int_equal(larder_look(&l, 1), LOOK_GOOD);
        all_are_good(&l, KEYS + 1);
    }
    assert_true(killed > 0);
    assert_true(larder_stats(&l).recovered > 0);
    larder_close(&l);
}

/* ---- at random -----------------------------------------------------------*/

enum { WRITERS = 3, READERS = 2, CROWD = WRITERS + READERS, KEYS = 400 };

static size_t random_len(uint64_t *random)
{
    uint64_t r = jar_random(random);
    size_t scale = r % 32 == 0 ? 40000 : 4000;

    return sizeof(struct jar) + (r >> 8) % scale;
}

static void write_on(const struct larder *l, uint64_t random)
{
    for (;;) {
        uint64_t number = jar_random(&random) % KEYS;
        uint64_t version = jar_random(&random) & UINT32_MAX;
        larder_put(l, number, version, random_len(&random));
    }
}

static void read_on(const struct larder *l, uint64_t random)
{
    for (;;)
        if (larder_look(l, jar_random(&random) % KEYS) == LOOK_WRONG)
            _exit(CHILD_SAW_WRONG);
}

static pid_t start(const struct larder *l, unsigned place, uint64_t seed)
{
    pid_t child = child_begin();

    if (child > 0)
        return child;
    if (place < WRITERS)
        write_on(l, seed);
    else
        read_on(l, seed);
    _exit(CHILD_FAILED);
}

/* Random members of the crowd die all the time, and others take their place.
 * child_end notices those who went by themselves: they saw something wrong. */
static void test_killed_at_random(void **state)
{
    static const struct timespec pause = {.tv_nsec = 3000000};
    struct larder l = larder_open(1 * MEGA);
    pid_t crowd[CROWD];
    uint64_t random = 42;
    uint64_t until = now_ms() + 2000;

    (void)state;
    for (unsigned i = 0; i < CROWD; i++)
        crowd[i] = start(&l, i, jar_random(&random));
    while (now_ms() < until) {
        unsigned place = (unsigned)(jar_random(&random) % CROWD);
        nanosleep(&pause, NULL);
        child_end(crowd[place], SIGKILL);
        crowd[place] = start(&l, place, jar_random(&random));
    }
    for (unsigned i = 0; i < CROWD; i++)
        child_end(crowd[i], SIGKILL);
    struct cache_stats stats = larder_stats(&l);
    assert_true(stats.recovered > 0); /* some died with the lock */
    assert_true(stats.puts > 1000);
    assert_true(stats.evictions > 0);
    for (uint64_t n = 0; n < KEYS; n++) {
        assert_int_not_equal(larder_look(&l, n), LOOK_WRONG);
        assert_true(larder_put(&l, n, 1, 1000));
        assert_int_equal(larder_look(&l, n), LOOK_GOOD);
    }
    larder_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_half_way),
        cmocka_unit_test(test_killed_twice),
        cmocka_unit_test(test_view_of_the_dead),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_killed_anywhere),
        cmocka_unit_test(test_killed_at_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
