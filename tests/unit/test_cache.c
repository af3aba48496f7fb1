#include <time.h>

#include "tests/unit/larder.h"

static void test_keeps(void **state)
{
    struct larder l = larder_open(CACHE_MIN);
    const struct slice parts[] = {SLICE("one "), {NULL, 0}, SLICE("two")};
    const struct cache_key key = {SLICE("GET /"), 1};
    const struct cache_key twin = {SLICE("GET ?"), 1};
    struct cache_view view;

    (void)state;
    assert_int_equal(cache_seed(l.cache), 7);
    assert_false(cache_look(l.cache, &key, &view));
    assert_true(cache_put(l.cache, &key, parts, 3));
    assert_true(cache_look(l.cache, &key, &view));
    assert_int_equal(view.len, 7);
    assert_memory_equal(view.value, "one two", 7);
    assert_true(cache_holds(l.cache, &view));
    /* Another key of the same hash is another key. */
    assert_false(cache_look(l.cache, &twin, &view));
    assert_true(cache_put(l.cache, &twin, parts, 0));
    assert_true(cache_look(l.cache, &twin, &view));
    assert_int_equal(view.len, 0);
    assert_true(cache_look(l.cache, &key, &view));
    assert_int_equal(view.len, 7);
    assert_int_equal(larder_stats(&l).entries, 2);
    larder_close(&l);
}

static void test_replaces(void **state)
{
    struct larder l = larder_open(CACHE_MIN);
    struct label label;
    struct cache_view view;
    struct jar jar;

    (void)state;
    for (uint64_t version = 1; version <= 5000; version++) {
        assert_true(larder_put(&l, 1, version, 100 + version % 900));
        label_write(&label, l.cache, 1);
        assert_true(cache_look(l.cache, &label.key, &view));
        memcpy(&jar, view.value, sizeof jar);
        assert_int_equal(jar.version, version);
        assert_int_equal(larder_look(&l, 1), LOOK_GOOD);
    }
    struct cache_stats stats = larder_stats(&l);
    assert_int_equal(stats.entries, 1);
    assert_int_equal(stats.puts, 5000);
    assert_int_equal(stats.evictions, 0); /* garbage is not evicted */
    larder_close(&l);
}

/* A view of what is overwritten no longer holds; as long as it holds, its
 * bytes are the old ones. */
static void test_overtaken(void **state)
{
    struct larder l = larder_open(CACHE_MIN);
    struct label label;
    struct cache_view view;
    uint64_t others = 0;

    (void)state;
    assert_true(larder_put(&l, 1, 1, 1000));
    label_write(&label, l.cache, 1);
    assert_true(cache_look(l.cache, &label.key, &view));
    while (cache_holds(l.cache, &view)) {
        assert_true(jar_is_good(view.value, view.len, 1));
        assert_true(larder_put(&l, 2, ++others, 1000));
        assert_true(others < 1000);
    }
    assert_true(others > 10);
    larder_close(&l);
}

static void test_limits(void **state)
{
    struct larder l = larder_open(CACHE_MIN);
    static char bytes[CACHE_MIN];
    size_t largest = cache_largest(l.cache);
    const struct {
        size_t key, value, more; /* more: a second part */
        bool kept;
    } cases[] = {
        {.key = 1, .value = largest - 1, .kept = true},
        {.key = 1, .value = largest},
        {.key = 100, .value = largest - 100, .kept = true},
        {.key = 100, .value = 100, .more = largest - 199},
        {.key = CACHE_KEY_MAX, .value = 1, .kept = true},
        {.key = CACHE_KEY_MAX + 1, .value = 1},
        {.key = 1, .value = 10, .more = SIZE_MAX},
        {.key = 1, .value = 10, .more = SIZE_MAX - 10},
        {.key = 1, .value = 10, .more = SIZE_MAX - 9},
    };
    uint64_t refused = 0;

    (void)state;
    assert_true(largest > CACHE_MIN / 6 && largest < CACHE_MIN / 4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct slice parts[] = {{bytes, cases[i].value},
                                      {bytes, cases[i].more}};
        const struct cache_key key = {{bytes, cases[i].key}, i + 1};
        struct cache_view view;
        assert_int_equal(cache_put(l.cache, &key, parts, 2), cases[i].kept);
        assert_int_equal(cache_look(l.cache, &key, &view), cases[i].kept);
        if (cases[i].kept)
            assert_int_equal(view.len, cases[i].value);
        refused += !cases[i].kept;
        assert_int_equal(larder_stats(&l).refused, refused);
    }
    larder_close(&l);
}

/* Values of all lengths, three times as much as fits: memory is bounded (the
 * page behind the region kills), what is found is right, what was put last is
 * there, and the numbers add up. */
