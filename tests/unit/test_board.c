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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/segment/board.h"

enum { LIFE = 10000000 }; /* more than a keeper gets to write */

static struct board *b;

static int set_up(void **state)
{
    (void)state;
    b = mmap(NULL, board_size(), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return b == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return munmap(b, board_size());
}

/* Values that all say n. */

static void put_system(uint64_t n)
{
    struct board_system s = {
        .wall_ms = (int64_t)n,
        .cpu_percent = (double)n,
        .load = {[2] = (double)n},
        .pss_kb = n,
        .descriptors = n,
    };

    board_put_system(b, &s);
}

static void put_sample(uint64_t n)
{
    static struct board_sample s;

    s.clock_ms = n;
    for (size_t i = 0; i < COUNTERS; i++)
        s.totals.counters[i] = n;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        s.totals.request.bucket[i] = s.totals.sql.bucket[i] = n;
    board_put_sample(b, &s);
}

static void put_alert(uint64_t n)
{
    struct alert a = {
        .active = n % 2 != 0,
        .value = (double)n,
        .threshold = (double)n,
        .since_ms = (int64_t)n,
        .rises = n,
    };

    board_put_alert(b, (enum alert_kind)(n % ALERTS), &a);
}

static void put_wal(uint64_t n)
{
    const struct board_wal w = {n, n + 1, n + 2, n + 3, n + 4};

    board_put_wal(b, &w);
}

/* What is there, and that it is whole; 0 when there is nothing. */

static uint64_t get_system(void)
{
    struct board_system s;

    if (!board_system(b, &s))
        return 0;
    assert_true(s.cpu_percent == (double)s.pss_kb &&
                s.load[2] == (double)s.pss_kb);
    assert_int_equal(s.wall_ms, s.pss_kb);
    assert_int_equal(s.descriptors, s.pss_kb);
    return s.pss_kb;
}

static uint64_t get_sample(uint64_t clock_ms, uint64_t age_ms)
{
    static struct board_sample s;

    if (!board_sample(b, clock_ms, age_ms, &s))
        return 0;
    for (size_t i = 0; i < COUNTERS; i++)
        assert_int_equal(s.totals.counters[i], s.clock_ms);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        assert_int_equal(s.totals.request.bucket[i], s.clock_ms);
        assert_int_equal(s.totals.sql.bucket[i], s.clock_ms);
    }
    return s.clock_ms;
}

static uint64_t get_alert(enum alert_kind kind)
{
    struct alert a;

    if (!board_alert(b, kind, &a))
        return 0;
    assert_int_equal(a.active, a.rises % 2);
    assert_true(a.value == (double)a.rises && a.threshold == a.value);
    assert_int_equal(a.since_ms, a.rises);
    assert_int_equal(a.rises % ALERTS, kind);
    return a.rises;
}

static uint64_t get_checkpoints(void)
{
    struct board_wal w;

    board_wal(b, &w);
    return w.checkpoints;
}

static void nothing_at_first(void **state)
{
    (void)state;
    assert_int_equal(get_checkpoints(), 0);
    assert_int_equal(get_system(), 0);
    assert_int_equal(get_sample(1000, 0), 0);
    for (unsigned i = 0; i < ALERTS; i++)
        assert_int_equal(get_alert((enum alert_kind)i), 0);
}

static void the_last_is_read(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 15; n++) {
        put_system(n);
        put_alert(n);
        assert_int_equal(get_system(), n);
        assert_int_equal(get_alert((enum alert_kind)(n % ALERTS)), n);
    }
    assert_int_equal(get_alert(ALERT_ERROR_RATE), 14);
}

static void wal_is_read(void **state)
{
    struct board_wal w;

    (void)state;
    put_wal(70);
    put_wal(7);
    board_wal(b, &w);
    assert_int_equal(w.frames, 7);
    assert_int_equal(w.copied, 8);
    assert_int_equal(w.checkpoints, 9);
    assert_int_equal(w.sum_ns, 10);
    assert_int_equal(w.last_ns, 11);
}

/* Samples at 5, 10 … 100 s, of which the last thirteen are kept. */
static const struct {
    uint64_t clock_s, age_s, wanted_s;
} ages[] = {
    {100, 0, 100},  {100, 1, 95},  {100, 5, 95},    {102, 5, 95},
    {104, 5, 95},   {105, 5, 100}, {100, 60, 40},   {104, 60, 40},
    {105, 60, 45},  {100, 61, 40}, {100, 1000, 40}, {90, 0, 90},
    {200, 60, 100}, {20, 0, 40},   {0, 60, 40},
};

static void samples_by_age(void **state)
{
    (void)state;
    put_sample(5000);
    assert_int_equal(get_sample(7000, 60000), 5000);
    for (uint64_t ms = 10000; ms <= 100000; ms += BOARD_INTERVAL_MS)
        put_sample(ms);
    for (size_t i = 0; i < sizeof ages / sizeof *ages; i++)
        assert_int_equal(
            get_sample(ages[i].clock_s * 1000, ages[i].age_s * 1000),
            ages[i].wanted_s * 1000);
}

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static pid_t start_keeper(uint64_t n)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* if the test fails */
    for (;; n++) {
        put_system(n);
        put_alert(n);
        put_wal(n);
        put_sample(n);
    }
}

/* A keeper that writes all the time and is killed at any instruction: what is
 * read is whole, and the next keeper goes on. */
static void never_torn(void **state)
{
    uint64_t got = 0;
    uint64_t n = 1;

    (void)state;
    for (int life = 0; life < 100; life++, n += LIFE) {
        pid_t pid = start_keeper(n);
        assert_true(pid > 0);
        while (get_sample(UINT64_MAX, 0) < n)
            sched_yield(); /* until it writes */
        for (uint64_t end = now_us() + 3000; now_us() < end;) {
            got += get_sample(UINT64_MAX, 0) > 0;
            got += get_sample(0, 0) > 0; /* the oldest */
            got += get_system() > 0;
            for (unsigned i = 0; i < ALERTS; i++)
                got += get_alert((enum alert_kind)i) > 0;
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_in_range(get_sample(UINT64_MAX, 0), n, n + LIFE);
        assert_in_range(get_sample(0, 0), 1, n + LIFE);
        assert_in_range(get_checkpoints(), n + 2, n + LIFE);
    }
    assert_true(got > 10000);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(alert_name(ALERT_RESPONSE_TIME), "response_time");
    assert_string_equal(alert_name(ALERT_DB_QUERY_TIME), "db_query_time");
    assert_string_equal(alert_name(ALERT_MEMORY_USAGE), "memory_usage");
    assert_string_equal(alert_name(ALERT_CACHE_HIT_RATE), "cache_hit_rate");
    assert_string_equal(alert_name(ALERT_ERROR_RATE), "error_rate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_at_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wal_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(samples_by_age, set_up, tear_down),
        cmocka_unit_test_setup_teardown(never_torn, set_up, tear_down),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
