#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/vitals/perflog.h"

static char dir[64];
static char path[96]; /* dir/f, as perflog keeps it */

static const char *in_dir(const char *name)
{
    static char paths[4][128];
    static unsigned turn;
    char *p = paths[turn++ % 4];

    snprintf(p, sizeof paths[0], "%s/%s", dir, name);
    return p;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/prong-test-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/f", dir);
    return log_open(in_dir("log"), LOG_INFO, false) ? 0 : -1;
}

static int drop_one(const char *name, const struct stat *st, int flag,
                    struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(name);
}

static int tear_down(void **state)
{
    (void)state;
    log_open("-", LOG_INFO, false);
    return nftw(dir, drop_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *content(const char *name)
{
    static char text[4096];
    FILE *file = fopen(in_dir(name), "r");
    size_t n;

    if (file == NULL)
        return "(none)";
    n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

/* How often the error log says it. */
static size_t said(const char *words)
{
    const char *at = content("log");
    size_t count = 0;

    for (; (at = strstr(at, words)); at++)
        count++;
    return count;
}

static void lines_are_appended(void **state)
{
    struct perflog *p;

    (void)state;
    for (int i = 0; i < 2; i++) {
        p = perflog_open(path, 1000, 5);
        perflog_write(p, SLICE("one\n"));
        perflog_write(p, SLICE("two\n"));
        perflog_close(p);
    }
    assert_string_equal(content("f"), "one\ntwo\none\ntwo\n");
    assert_string_equal(content("f.1"), "(none)");
    assert_string_equal(content("log"), "");
}

/* Eight bytes a file, four a line: the third line begins a new one. */
static void rotated_by_size_and_count(void **state)
{
    static const char *const lines[] = {"aaa\n", "bbb\n", "ccc\n", "ddd\n",
                                        "eee\n", "fff\n", "ggg\n"};
    struct perflog *p = perflog_open(path, 8, 2);

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        perflog_write(p, slice_of(lines[i]));
    perflog_close(p);
    assert_string_equal(content("f"), "ggg\n");
    assert_string_equal(content("f.1"), "eee\nfff\n");
    assert_string_equal(content("f.2"), "ccc\nddd\n");
    assert_string_equal(content("f.3"), "(none)");
    assert_string_equal(content("log"), "");
}

/* A line that is larger than a file may be has one of its own. */
static void line_larger_than_a_file(void **state)
{
    struct perflog *p = perflog_open(path, 4, 3);

    (void)state;
    perflog_write(p, SLICE("longer than four\n"));
    assert_string_equal(content("f"), "longer than four\n");
    perflog_write(p, SLICE("b\n"));
    perflog_close(p);
    assert_string_equal(content("f"), "b\n");
    assert_string_equal(content("f.1"), "longer than four\n");
}

static void none_kept(void **state)
{
    struct perflog *p = perflog_open(path, 8, 0);

    (void)state;
    perflog_write(p, SLICE("aaa\n"));
    perflog_write(p, SLICE("bbb\n"));
    perflog_write(p, SLICE("ccc\n"));
    perflog_close(p);
    assert_string_equal(content("f"), "ccc\n");
    assert_string_equal(content("f.1"), "(none)");
}

static void gap_is_filled(void **state)
{
    struct perflog *p = perflog_open(path, 4, 5);

    (void)state;
    perflog_write(p, SLICE("aaa\n"));
    perflog_write(p, SLICE("bbb\n"));
    perflog_write(p, SLICE("ccc\n"));
    perflog_write(p, SLICE("ddd\n"));
    assert_int_equal(unlink(in_dir("f.2")), 0);
    perflog_write(p, SLICE("eee\n"));
    perflog_close(p);
    assert_string_equal(content("f"), "eee\n");
    assert_string_equal(content("f.1"), "ddd\n");
    assert_string_equal(content("f.2"), "ccc\n");
    assert_string_equal(content("f.3"), "aaa\n");
}

/* Rotated by somebody else, who may or may not tell us. */
static void moved_by_others(void **state)
{
    struct perflog *p = perflog_open(path, 1000, 5);

    (void)state;
    perflog_write(p, SLICE("one\n"));
    assert_int_equal(rename(in_dir("f"), in_dir("old")), 0);
    perflog_write(p, SLICE("two\n"));
    assert_int_equal(unlink(in_dir("f")), 0);
    perflog_reopen(p);
    assert_string_equal(content("f"), "");
    perflog_write(p, SLICE("three\n"));
    perflog_close(p);
    assert_string_equal(content("old"), "one\n");
    assert_string_equal(content("f"), "three\n");
}

/* Two that write to one file: the second follows the first's rotation. */
static void rotated_by_another_of_us(void **state)
{
    struct perflog *a = perflog_open(path, 8, 5);
    struct perflog *b = perflog_open(path, 8, 5);

    (void)state;
    perflog_write(a, SLICE("aaa\n"));
    perflog_write(b, SLICE("bbb\n"));
    perflog_write(a, SLICE("ccc\n"));
    perflog_write(b, SLICE("ddd\n"));
    perflog_close(a);
    perflog_close(b);
    assert_string_equal(content("f"), "ccc\nddd\n");
    assert_string_equal(content("f.1"), "aaa\nbbb\n");
    assert_string_equal(content("f.2"), "(none)");
}

static void missing_folder(void **state)
{
    struct perflog *p;

    (void)state;
    snprintf(path, sizeof path, "%s/sub/f", dir);
    p = perflog_open(path, 1000, 5);
    assert_non_null(p);
    perflog_write(p, SLICE("lost\n"));
    perflog_write(p, SLICE("lost\n"));
    assert_int_equal(said("sub/f: cannot be opened: No such file"), 1);
    assert_int_equal(mkdir(in_dir("sub"), 0700), 0);
    perflog_write(p, SLICE("kept\n"));
    perflog_write(p, SLICE("kept\n"));
    assert_string_equal(content("sub/f"), "kept\nkept\n");
    assert_int_equal(said("sub/f: is written again"), 1);
    perflog_close(p);
}

static void full_disk(void **state)
{
    struct perflog *p = perflog_open("/dev/full", 4, 5);

    (void)state;
    perflog_write(p, SLICE("lost\n"));
    perflog_write(p, SLICE("lost\n"));
    perflog_close(p);
    assert_int_equal(said("/dev/full: cannot be written: No space left"), 1);
    assert_int_equal(said("again"), 0);
}

/* There is room for half a line: none of it stays. */
static void torn_line(void **state)
{
    struct perflog *p = perflog_open(path, 1000, 5);
    struct rlimit before;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {400, before.rlim_max};
    perflog_write(p, SLICE("one\n"));
    assert_int_equal(truncate(in_dir("f"), 395), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    perflog_write(p, SLICE("longer than five\n"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    struct stat st;
    assert_int_equal(stat(in_dir("f"), &st), 0);
    assert_int_equal(st.st_size, 395);
    assert_int_equal(said("/f: cannot be written"), 1);
    perflog_write(p, SLICE("two\n"));
    assert_int_equal(said("/f: is written again"), 1);
    perflog_close(p);
    assert_int_equal(stat(in_dir("f"), &st), 0);
    assert_int_equal(st.st_size, 399);
}

/* A folder that stands in the way of FILE.1 cannot be replaced by a file:
 * lines go on into FILE. */
static void rotation_that_fails(void **state)
{
    struct perflog *p = perflog_open(path, 4, 1);

    (void)state;
    assert_int_equal(mkdir(in_dir("f.1"), 0700), 0);
    for (int i = 0; i < 3; i++)
        perflog_write(p, SLICE("aaa\n"));
    assert_string_equal(content("f"), "aaa\naaa\naaa\n");
    assert_int_equal(said("/f: cannot be rotated"), 1);
    assert_int_equal(said("again"), 0);
    assert_int_equal(rmdir(in_dir("f.1")), 0);
    perflog_write(p, SLICE("bbb\n"));
    perflog_close(p);
    assert_string_equal(content("f"), "bbb\n");
}

/* Nobody reads: the line is lost, and we are not held up. */
static void pipe_without_reader(void **state)
{
    struct perflog *p;

    (void)state;
    assert_int_equal(mkfifo(in_dir("f"), 0600), 0);
    p = perflog_open(path, 1000, 5);
    perflog_write(p, SLICE("lost\n"));
    perflog_close(p);
    assert_int_equal(said("/f: cannot be opened"), 1);
}

static void none_wanted(void **state)
{
    struct perflog *p = perflog_open(NULL, 1000, 5);

    (void)state;
    assert_null(p);
    perflog_write(p, SLICE("nowhere\n"));
    perflog_reopen(p);
    perflog_close(p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_are_appended),
        TEST(rotated_by_size_and_count),
        TEST(line_larger_than_a_file),
        TEST(none_kept),
        TEST(gap_is_filled),
        TEST(moved_by_others),
        TEST(rotated_by_another_of_us),
        TEST(missing_folder),
        TEST(full_disk),
        TEST(torn_line),
        TEST(rotation_that_fails),
        TEST(pipe_without_reader),
        TEST(none_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
