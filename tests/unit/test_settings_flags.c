#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/settings/settings_table.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct {
    const char *line;
    const char *words; /* each followed by '|' */
    bool open;         /* a quote is never closed */
} splits[] = {
    {.line = "", .words = ""},
    {.line = "  \t\n ", .words = ""},
    {.line = "a  b\tc", .words = "a|b|c|"},
    {.line = "'a b' \"c d\"", .words = "a b|c d|"},
    {.line = "x'a b'y\"c\"", .words = "xa byc|"},
    {.line = "'' \"\"", .words = "||"},
    {.line = "a\\ b \\'c", .words = "a b|'c|"},
    {.line = "\"a\\\"b\\\\c\\d\"", .words = "a\"b\\c\\d|"},
    {.line = "'a\\'", .words = "a\\|"},
    {.line = "a\\", .words = "a\\|"},
    {.line = "'a", .open = true},
    {.line = "b \"a'", .open = true},
    {.line = "\"a\\\"", .open = true},
};

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(splits); i++) {
        struct arena *arena = arena_new();
        struct words words = {0};
        struct fault fault;
        struct buf seen = {0};
        bool ok = words_split(arena, splits[i].line, &words, &fault);
        assert_int_equal(ok, !splits[i].open);
        for (size_t k = 0; k < words.count && ok; k++)
            buf_format(&seen, "%s|", words.at[k]);
        if (ok)
            assert_string_equal(buf_text(&seen), splits[i].words);
        buf_free(&seen);
        arena_free(arena);
    }
}

static void test_near_names(void **state)
{
    (void)state;
    assert_string_equal(setting_near_key(SLICE("worker")), "workers");
    assert_string_equal(setting_near_key(SLICE("keepalvie")), "keepalive");
    assert_string_equal(setting_near_flag(SLICE("chek_config")),
                        "check-config");
    assert_null(setting_near_key(SLICE("check_config"))); /* not in a file */
    assert_null(setting_near_flag(SLICE("men")));         /* --man is hidden */
    assert_null(setting_near_key(SLICE("")));
    assert_null(setting_near_key(SLICE("completely_different")));
    assert_null(setting_near_key(
        SLICE("limit_request_field_size_limit_request_field_size")));
}

static void test_formats(void **state)
{
    static const char *const wrong[] = {
        "%",        "%(h)", "%(h)d",    "%()s",     "%(h", "%h",
        "a %(h)s%", "%%%",  "%(h)s %(", "%(h)s %x", "",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct settings s = {.arena = arena_new()};
        struct fault fault;
        assert_false(setting_read(&s,
                                  setting_by_key(SLICE("access_log_format")),
                                  slice_of(wrong[i]), &fault));
        assert_null(s.access_log_format);
        arena_free(s.arena);
    }
}

/* Looking a row's names up finds that row, so no two rows share a name. */
static void test_names_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *row = setting_at(i);
        if (row->key)
            assert_ptr_equal(setting_by_key(slice_of(row->key)), row);
        if (row->flag)
            assert_ptr_equal(setting_by_flag(slice_of(row->flag)), row);
        if (row->alias)
            assert_ptr_equal(setting_by_flag(slice_of(row->alias)), row);
        if (row->letter)
            assert_ptr_equal(setting_by_letter(row->letter), row);
        assert_true(row->act == NULL || row->type == SETTING_ACT);
    }
    assert_null(setting_by_flag(SLICE("")));
    assert_null(setting_by_flag(SLICE("worker")));
    assert_null(setting_by_flag(SLICE("workersx")));
    assert_null(setting_by_letter('\0'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_near_names),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_names_are_unique),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
