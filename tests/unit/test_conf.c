#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/settings/conf.h"

/* Writes each entry down as "section|key|value;", refuses the key "bad". */
static bool note(void *self, const struct conf_entry *entry,
                 struct fault *fault)
{
    struct buf *seen = self;

    buf_format(seen, "%s|%s|%s;", entry->section, entry->key, entry->value);
    return strcmp(entry->key, "bad") != 0 || fault_set(fault, "is refused");
}

static const struct {
    const char *text;
    const char *seen;
    const char *fault; /* null: parses */
} parses[] = {
    {.text = "", .seen = ""},
    {.text = "\n\n# a\n; b\n  # c\n", .seen = ""},
    {.text = "a = 1\nb=2\n  c  =  3  \n", .seen = "|a|1;|b|2;|c|3;"},
    {.text = "a = 1\r\nb = 2", .seen = "|a|1;|b|2;"},
    {.text = "a =\n", .seen = "|a|;"},
    {.text = "a: x=y\n", .seen = "|a|x=y;"},
    /* neither comments inside a value nor continued lines */
    {.text = "a = 1 ; 2 # 3\n  b = 4\n", .seen = "|a|1 ; 2 # 3;|b|4;"},
    {.text = "a = 1\n[s]\nb = 2\n[t]\nc = 3\n", .seen = "|a|1;s|b|2;t|c|3;"},
    {.text = "\xEF\xBB\xBF"
             "a = 1\n",
     .seen = "|a|1;"},

    {.text = "a = 1\nbad = 2\nb = 3\n",
     .seen = "|a|1;|bad|2;",
     .fault = "x.conf:2: is refused"},
    {.text = "a = 1\n\nwords\nb = 2\n",
     .seen = "|a|1;",
     .fault = "x.conf:3: neither \"key = value\" nor \"[section]\""},
    {.text = "[open\na = 1\n",
     .seen = "",
     .fault = "x.conf:1: neither \"key = value\" nor \"[section]\""},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parses / sizeof *parses; i++) {
        struct buf seen = {0};
        struct fault fault = {0};
        bool ok =
            conf_parse("x.conf", slice_of(parses[i].text), note, &seen, &fault);
        assert_int_equal(ok, parses[i].fault == NULL);
        assert_string_equal(buf_text(&seen), parses[i].seen);
        if (parses[i].fault)
            assert_string_equal(fault.text, parses[i].fault);
        buf_free(&seen);
    }
}

static void test_nul_byte_is_refused(void **state)
{
    struct buf seen = {0};
    struct fault fault;

    (void)state;
    assert_false(
        conf_parse("x", SLICE("a = 1\nb = 2\0c\n"), note, &seen, &fault));
    assert_string_equal(fault.text, "x:2: a NUL byte in the line");
    assert_string_equal(buf_text(&seen), "|a|1;");
    buf_free(&seen);
}

/* "k = vvv…" of that many bytes, and an entry behind it. */
static bool parse_long(size_t len, struct buf *seen, struct fault *fault)
{
    struct buf text = {0};

    buf_string(&text, "k = ");
    while (text.len < len)
        buf_byte(&text, 'v');
    buf_string(&text, "\nlast = 1\n");
    bool ok = conf_parse("x", buf_view(&text), note, seen, fault);
    buf_free(&text);
    return ok;
}

static void test_long_lines_are_whole_or_refused(void **state)
{
    struct buf seen = {0};
    struct fault fault;

    (void)state;
    assert_true(parse_long(4094, &seen, &fault));
    assert_int_equal(seen.len, 3 + 4090 + 1 + strlen("|last|1;"));
    buf_clear(&seen);
    assert_false(parse_long(4095, &seen, &fault));
    assert_string_equal(fault.text, "x:1: the line is longer than 4094 bytes");
    assert_int_equal(seen.len, 0);
    buf_free(&seen);
}

static void test_slurp(void **state)
{
    struct arena *arena = arena_new();
    char path[] = "/tmp/prong-conf-XXXXXX";
    struct slice text;
    struct fault fault;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(write(fd, "0123456789", 10), 10);
    assert_true(conf_slurp(arena, path, 100000, &text, &fault));
    assert_int_equal(text.len, 100000);
    assert_int_equal(text.ptr[text.len], '\0');
    assert_memory_equal(text.ptr + 99990, "0123456789", 10);

    assert_false(conf_slurp(arena, path, 99999, &text, &fault));
    assert_non_null(strstr(fault.text, ": File too large"));
    close(fd);
    unlink(path);
    assert_false(conf_slurp(arena, path, 99999, &text, &fault));
    assert_non_null(strstr(fault.text, ": No such file or directory"));
    assert_false(conf_slurp(arena, "/tmp", 99999, &text, &fault));
    assert_string_equal(fault.text, "/tmp: Is a directory");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_nul_byte_is_refused),
        cmocka_unit_test(test_long_lines_are_whole_or_refused),
        cmocka_unit_test(test_slurp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
