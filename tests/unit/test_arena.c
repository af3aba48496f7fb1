#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"

static void memory_is_clean(void **state)
{
    static const size_t sizes[] = {0,     1,     15,    16,     17, 4096,
                                   16383, 16384, 16385, 100000, 3,  16000};
    struct arena *a = arena_new();
    unsigned char *got[12];

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        got[i] = arena_alloc(a, sizes[i]);
        assert_int_equal((uintptr_t)got[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(got[i][k], 0);
        memset(got[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < 12; i++) /* none was given out twice */
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(got[i][k], i + 1);
    arena_free(a);
    arena_free(NULL);
}

static void texts(void **state)
{
    struct arena *a = arena_new();

    (void)state;
    assert_string_equal(arena_text(a, (struct slice){NULL, 0}), "");
    assert_string_equal(arena_text(a, (struct slice){"abc", 2}), "ab");
    assert_string_equal(arena_format(a, "%s:%d", "f", 7), "f:7");
    assert_int_equal(strlen(arena_format(a, "%20000d", 1)), 20000);
    arena_free(a);
}

static void arrays_grow(void **state)
{
    struct arena *a = arena_new();
    int *list = NULL;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        list = arena_grow(a, list, (size_t)i, sizeof *list);
        list[i] = i;
    }
    for (int i = 0; i < 5000; i++)
        assert_int_equal(list[i], i);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_clean),
        cmocka_unit_test(texts),
        cmocka_unit_test(arrays_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
