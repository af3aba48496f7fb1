#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/target.h"

static const struct {
    const char *raw;
    const char *text;     /* null: refused */
    const char *segments; /* joined by '|' */
} paths[] = {
    {"/", "/", ""},
    {"/a", "/a", "a"},
    {"/a/b", "/a/b", "a|b"},
    {"/a/", "/a/", "a|"},
    {"//", "//", "|"},
    {"/a//b", "/a//b", "a||b"},
    {"/%41%2d%7E", "/A-~", "A-~"},
    {"/%e2%82%AC", "/\xe2\x82\xac", "\xe2\x82\xac"},
    {"/a%2Fb/c", "/a/b/c", "a/b|c"},
    {"/a+b", "/a+b", "a+b"},
    {"/%25%32%35", "/%25", "%25"}, /* decoded once, not twice */
    {"/.", "/", ""},
    {"/./a", "/a", "a"},
    {"/a/.", "/a/", "a|"},
    {"/a/./b", "/a/b", "a|b"},
    {"/a/..", "/", ""},
    {"/a/../", "/", ""},
    {"/a/../b", "/b", "b"},
    {"/a/b/../../c", "/c", "c"},
    {"/a/b/..", "/a/", "a|"},
    {"/a//..", "/a/", "a|"},
    {"/a%2Fb/../c", "/c", "c"},
    {"/%2e/a", "/a", "a"},
    {"/a/%2E%2e/b", "/b", "b"},
    {"/a/.%2e/b", "/b", "b"},
    {"/...", "/...", "..."},
    {"/.a/..b", "/.a/..b", ".a|..b"},
    {"", NULL, NULL},
    {"a", NULL, NULL},
    {"..", NULL, NULL},
    {"/..", NULL, NULL},
    {"/../a", NULL, NULL},
    {"/%2e%2e", NULL, NULL},
    {"/%2E./a", NULL, NULL},
    {"/a/../..", NULL, NULL},
    {"/a/../../a", NULL, NULL},
    {"/./..", NULL, NULL},
    {"/%", NULL, NULL},
    {"/%4", NULL, NULL},
    {"/%4g", NULL, NULL},
    {"/%g4", NULL, NULL},
    {"/%%41", NULL, NULL},
    {"/%00", NULL, NULL},
    {"/a%00b", NULL, NULL},
};

static void reads_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct slice segments[TARGET_SEGMENTS_MAX];
        size_t count;
        struct buf text = {0};
        struct buf joined = {0};
        bool good =
            target_path(slice_of(paths[i].raw), &text, segments, &count);
        if (good != (paths[i].text != NULL))
            fail_msg("%s", paths[i].raw);
        for (size_t k = 0; good && k < count; k++) {
            if (k > 0)
                buf_byte(&joined, '|');
            buf_slice(&joined, segments[k]);
        }
        if (good) {
            assert_string_equal(buf_text(&joined), paths[i].segments);
            assert_string_equal(buf_text(&text), paths[i].text);
        }
        buf_free(&text);
        buf_free(&joined);
    }
}

static void many_segments(void **state)
{
    struct slice segments[TARGET_SEGMENTS_MAX];
    size_t count;
    struct buf raw = {0};
    struct buf text = {0};

    (void)state;
    for (size_t i = 0; i < TARGET_SEGMENTS_MAX; i++)
        buf_string(&raw, "/s");
    assert_true(target_path(buf_view(&raw), &text, segments, &count));
    assert_int_equal(count, TARGET_SEGMENTS_MAX);
    buf_clear(&text);
    buf_byte(&raw, '/');
    assert_false(target_path(buf_view(&raw), &text, segments, &count));
    buf_free(&raw);
    buf_free(&text);
}

static const struct {
    const char *raw;
    const char *pairs; /* "name=value|…"; null: refused */
} queries[] = {
    {"", ""},
    {"a", "a="},
    {"a=1&b=2", "a=1|b=2"},
    {"a=1&a=2", "a=1|a=2"},
    {"a==1=2", "a==1=2"},
    {"=1", "=1"},
    {"&&a=1&&", "a=1"},
    {"a=1+2%2B3", "a=1 2+3"},
    {"%61+b=%26%3D", "a b=&="},
    {"a=%C3%A9", "a=\xc3\xa9"},
    {"a=%", NULL},
    {"a=%a", NULL},
    {"a=%xy", NULL},
    {"a=%00", NULL},
    {"%00=a", NULL},
};

static void reads_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct pair pairs[TARGET_PAIRS_MAX];
        size_t count;
        struct buf text = {0};
        struct buf joined = {0};
        bool good =
            target_pairs(slice_of(queries[i].raw), &text, pairs, &count);
        if (good != (queries[i].pairs != NULL))
            fail_msg("%s", queries[i].raw);
        for (size_t k = 0; good && k < count; k++) {
            if (k > 0)
                buf_byte(&joined, '|');
            buf_slice(&joined, pairs[k].name);
            buf_byte(&joined, '=');
            buf_slice(&joined, pairs[k].value);
        }
        if (good)
            assert_string_equal(buf_text(&joined), queries[i].pairs);
        buf_free(&text);
        buf_free(&joined);
    }
}

static void many_pairs(void **state)
{
    struct pair pairs[TARGET_PAIRS_MAX];
    size_t count;
    struct buf raw = {0};
    struct buf text = {0};

    (void)state;
    for (size_t i = 0; i < TARGET_PAIRS_MAX; i++)
        buf_string(&raw, "a=b&");
    assert_true(target_pairs(buf_view(&raw), &text, pairs, &count));
    assert_int_equal(count, TARGET_PAIRS_MAX);
    buf_string(&raw, "a");
    assert_false(target_pairs(buf_view(&raw), &text, pairs, &count));
    buf_free(&raw);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_paths),
        cmocka_unit_test(many_segments),
        cmocka_unit_test(reads_pairs),
        cmocka_unit_test(many_pairs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
