#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/unixpath.h"

static const char longest[UNIXPATH_MAX + 2] = {[0 ... UNIXPATH_MAX] = 'x',
                                               [UNIXPATH_MAX + 1] = '\0'};

/* What stood there before is gone. */
static void a_path_fits(void **state)
{
    struct sockaddr_un un;

    (void)state;
    memset(&un, 'y', sizeof un);
    assert_true(unixpath_address(SLICE("/run/prong.ctl"), &un));
    assert_int_equal(un.sun_family, AF_UNIX);
    assert_string_equal(un.sun_path, "/run/prong.ctl");
    assert_int_equal(un.sun_path[UNIXPATH_MAX], '\0');

    assert_true(unixpath_address((struct slice){longest, UNIXPATH_MAX}, &un));
    assert_memory_equal(un.sun_path, longest, UNIXPATH_MAX);
    assert_int_equal(un.sun_path[UNIXPATH_MAX], '\0');
}

static void or_it_does_not(void **state)
{
    struct sockaddr_un un = {.sun_family = 77};

    (void)state;
    assert_false(
        unixpath_address((struct slice){longest, UNIXPATH_MAX + 1}, &un));
    assert_false(unixpath_address(SLICE(""), &un));
    assert_false(unixpath_address((struct slice){NULL, 0}, &un));
    assert_int_equal(un.sun_family, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_fits),
        cmocka_unit_test(or_it_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
