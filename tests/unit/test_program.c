#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/program.h"

static char folder[64];
static char path[128];      /* folder/me, a link to this program */
static char real[PATH_MAX]; /* this program */

static void finds(const char *argv0, const char *expected)
{
    char *found = program_find(argv0);

    assert_string_equal(found, expected);
    free(found);
}

/* Not what it leads to: tomorrow it may lead elsewhere. */
static void a_link_stays_a_link(void **state)
{
    (void)state;
    finds(path, path);
    finds(real, real);
    assert_int_equal(chdir(folder), 0);
    finds("./me", "./me");
    assert_int_equal(chdir("/"), 0);
}

static void a_word_is_looked_up(void **state)
{
    char list[256];

    (void)state;
    snprintf(list, sizeof list, "/nowhere:/usr/bin:%s", folder);
    setenv("PATH", list, 1);
    finds("me", path);
    finds("env", real); /* another program of that name */
    setenv("PATH", "", 1);
    finds("me", real);
    unsetenv("PATH");
    finds("me", real);
    assert_int_equal(chdir(folder), 0);
    setenv("PATH", "/nowhere:", 1); /* an empty entry is the folder */
    finds("me", "./me");
    assert_int_equal(chdir("/"), 0);
}

static void argv0_may_say_anything(void **state)
{
    (void)state;
    setenv("PATH", "/usr/bin", 1);
    finds("/usr/bin/env", real);
    finds("/nowhere/prong", real);
    finds("-prong", real);
    finds("", real);
    finds(NULL, real);
}

static int make_folder(void **state)
{
    (void)state;
    ssize_t len = readlink("/proc/self/exe", real, sizeof real - 1);
    assert_true(len > 0);
    real[len] = '\0';
    strcpy(folder, "/tmp/prong-program-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/me", folder);
    return symlink(real, path);
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_stays_a_link),
        cmocka_unit_test(a_word_is_looked_up),
        cmocka_unit_test(argv0_may_say_anything),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
