#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/networks.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { LIST = 4 };

/* ---- addresses -----------------------------------------------------------*/

static void one_text_for_one_address(void **state)
{
    static const struct {
        const char *given;
        const char *text; /* null: it is none */
    } cases[] = {
        {"10.0.0.1", "10.0.0.1"},
        {"::ffff:10.0.0.1", "10.0.0.1"},
        {"::FFFF:0a00:0001", "10.0.0.1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"::1", "::1"},
        {"::", "::"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.100.99.10", "255.100.99.10"},
        {"9.19.109.190", "9.19.109.190"},
        {"::10.0.0.1", "::10.0.0.1"}, /* no mapped one */
        {"", NULL},
        {"10.0.0", NULL},
        {"10.0.0.256", NULL},
        {"10.0.0.1 ", NULL},
        {"010.0.0.1", NULL},
        {"fe80::1%eth0", NULL},
        {"[::1]", NULL},
        {"localhost", NULL},
        {"1:2:3:4:5:6:7:8:9", NULL},
        {"0000:0000:0000:0000:0000:ffff:192.168.100.2280", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[IP_TEXT];
        struct ip ip;
        bool good = ip_parse(slice_of(cases[i].given), &ip);
        if (good != (cases[i].text != NULL))
            fail_msg("%s: %d", cases[i].given, good);
        if (!good)
            continue;
        ip_text(&ip, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(ip_is_v4(&ip), strchr(text, ':') == NULL);
    }
    struct ip ip;
    assert_false(ip_parse((struct slice){"1.2.3.4\0", 8}, &ip));
    assert_false(ip_parse((struct slice){"1.2.3.45", 6}, &ip));
    assert_true(ip_parse((struct slice){"1.2.3.45", 7}, &ip));
}

/* ---- lists ---------------------------------------------------------------*/

static struct networks *list_of(const char *const words[LIST],
                                struct fault *fault)
{
    const char *at[LIST];
    struct texts list = {at, 0};

    while (list.count < LIST && words[list.count]) {
        at[list.count] = words[list.count];
        list.count++;
    }
    return networks_new(&list, "key", fault);
}

static void lists_hold(void **state)
{
    static const struct {
        const char *list[LIST];
        const char *inside[LIST];
        const char *outside[LIST];
    } cases[] = {
        {{"127.0.0.1", "::1"},
         {"127.0.0.1", "::ffff:127.0.0.1", "::1"},
         {"127.0.0.2", "::2", "::", "0.0.0.0"}},
        {{"10.0.0.0/8"},
         {"10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"},
         {"11.0.0.0", "9.255.255.255", "::10.1.2.3"}},
        {{"192.168.4.0/22"},
         {"192.168.4.0", "192.168.7.255"},
         {"192.168.3.255", "192.168.8.0"}},
        {{"10.1.2.3/32", "10.1.2.4/31"},
         {"10.1.2.3", "10.1.2.4", "10.1.2.5"},
         {"10.1.2.2", "10.1.2.6"}},
        {{"fd00::/8", "2001:db8:8000::/33"},
         {"fd12::1", "fdff::", "2001:db8:ffff::1"},
         {"fc00::1", "2001:db8:7fff::1", "253.0.0.1"}},
        {{"0.0.0.0/0"}, {"1.2.3.4", "::ffff:1.2.3.4"}, {"::1", "2001:db8::1"}},
        {{"::/0"}, {"::1", "2001:db8::1"}, {"1.2.3.4", "::ffff:1.2.3.4"}},
        {{"::ffff:10.0.0.0/104"}, {"10.9.9.9"}, {"11.0.0.0", "::1"}},
        {{"*"}, {"1.2.3.4", "::1"}, {NULL}},
        {{"10.0.0.1", "*"}, {"1.2.3.4", "::1"}, {NULL}},
        {{"none"}, {NULL}, {"127.0.0.1", "::1", "1.2.3.4"}},
        {{NULL}, {NULL}, {"127.0.0.1", "::1"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fault fault = {""};
        struct networks *n = list_of(cases[i].list, &fault);
        struct ip ip;
        if (n == NULL)
            fail_msg("%s", fault.text);
        for (size_t k = 0; k < LIST && cases[i].inside[k]; k++) {
            assert_true(ip_parse(slice_of(cases[i].inside[k]), &ip));
            if (!networks_hold(n, &ip))
                fail_msg("case %zu: %s is outside", i, cases[i].inside[k]);
        }
        for (size_t k = 0; k < LIST && cases[i].outside[k]; k++) {
            assert_true(ip_parse(slice_of(cases[i].outside[k]), &ip));
            if (networks_hold(n, &ip))
                fail_msg("case %zu: %s is inside", i, cases[i].outside[k]);
        }
        networks_free(n);
    }
}

static void faults(void **state)
{
    static const struct {
        const char *list[LIST];
        const char *fault;
    } cases[] = {
        {{"x"}, "key: \"x\" is no address"},
        {{"127.0.0.1", ""}, "key: \"\" is no address"},
        {{"localhost"}, "key: \"localhost\" is no address"},
        {{"10.0.0.0/33"}, "key: \"10.0.0.0/33\" has no such prefix"},
        {{"10.0.0.0/-1"}, "key: \"10.0.0.0/-1\" has no such prefix"},
        {{"10.0.0.0/"}, "key: \"10.0.0.0/\" has no such prefix"},
        {{"10.0.0.0/255.0.0.0"},
         "key: \"10.0.0.0/255.0.0.0\" has no such prefix"},
        {{"::/129"}, "key: \"::/129\" has no such prefix"},
        {{"/8"}, "key: \"/8\" is no address"},
        {{"10.0.0.1/8"}, "key: \"10.0.0.1/8\" has bits set behind its prefix"},
        {{"10.0.0.8/28"},
         "key: \"10.0.0.8/28\" has bits set behind its prefix"},
        {{"fd00::1/8"}, "key: \"fd00::1/8\" has bits set behind its prefix"},
        {{"none", "127.0.0.1"}, "key: \"none\" stands alone"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fault fault = {""};
        assert_null(list_of(cases[i].list, &fault));
        assert_string_equal(fault.text, cases[i].fault);
    }
    networks_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_text_for_one_address),
        cmocka_unit_test(lists_hold),
        cmocka_unit_test(faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
