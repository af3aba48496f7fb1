#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/origin.h"

static const char *const good[] = {
    "https://app.example.com",
    "http://localhost:3000",
    "http://127.0.0.1:8080",
    "https://[2001:db8::1]",
    "https://[::1]:8443",
    "http://a:443",
    "https://a:80",
    "chrome-extension://abcdefghijklmnop",
    "capacitor://localhost",
    "https://xn--bcher-kva.example",
    "http://a_b.example:65535",
};

static const char *const bad[] = {
    "",
    "null",
    "*",
    "example.com",
    "//example.com",
    "://example.com",
    "https://",
    "https:/example.com",
    "https://example.com/",
    "https://example.com/path",
    "https://user@example.com",
    "https://example.com?",
    "https://Example.com",
    "HTTPS://example.com",
    "1https://example.com",
    "https://example.com:443",
    "http://example.com:80",
    "https://example.com:",
    "https://example.com:0",
    "https://example.com:08",
    "https://example.com:65536",
    "https://example.com:1:2",
    "https://[::1",
    "https://[]",
    "https://[::1]x",
    "https://::1",
    "https://\xc3\xa9.example",
    "https://a b",
    "https://*.example.com",
};

static void origins(void **state)
{
    struct fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!origin_check(slice_of(good[i]), &fault))
            fail_msg("%s", fault.text);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (origin_check(slice_of(bad[i]), &fault))
            fail_msg("%s is good", bad[i]);
        assert_non_null(strstr(fault.text, "is no origin as browsers send it"));
    }
}

static void long_ones(void **state)
{
    char text[400] = "https://";
    struct fault fault;

    (void)state;
    memset(text + 8, 'a', 253);
    assert_true(origin_check((struct slice){text, 8 + 253}, &fault));
    memset(text + 8, 'a', ORIGIN_MAX);
    assert_false(origin_check((struct slice){text, ORIGIN_MAX + 1}, &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins),
        cmocka_unit_test(long_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
