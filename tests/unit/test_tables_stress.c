#include "crowd.h"

#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "common/segment/tables.h"

/*
 * A database of three rows, with SQLite's lock and change counter. Writers
 * are killed all the time; readers keep what they may. Whatever is still good
 * must not be older than what a plain read showed just before: that is more
 * than the promise (not older than what was acknowledged), and nobody may see
 * a commit unannounced, not even that of a writer that died of it.
 */
enum { ROWS = 3, WRITERS = 3, READERS = 2, STRESS_MS = 1500 };

/* Two share a bit. */
static const unsigned row_tables[ROWS] = {5, 5 + 64, 6};

struct world {
    _Atomic bool over;
    _Atomic pid_t lock; /* SQLite's write lock: who has it */
    volatile uint32_t change;
    _Atomic uint64_t row[ROWS];
    _Atomic uint64_t commits, keeps, hits;
    _Alignas(64) char tables[];
};

/* Sometimes lets others run, just here. */
static void dawdle(uint64_t *seed)
{
    uint64_t r = crowd_random(seed) >> 32;

    if (r % 4 == 0)
        sched_yield();
    if (r % 32 == 1)
        usleep(100);
}

/* False when all is over. */
static bool lock(struct world *w)
{
    for (; !w->over; sched_yield()) {
        pid_t nobody = 0;
        if (atomic_compare_exchange_strong(&w->lock, &nobody, getpid()))
            return true;
    }
    return false;
}

static void show_commit(struct world *w, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        w->row[first + i]++;
    __atomic_fetch_add(&w->change, 1, __ATOMIC_SEQ_CST);
}

static int write_rows(void *self, unsigned slot)
{
    struct world *w = self;
    struct tables *t = (void *)w->tables;
    uint64_t seed = (uint64_t)getpid();

    while (lock(w)) {
        uint64_t r = crowd_random(&seed) >> 32;
        size_t first = r % ROWS;
        size_t count = first + 1 < ROWS ? 1 + (r >> 8) % 2 : 1;
        bool wrote = (r >> 16) % 8 != 0;
        tables_known(t, &w->change);
        tables_begin(t, slot, row_tables + first, count);
        dawdle(&seed);
        if (wrote)
            show_commit(w, first, count);
        dawdle(&seed);
        w->lock = 0;
        dawdle(&seed);
        tables_end(t, slot, wrote);
        w->commits += wrote;
        usleep((useconds_t)(r >> 24) % 256);
    }
    return 0;
}

struct kept {
    bool is;
    uint64_t value, version, epoch;
};

static bool is_good(struct tables *t, const struct kept *k, size_t row)
{
    return k->is && k->epoch == tables_epoch(t) &&
           k->version == tables_version(t, row_tables[row]);
}

/* 1 as soon as something good is stale. */
static int read_rows(void *self, unsigned number)
{
    struct world *w = self;
    struct tables *t = (void *)w->tables;
    uint64_t seed = number + 1;
    struct kept kept[ROWS] = {{.is = false}};
    struct moment m;

    while (!w->over) {
        size_t row = (crowd_random(&seed) >> 32) % ROWS;
        struct kept *k = &kept[row];
        uint64_t shown = w->row[row];
        if (tables_known(t, &w->change) && is_good(t, k, row)) {
            w->hits++;
            if (k->value >= shown)
                continue;
            w->over = true;
            return 1;
        }
        tables_moment(t, &m);
        dawdle(&seed);
        k->value = w->row[row];
        dawdle(&seed);
        k->is = tables_unmoved(t, &m, row_tables[row], &k->version);
        k->epoch = m.epoch;
        w->keeps += k->is;
    }
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What kernel and master do, one after the other. True if it was at it. */
static bool bury(struct world *w, pid_t pid, unsigned slot, uint64_t *seed)
{
    crowd_kill(pid);
    if (w->lock == pid)
        w->lock = 0;
    if (crowd_random(seed) >> 63)
        usleep(500);
    return tables_forget((void *)w->tables, slot);
}

static unsigned kill_for_a_while(struct world *w, pid_t *writers)
{
    uint64_t seed = 42;
    unsigned at_work = 0;

    for (int64_t end = now_ms() + STRESS_MS; now_ms() < end && !w->over;) {
        unsigned slot = (unsigned)(crowd_random(&seed) >> 32) % WRITERS;
        usleep((useconds_t)(crowd_random(&seed) >> 32) % 8192);
        at_work += bury(w, writers[slot], slot, &seed);
        writers[slot] = crowd_start(write_rows, w, slot);
        tables_move((void *)w->tables, row_tables[slot % ROWS]);
    }
    w->over = true;
    return at_work;
}

/* A count that was wrong in either direction shows now. */
static void check_count(struct world *w)
{
    struct tables *t = (void *)w->tables;

    assert_int_equal(tables_strangers(t), 0);
    if (!tables_known(t, &w->change)) /* its beginning was put off */
        assert_true(tables_known(t, &w->change));
    assert_int_equal(tables_strangers(t), 0);
    w->change = w->change + 1;
    assert_false(tables_known(t, &w->change));
    assert_int_equal(tables_strangers(t), 1);
}

static void nothing_good_is_stale(void **state)
{
    void *memory;
    struct segment *s =
        crowd_memory(sizeof(struct world) + tables_size(), &memory);
    struct world *w = memory;
    pid_t writers[WRITERS];
    pid_t readers[READERS];

    (void)state;
    for (unsigned i = 0; i < WRITERS; i++)
        writers[i] = crowd_start(write_rows, w, i);
    for (unsigned i = 0; i < READERS; i++)
        readers[i] = crowd_start(read_rows, w, i);
    unsigned at_work = kill_for_a_while(w, writers);
    for (unsigned i = 0; i < WRITERS; i++)
        assert_int_equal(crowd_wait(writers[i]), 0);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(crowd_wait(readers[i]), 0);
    print_message("%u killed at work, %llu commits, %llu kept, %llu hits\n",
                  at_work, (unsigned long long)w->commits,
                  (unsigned long long)w->keeps, (unsigned long long)w->hits);
    assert_true(at_work > 0 && w->commits > 100);
    assert_true(w->keeps > 100 && w->hits > 100);
    check_count(w);
    segment_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_good_is_stale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
