#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/segment/heritage.h"
#include "common/segment/recorder.h"

enum {
    SLOT = 3,
    LIFE = 10000000, /* requests: more than a writer gets to */
};

static struct recorder *r;
static struct record seen;

static int set_up(void **state)
{
    (void)state;
    r = mmap(NULL, recorder_size(), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return r == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return munmap(r, recorder_size());
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Eight digits of n, four times: as long as an id, and different all over. */
static struct slice digits_of(uint32_t n, char *text, size_t size)
{
    int len = snprintf(text, size, "%08x%08x%08x%08x", n, n, n, n);

    return (struct slice){text, (size_t)len};
}

/* Everything in the record says n. */
static void fill(struct record *rec, uint32_t n)
{
    char text[40];
    struct slice id = digits_of(n, text, sizeof text);

    record_write(rec);
    record_text(rec->id, sizeof rec->id, id);
    record_text(rec->path, sizeof rec->path, id);
    record_text(rec->route, sizeof rec->route, id);
    record_text(rec->method, sizeof rec->method, SLICE("GET"));
    rec->began_ns = rec->bytes = n;
    rec->queries = rec->rows = n;
    record_written(rec);
}

static struct record *begin(uint32_t n)
{
    struct record *rec = recorder_open(r, SLOT);

    fill(rec, n);
    atomic_store(&rec->phase, PHASE_SQL);
    return rec;
}

static void finish(struct record *rec, uint32_t n, bool slow, bool failed)
{
    record_write(rec);
    rec->status = 200;
    rec->took_ns = n + 1;
    record_written(rec);
    recorder_close(r, SLOT, slow, failed);
}

static void serve(uint32_t n, bool slow, bool failed)
{
    finish(begin(n), n, slow, failed);
}

/* Is it whole, and whose is it? */
static uint32_t whole(const struct record *rec)
{
    char text[40];
    uint32_t n = rec->queries;

    digits_of(n, text, sizeof text);
    assert_string_equal(rec->id, text);
    assert_string_equal(rec->path, text);
    assert_string_equal(rec->route, text);
    assert_string_equal(rec->method, "GET");
    assert_int_equal(rec->rows, n);
    assert_int_equal(rec->bytes, n);
    assert_int_equal(rec->began_ns, n);
    assert_true(rec->took_ns == 0 || rec->took_ns == n + 1);
    assert_int_equal(rec->status, rec->took_ns ? 200 : 0);
    return n;
}

static bool look(enum record_list list, size_t i)
{
    return recorder_read(r, SLOT, list, i, &seen);
}

static void nothing_at_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < 40; i++) {
        assert_false(look(RECORDS_RECENT, i));
        assert_false(look(RECORDS_SLOW, i));
        assert_false(look(RECORDS_FAILED, i));
    }
    assert_false(recorder_bury(r, SLOT, &seen));
}

static void rings_turn(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 100; n++)
        serve(n, n % 3 == 0, n % 10 == 0);
    for (uint32_t i = 0; i < RECORD_RECENT; i++) {
        assert_true(look(RECORDS_RECENT, i));
        assert_int_equal(whole(&seen), 100 - i);
        assert_int_equal(seen.phase, PHASE_NONE);
        assert_true(look(RECORDS_SLOW, i));
        assert_int_equal(whole(&seen), 99 - 3 * i);
    }
    assert_false(look(RECORDS_RECENT, RECORD_RECENT));
    assert_false(look(RECORDS_SLOW, RECORD_SLOW));
    for (uint32_t i = 0; i < 10; i++) {
        assert_true(look(RECORDS_FAILED, i));
        assert_int_equal(whole(&seen), 100 - 10 * i);
    }
    assert_false(look(RECORDS_FAILED, 10));
    assert_false(recorder_read(r, SLOT + 1, RECORDS_RECENT, 0, &seen));
}

/* It is seen from its first phase to its end, and as one of sixteen. */
static void one_is_open(void **state)
{
    struct record *rec;

    (void)state;
    for (uint32_t n = 1; n <= 20; n++)
        serve(n, false, false);
    rec = recorder_open(r, SLOT);
    assert_int_equal(rec->phase, PHASE_NONE);
    assert_true(look(RECORDS_RECENT, 0));
    assert_int_equal(whole(&seen), 20);
    rec = begin(21);
    for (uint32_t i = 0; i < RECORD_RECENT; i++) {
        assert_true(look(RECORDS_RECENT, i));
        assert_int_equal(whole(&seen), 21 - i);
        assert_int_equal(seen.phase, i == 0 ? PHASE_SQL : PHASE_NONE);
        assert_true((seen.took_ns == 0) == (i == 0));
    }
    assert_false(look(RECORDS_RECENT, RECORD_RECENT));
    finish(rec, 21, true, false);
    assert_true(look(RECORDS_RECENT, 0));
    assert_int_equal(seen.took_ns, 22);
    assert_true(look(RECORDS_SLOW, 0));
    assert_int_equal(whole(&seen), 21);
    assert_int_equal(seen.phase, PHASE_NONE);
}