static void test_geometry(void **state)
{
    static const size_t sizes[] = {
        CACHE_MIN, CACHE_MIN + 1, CACHE_MIN + 4095, 8 * MEGA - 64,
        8 * MEGA,  16 * MEGA - 1, 16 * MEGA,        24 * MEGA + 12345,
    };

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct larder l = larder_open(sizes[i]);
        size_t largest = cache_largest(l.cache) - 32;
        uint64_t random = i;
        uint64_t count = 0;
        for (size_t put = 0; put < 3 * sizes[i]; count++) {
            size_t scale = count % 16 ? largest / 100 : largest;
            size_t len = sizeof(struct jar) + jar_random(&random) % scale;
            len = len < largest ? len : largest;
            assert_true(larder_put(&l, count, 1, len));
            assert_int_equal(larder_look(&l, count), LOOK_GOOD);
            put += len;
        }
        uint64_t found = 0;
        for (uint64_t n = 0; n < count; n++) {
            enum look look = larder_look(&l, n);
            assert_true(look == LOOK_GOOD || look == LOOK_NONE);
            found += look == LOOK_GOOD;
        }
        struct cache_stats stats = larder_stats(&l);
        assert_int_equal(stats.entries, found);
        assert_int_equal(stats.puts, count);
        assert_int_equal(stats.evictions, count - found);
        assert_true(stats.bytes <= stats.size);
        assert_true(stats.bytes > stats.size / 2);
        assert_true(stats.size < sizes[i]);
        assert_true(stats.size > sizes[i] / 10 * 9);
        larder_close(&l);
    }
}

/* Nothing is lost before the memory is full. */
static void test_fills_up(void **state)
{
    struct larder l = larder_open(4 * MEGA);

    (void)state;
    for (uint64_t n = 0; n < 3 * KILO; n++)
        assert_true(larder_put(&l, n, 1, 1 * KILO));
    for (uint64_t n = 0; n < 3 * KILO; n++)
        assert_int_equal(larder_look(&l, n), LOOK_GOOD);
    assert_int_equal(larder_stats(&l).evictions, 0);
    cache_empty(l.cache);
    for (uint64_t n = 0; n < 3 * KILO; n++)
        assert_int_equal(larder_look(&l, n), LOOK_NONE);
    assert_int_equal(larder_stats(&l).entries, 0);
    assert_int_equal(larder_stats(&l).bytes, 0);
    assert_true(larder_put(&l, 1, 1, 1 * KILO));
    assert_int_equal(larder_look(&l, 1), LOOK_GOOD);
    larder_close(&l);
}

/* Looking up what is hot writes nothing: the region may be read-only. */
static void test_hot_is_quiet(void **state)
{
    struct larder l = larder_open(CACHE_MIN);

    (void)state;
    assert_true(larder_put(&l, 1, 1, 10 * KILO));
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(larder_look(&l, 1), LOOK_GOOD);
    assert_int_equal(mprotect(l.mapping, l.mapped, PROT_READ), 0);
    assert_int_equal(larder_look(&l, 1), LOOK_GOOD);
    larder_close(&l);
}

/* Whatever lengths stand in front of a key, a view lies within the region. */
static void test_garbage(void **state)
{
    struct larder l = larder_open(CACHE_MIN);
    struct label label;
    struct cache_view view;
    uint64_t random = 1;
    unsigned seen = 0;

    (void)state;
    label_write(&label, l.cache, 1);
    for (unsigned i = 0; i < 100000; i++) {
        assert_true(larder_put(&l, 1, 1, 200));
        assert_true(cache_look(l.cache, &label.key, &view));
        uintptr_t value = (uintptr_t)view.value;
        char *lens = (char *)(value - label.key.bytes.len - 8);
        char honest[8];
        memcpy(honest, lens, 8);
        for (unsigned byte = 0; byte < 8; byte++)
            if (jar_random(&random) % 4 == 0)
                lens[byte] = (char)jar_random(&random);
        if (cache_look(l.cache, &label.key, &view)) {
            seen++;
            assert_true(view.value > (const char *)l.cache);
            assert_true(view.len <= (size_t)(l.end - view.value));
        }
        memcpy(lens, honest, 8); /* writers trust what they find */
    }
    assert_true(seen > 0);
    larder_close(&l);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Nanoseconds of a million lookups, of a thousand keys out of `count`. */
static uint64_t time_looks(const struct larder *l, uint64_t count)
{
    enum { KEYS = 1000, ROUNDS = 1000 };
    static struct label labels[KEYS];
    struct cache_view view;
    unsigned hits = 0;

    for (uint64_t i = 0; i < KEYS; i++) {
        uint64_t number = i * count / KEYS;
        label_write(&labels[i], l->cache, number);
        if (!cache_look(l->cache, &labels[i].key, &view))
            assert_true(larder_put(l, number, 1, 100)); /* had lost its slot */
    }
    uint64_t began = now_ns();
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < KEYS; i++)
            hits += cache_look(l->cache, &labels[i].key, &view);
    uint64_t took = now_ns() - began;
    assert_int_equal(hits, KEYS * ROUNDS);
    return took;
}

/* A hundred times slower would be a search; four times slower are the caches
 * of the CPU. */
static void test_fill_costs_nothing(void **state)
{
    struct larder few = larder_open(64 * MEGA);
    struct larder many = larder_open(64 * MEGA);

    (void)state;
    for (uint64_t n = 0; n < 10; n++)
        assert_true(larder_put(&few, n, 1, 100));
    for (uint64_t n = 0; n < 100000; n++)
        assert_true(larder_put(&many, n, 1, 100));
    assert_true(time_looks(&many, 100000) < 20 * time_looks(&few, 10));
    larder_close(&many);
    larder_close(&few);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps),
        cmocka_unit_test(test_replaces),
        cmocka_unit_test(test_overtaken),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_geometry),
        cmocka_unit_test(test_fills_up),
        cmocka_unit_test(test_hot_is_quiet),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_fill_costs_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
