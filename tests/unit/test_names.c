#include "crowd.h"

#include <stdlib.h>

#include "common/segment/names.h"

static unsigned number_of(struct names *n, unsigned i)
{
    char name[32];
    int len = snprintf(name, sizeof name, "table:t%u", i);

    return names_number(n, (struct slice){name, (size_t)len});
}

static void names_keep_their_number(void **state)
{
    void *memory;
    struct segment *s = crowd_memory(names_size(), &memory);
    struct names *n = memory;
    unsigned chefs = names_number(n, SLICE("table:chefs"));
    unsigned Chefs = names_number(n, SLICE("table:Chefs"));
    unsigned empty = names_number(n, SLICE(""));

    (void)state;
    assert_int_not_equal(chefs, NAMES_REST);
    assert_int_not_equal(Chefs, NAMES_REST);
    assert_int_not_equal(empty, NAMES_REST);
    assert_int_not_equal(chefs, Chefs);
    assert_int_not_equal(chefs, empty);
    for (unsigned i = 0; i < 500; i++)
        number_of(n, i);
    assert_int_equal(names_number(n, SLICE("table:chefs")), chefs);
    assert_int_equal(names_number(n, SLICE("table:Chefs")), Chefs);
    segment_free(s);
}

static void names_are_spelt_alike(void **state)
{
    static const char path[] = "/api/Chefs/{id}";
    void *memory;
    struct segment *s = crowd_memory(names_size(), &memory);
    const struct {
        unsigned number;
        const char *name;
    } spelt[] = {
        {names_route(memory, "GET", path), "GET /api/Chefs/{id}"},
        {names_route(memory, "PUT", path), "PUT /api/Chefs/{id}"},
        {names_endpoint(memory, "GET", path), "endpoint:GET /api/Chefs/{id}"},
        {names_table(memory, "Chefs"), "table:chefs"},
        {names_table(memory, "cHEFS"), "table:chefs"},
        {names_table(memory, "@[AZ`{\xc3\x84"), "table:@[az`{\xc3\x84"},
        {names_table(memory, ""), "table:"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof spelt / sizeof *spelt; i++) {
        assert_int_not_equal(spelt[i].number, NAMES_REST);
        assert_int_equal(names_number(memory, slice_of(spelt[i].name)),
                         spelt[i].number);
    }
    segment_free(s);
}

/* Half full, each has its own number; more names than numbers share one. */
static void a_full_table_has_a_rest(void **state)
{
    enum { NAMES = NAMES_MAX + 1000 };
    void *memory;
    struct segment *s = crowd_memory(names_size(), &memory);
    unsigned numbers[NAMES];
    unsigned owners[NAMES_MAX] = {0};
    unsigned rest = 0;

    (void)state;
    for (unsigned i = 0; i < NAMES; i++) {
        numbers[i] = number_of(memory, i);
        assert_true(numbers[i] < NAMES_MAX);
        assert_true(i > NAMES_MAX / 2 || numbers[i] != NAMES_REST);
        assert_true(owners[numbers[i]] == 0 || numbers[i] == NAMES_REST);
        owners[numbers[i]]++;
        rest += numbers[i] == NAMES_REST;
    }
    assert_true(rest >= 1001); /* NAMES_REST is no name's own */
    assert_true(rest < 1200);  /* few places stay empty all the same */
    for (unsigned i = 0; i < NAMES; i++)
        assert_int_equal(number_of(memory, i), numbers[i]);
    segment_free(s);
}

enum { CROWD = 8, SHARED_NAMES = 1000 };

struct meeting {
    _Atomic unsigned arrived;
    unsigned numbers[CROWD][SHARED_NAMES];
    _Alignas(64) char names[];
};

/* Each walks all names from another start with another stride, and all set
 * off at once. */
static int register_all(void *self, unsigned me)
{
    static const unsigned strides[CROWD] = {1, 999, 3, 997, 7, 333, 501, 77};
    struct meeting *m = self;
    unsigned at = me * 125;

    m->arrived++;
    while (m->arrived < CROWD)
        ;
    for (unsigned i = 0; i < SHARED_NAMES; i++) {
        m->numbers[me][at] = number_of((void *)m->names, at);
        at = (at + strides[me]) % SHARED_NAMES;
    }
    return 0;
}

static void processes_agree(void **state)
{
    void *memory;
    struct segment *s =
        crowd_memory(sizeof(struct meeting) + names_size(), &memory);
    struct meeting *m = memory;
    bool taken[NAMES_MAX] = {false};
    pid_t pids[CROWD];

    (void)state;
    for (unsigned i = 0; i < CROWD; i++)
        pids[i] = crowd_start(register_all, m, i);
    for (unsigned i = 0; i < CROWD; i++)
        assert_int_equal(crowd_wait(pids[i]), 0);
    for (unsigned i = 0; i < SHARED_NAMES; i++) {
        unsigned number = m->numbers[0][i];
        assert_int_not_equal(number, NAMES_REST);
        assert_false(taken[number]);
        taken[number] = true;
        for (unsigned j = 1; j < CROWD; j++)
            assert_int_equal(m->numbers[j][i], number);
    }
    segment_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_keep_their_number),
        cmocka_unit_test(names_are_spelt_alike),
        cmocka_unit_test(a_full_table_has_a_rest),
        cmocka_unit_test(processes_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