/* Nothing of the request that had the place before. */
static void opened_empty(void **state)
{
    struct record *rec = NULL;

    (void)state;
    for (int n = 0; n < 3 * RECORD_RECENT; n++) {
        rec = recorder_open(r, SLOT);
        assert_int_equal(rec->phase, PHASE_NONE);
        assert_int_equal(rec->statement, 0);
        assert_int_equal(rec->status, 0);
        assert_true(rec->wall_ms == 0 && rec->began_ns == 0);
        assert_true(rec->took_ns == 0 && rec->bytes == 0);
        assert_true(rec->queries == 0 && rec->rows == 0);
        assert_int_equal(rec->route_number, NAMES_REST);
        assert_int_equal(rec->cache, CACHE_NONE);
        assert_int_equal(rec->statement_count, 0);
        assert_true(!*rec->id && !*rec->trace && !*rec->method);
        assert_true(!*rec->path && !*rec->route);
        for (size_t i = 0; i < PHASES; i++)
            assert_int_equal(rec->phase_ns[i], 0);
        record_write(rec);
        /* Whatever is in it, its texts end. */
        memset(rec->phase_ns, 0xff,
               sizeof *rec - offsetof(struct record, phase_ns));
        rec->id[RECORD_ID - 1] = rec->trace[RECORD_ID - 1] = '\0';
        rec->status = 9;
        rec->statement = 9;
        rec->wall_ms = -1;
        rec->began_ns = rec->took_ns = 1;
        record_written(rec);
        atomic_store(&rec->phase, PHASE_SEND);
        recorder_close(r, SLOT, false, false);
    }
}

static void texts_are_cut(void **state)
{
    char room[8] = "xxxxxxx";

    (void)state;
    record_text(room, sizeof room, SLICE("1234567"));
    assert_string_equal(room, "1234567");
    record_text(room, sizeof room, SLICE("abcdefghijk"));
    assert_string_equal(room, "abcdefg");
    record_text(room, sizeof room, (struct slice){NULL, 0});
    assert_string_equal(room, "");
    record_text(room, 1, SLICE("abc"));
    assert_string_equal(room, "");
}

/* As fast as it can, until it is killed. Most of the time there is one open,
 * and it changes. */
static pid_t start_writer(uint32_t first)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* if the test fails */
    for (uint32_t n = first;; n++) {
        struct record *rec = begin(n);
        for (int i = 0; i < 4; i++)
            fill(rec, ++n);
        finish(rec, n, n % 2 == 0, n % 3 == 0);
    }
}

/* Reads all lists over and over; returns how many records it got. */
static uint64_t read_all(uint64_t until_ns)
{
    uint64_t got = 0;

    do {
        for (size_t i = 0; i < RECORD_RECENT; i++) {
            for (int list = RECORDS_RECENT; list <= RECORDS_FAILED; list++) {
                if (!look((enum record_list)list, i))
                    continue;
                whole(&seen);
                got++;
            }
        }
    } while (now_ns() < until_ns);
    return got;
}

