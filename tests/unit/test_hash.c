#include "crowd.h"

#include "common/hash.h"

/* Published values of XXH3 64 bits: names keep their numbers when another
 * binary takes the segment over, so its hash may never become another. */
static void it_is_xxh3(void **state)
{
    (void)state;
    assert_true(hash_of(SLICE("")) == 0x2D06800538D394C2);
    assert_true(hash_of((struct slice){NULL, 0}) == 0x2D06800538D394C2);
    assert_true(hash_of(SLICE("abc")) == 0x78AF5F94892F3950);
    assert_true(hash_of(SLICE("abc")) == hash_seeded(SLICE("abc"), 0));
}

/* Every length up to beyond the longest special case of XXH3 (240), each
 * with a single bit different from the next. */
static void every_bit_counts(void **state)
{
    char bytes[300];
    uint64_t seen[sizeof bytes];

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    for (size_t len = 1; len < sizeof bytes; len++) {
        struct slice s = {bytes, len};
        uint64_t before = hash_of(s);
        bytes[len / 2] ^= 1;
        assert_true(hash_of(s) != before);
        bytes[len / 2] ^= 1;
        assert_true(hash_of(s) == before);
        seen[len] = before;
        for (size_t i = 1; i < len; i++)
            assert_true(seen[i] != before);
    }
}

static void seeds_differ(void **state)
{
    struct slice s = SLICE("GET /api/chefs?limit=20");

    (void)state;
    for (uint64_t seed = 1; seed < 100; seed++) {
        assert_true(hash_seeded(s, seed) == hash_seeded(s, seed));
        assert_true(hash_seeded(s, seed) != hash_seeded(s, seed - 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_xxh3),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(seeds_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
