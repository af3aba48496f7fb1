#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "master/sane.h"

static struct fault fault;

/* A list of one text, or of none. */
static struct texts list(const char **text)
{
    return (struct texts){text, *text ? 1 : 0};
}

static void addresses(void **state)
{
    static const struct {
        const char *address;
        bool sane;
    } cases[] = {
        {"127.0.0.1:8000", true}, {"[::1]:8000", true},
        {"unix:/tmp/x", true},    {":8000", true},
        {"127.0.0.1:x", false},   {"127.0.0.1:70000", false},
        {"[::1:8000", false},     {"unix:", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *two[] = {"127.0.0.1:1", cases[i].address};
        const struct settings s = {.bind = {two, 2}};
        fault.text[0] = '\0';
        if (sane_addresses(&s, &fault) != cases[i].sane)
            fail_msg("%s: %s", cases[i].address, fault.text);
        assert_true(cases[i].sane || fault.text[0] != '\0');
    }
    assert_true(sane_addresses(&(struct settings){.app = "x"}, &fault));
}

static void lists(void **state)
{
    static const struct {
        const char *forwarded, *proxies, *origin, *policy;
        const char *why; /* null: it is sane */
    } cases[] = {
        {NULL, NULL, NULL, NULL, NULL},
        {"10.0.0.0/8", "::1", "https://a.example", "default-src 'self'", NULL},
        {"*", "*", "*", "", NULL},
        {"10.0.0.0/33", NULL, NULL, NULL, "forwarded_allow_ips"},
        {"a.example", NULL, NULL, NULL, "forwarded_allow_ips"},
        {NULL, "10.0.0.0.0", NULL, NULL, "proxy_allow_ips"},
        {NULL, NULL, "a.example", NULL, "cors_origin"},
        {NULL, NULL, "https://a.example/", NULL, "cors_origin"},
        {NULL, NULL, NULL, "a\r\nSet-Cookie: b", "content_security_policy"},
        {NULL, NULL, NULL, "caf\xc3\xa9", "content_security_policy"},
        {NULL, NULL, NULL, "a\x7f", "content_security_policy"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *texts[] = {cases[i].forwarded, cases[i].proxies,
                               cases[i].origin};
        const struct settings s = {.forwarded_allow_ips = list(&texts[0]),
                                   .proxy_allow_ips = list(&texts[1]),
                                   .cors_origin = list(&texts[2]),
                                   .content_security_policy = cases[i].policy};
        fault.text[0] = '\0';
        bool sane = sane_lists(&s, &fault);
        if (sane != (cases[i].why == NULL) ||
            (!sane && strstr(fault.text, cases[i].why) == NULL))
            fail_msg("case %zu: %s", i, fault.text);
    }
}

/* One bad entry among good ones; "*" stands alone. */
static void every_entry_is_read(void **state)
{
    const char *origins[] = {"https://a.example", "https://b.example", "*"};
    struct settings s = {.cors_origin = {origins, 2}};

    (void)state;
    assert_true(sane_lists(&s, &fault));
    s.cors_origin.count = 3;
    assert_false(sane_lists(&s, &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(lists),
        cmocka_unit_test(every_entry_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