static void stop(pid_t pid)
{
    int status;

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void never_torn(void **state)
{
    pid_t pid = start_writer(1);

    (void)state;
    assert_true(pid > 0);
    uint64_t got = read_all(now_ns() + 300000000);
    stop(pid);
    assert_true(got > 10000);
}

/* Whatever instruction it died at: what is there is whole, and the next one
 * in its slot goes on. */
static void killed_anywhere(void **state)
{
    uint32_t n = 1;
    int at_work = 0;

    (void)state;
    for (int life = 0; life < 100; life++, n += LIFE) {
        pid_t pid = start_writer(n);
        assert_true(pid > 0);
        while (!look(RECORDS_RECENT, 0) || seen.queries < n)
            sched_yield(); /* until it serves */
        read_all(now_ns() + (uint64_t)(life * 977 % 500) * 1000);
        stop(pid);
        read_all(0);
        if (!recorder_bury(r, SLOT, &seen))
            continue;
        at_work++;
        assert_int_equal(seen.phase, PHASE_SQL);
        assert_true(seen.queries >= n && seen.queries < n + LIFE);
        assert_true(strlen(seen.id) < RECORD_ID);
        serve(n, true, true);
        for (int list = RECORDS_RECENT; list <= RECORDS_FAILED; list++) {
            assert_true(look((enum record_list)list, 0));
            assert_int_equal(whole(&seen), n);
        }
        for (int i = 0; i < RECORD_RECENT + 1; i++) /* none of the buried */
            serve(n, true, true);
    }
    assert_true(at_work > 0);
}

/* The worker in the slot died in the middle of writing. */
static void buried(void **state)
{
    uint64_t began = now_ns() - 5000000000;
    struct record *rec;

    (void)state;
    serve(1, false, false);
    rec = begin(2);
    record_write(rec);
    rec->began_ns = began;
    rec->status = 200;
    assert_false(look(RECORDS_RECENT, 0));
    assert_true(look(RECORDS_RECENT, 1));
    assert_true(recorder_bury(r, SLOT, &seen));
    assert_int_equal(seen.phase, PHASE_SQL);
    assert_int_equal(seen.queries, 2);
    assert_int_equal(seen.status, 0);
    assert_in_range(seen.took_ns / 1000000, 5000, 60000);
    assert_true(look(RECORDS_RECENT, 0));
    assert_int_equal(seen.queries, 2);
    assert_int_equal(seen.phase, PHASE_NONE);
    assert_true(look(RECORDS_FAILED, 0));
    assert_int_equal(seen.queries, 2);
    assert_int_equal(seen.status, 0);
    assert_true(seen.took_ns >= 5000000000);
    assert_false(look(RECORDS_FAILED, 1));
    assert_false(recorder_bury(r, SLOT, &seen));
}

/* Each thread of each slot has its own, and nobody else writes there. */
static void places(void **state)
{
    static uint8_t seen_at[SLOTS_ALL * THREADS_MAX];

    (void)state;
    for (unsigned slot = 0; slot < SLOTS_ALL; slot++) {
        assert_int_equal(recorder_place(slot, 0), slot);
        for (unsigned thread = 0; thread < THREADS_MAX; thread++) {
            unsigned place = recorder_place(slot, thread);
            assert_true(place < SLOTS_ALL * THREADS_MAX);
            assert_int_equal(seen_at[place]++, 0);
        }
    }
    for (unsigned thread = 0; thread < THREADS_MAX; thread++) {
        struct record *rec = recorder_open(r, recorder_place(SLOT, thread));
        fill(rec, 100 + thread);
        atomic_store(&rec->phase, PHASE_SQL);
    }
    recorder_close(r, recorder_place(SLOT, 2), false, true);
    for (unsigned thread = 0; thread < THREADS_MAX; thread++) {
        unsigned place = recorder_place(SLOT, thread);
        assert_true(recorder_read(r, place, RECORDS_RECENT, 0, &seen));
        assert_int_equal(whole(&seen), 100 + thread);
        assert_int_equal(seen.phase, thread == 2 ? PHASE_NONE : PHASE_SQL);
        assert_int_equal(recorder_read(r, place, RECORDS_FAILED, 0, &seen),
                         thread == 2);
        assert_int_equal(recorder_bury(r, place, &seen), thread != 2);
        if (thread != 2)
            assert_int_equal(seen.queries, 100 + thread);
    }
    assert_false(recorder_read(r, recorder_place(SLOT + 1, 1), RECORDS_RECENT,
                               0, &seen));
}

static void quarantine(void **state)
{
    (void)state;
    assert_false(recorder_quarantined(r, 7));
    recorder_quarantine(r, 7, true);
    recorder_quarantine(r, NAMES_MAX - 1, true);
    recorder_quarantine(r, NAMES_REST, true);
    assert_true(recorder_quarantined(r, 7));
    assert_true(recorder_quarantined(r, NAMES_MAX - 1));
    assert_false(recorder_quarantined(r, 6));
    assert_false(recorder_quarantined(r, NAMES_REST));
    recorder_quarantine(r, 7, false);
    assert_false(recorder_quarantined(r, 7));
    recorder_absolve(r);
    for (unsigned i = 0; i < NAMES_MAX; i++)
        assert_false(recorder_quarantined(r, i));
}

static void names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PHASES; i++)
        assert_true(*phase_name((enum phase)i) != '\0');
    assert_string_equal(phase_name(PHASE_SQL), "sql");
    assert_string_equal(phase_name(PHASE_QUEUE), "queue");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_at_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rings_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_is_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(opened_empty, set_up, tear_down),
        cmocka_unit_test(texts_are_cut),
        cmocka_unit_test_setup_teardown(never_torn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(killed_anywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(buried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(quarantine, set_up, tear_down),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
