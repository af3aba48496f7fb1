#include "crowd.h"

#include "common/segment/buckets.h"
#include "common/segment/cache.h"
#include "common/segment/crowd.h"
#include "common/segment/flights.h"
#include "common/segment/names.h"
#include "common/segment/shared.h"
#include "common/segment/tables.h"

static bool opened(struct shared *s, size_t cache_size)
{
    struct fault fault = {""};

    memset(s, 0xAA, sizeof *s);
    if (shared_open(s, cache_size, 1, &fault))
        return true;
    assert_string_not_equal(fault.text, "");
    return false;
}

/* Every region is there, and begins as its module wants it. */
static void the_map_is_complete(void **state)
{
    struct shared s;
    struct moment m;
    size_t size;

    (void)state;
    assert_true(opened(&s, 4 << 20));
    assert_true(s.metrics && s.recorder && s.board);
    assert_true(s.buckets && s.crowd);
    assert_ptr_equal(s.slots, segment_region(s.segment, "slots", &size));
    assert_int_equal(size, SLOTS_ALL * sizeof(struct slot));
    assert_int_equal(s.slots[SLOT_MASTER].pid, 0);
    assert_int_not_equal(names_number(s.names, SLICE("chefs")), NAMES_REST);
    tables_moment(s.tables, &m);
    assert_int_equal(m.moving, 0);
    assert_int_equal(flights_claim(s.flights, 1, 1), FLIGHT_OURS);
    shared_close(&s);
    assert_null(s.segment);
    assert_null(s.slots);
    shared_close(&s);
}

static void the_cache_is_as_large_as_asked(void **state)
{
    static const struct {
        size_t asked;
        size_t region; /* bytes */
    } cases[] = {
        {0, 0},
        {1, CACHE_MIN},
        {CACHE_MIN, CACHE_MIN},
        {8 << 20, 8 << 20},
    };
    struct shared s;
    size_t size;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(opened(&s, cases[i].asked));
        assert_ptr_equal(s.cache, segment_region(s.segment, "cache", &size));
        assert_int_equal(size, cases[i].region);
        assert_int_equal(s.cache == NULL, cases[i].asked == 0);
        if (s.cache)
            assert_true(cache_largest(s.cache) > 0);
        shared_close(&s);
    }
    assert_false(opened(&s, SIZE_MAX / 2));
    assert_null(s.segment);
}

/* Nobody outside can know which keys meet in one place. */
static void seeds_are_secret(void **state)
{
    struct shared a;
    struct shared b;

    (void)state;
    assert_true(opened(&a, CACHE_MIN));
    assert_true(opened(&b, CACHE_MIN));
    assert_true(cache_seed(a.cache) != cache_seed(b.cache));
    assert_true(buckets_kind(a.buckets, SLICE("x")) !=
                buckets_kind(b.buckets, SLICE("x")));
    assert_true(crowd_key(a.crowd, "10.0.0.1") !=
                crowd_key(b.crowd, "10.0.0.1"));
    shared_close(&a);
    shared_close(&b);
}

/* The same bytes and nothing begun anew, or none at all. */
static void another_attaches_what_fits(void **state)
{
    static const size_t sizes[] = {0, CACHE_MIN, 8 << 20};
    struct fault fault;
    struct shared a;
    struct shared b;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(opened(&a, sizes[i]));
        unsigned chefs = names_number(a.names, SLICE("chefs"));
        a.slots[3].births = 7;
        for (size_t j = 0; j < 3; j++) {
            bool fits =
                shared_attach(&b, segment_fd(a.segment), sizes[j], &fault);
            assert_int_equal(fits, i == j);
            assert_int_equal(b.segment != NULL, fits);
            if (!fits) {
                assert_non_null(strstr(fault.text, "cache: "));
                continue;
            }
            assert_int_equal(b.slots[3].births, 7);
            assert_int_equal(names_number(b.names, SLICE("chefs")), chefs);
            assert_int_equal(b.cache != NULL, sizes[j] > 0);
            if (b.cache)
                assert_true(cache_seed(a.cache) == cache_seed(b.cache));
            b.slots[3].births = 9;
            assert_int_equal(a.slots[3].births, 9);
            a.slots[3].births = 7;
            shared_close(&b);
        }
        shared_close(&a);
    }
}

/* A binary whose structs are of other sizes, with the same layout number. */
static void other_sizes_are_another_layout(void **state)
{
    const struct segment_want wants[] = {{"slots", 64}, {"names", 64}};
    struct fault fault;
    struct shared b;
    struct segment *s = segment_new(wants, 2, &fault);

    (void)state;
    assert_false(shared_attach(&b, segment_fd(s), CACHE_MIN, &fault));
    assert_non_null(strstr(fault.text, "slots: 64 bytes, not "));
    segment_free(s);
    assert_false(shared_attach(&b, -1, CACHE_MIN, &fault));
    assert_null(b.segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_map_is_complete),
        cmocka_unit_test(the_cache_is_as_large_as_asked),
        cmocka_unit_test(seeds_are_secret),
        cmocka_unit_test(another_attaches_what_fits),
        cmocka_unit_test(other_sizes_are_another_layout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
