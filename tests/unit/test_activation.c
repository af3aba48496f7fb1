#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buf.h"
#include "master/activation.h"

static struct activation a;
static struct fault fault;
static char own[32];

static bool parse(const char *pid, const char *fds, const char *list)
{
    memset(&a, 0xAA, sizeof a);
    fault.text[0] = '\0';
    return activation_parse(pid, fds, list, &a, &fault);
}

static void they_are_ours_or_none(void **state)
{
    static const struct {
        const char *pid, *fds, *names;
        size_t count;
    } cases[] = {
        {own, "2", NULL, 2},   {own, "2", "a:b", 2},
        {NULL, "1", "a", 1}, /* handed over */
        {own, "0", NULL, 0},   {own, "0", "", 0},
        {own, NULL, "a", 0},   {"1", "2", NULL, 0},
        {"", "2", NULL, 0},    {"x", "2", NULL, 0},
        {"1", "99", "a", 0}, /* another's are not looked at */
        {NULL, NULL, NULL, 0}, {own, "64", NULL, 64},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(parse(cases[i].pid, cases[i].fds, cases[i].names));
        assert_int_equal(a.count, cases[i].count);
    }
}

static void nonsense_is_refused(void **state)
{
    static const struct {
        const char *fds, *names, *reason;
    } cases[] = {
        {"", NULL, "LISTEN_FDS: \"\""},
        {"-1", NULL, "LISTEN_FDS: \"-1\""},
        {"65", NULL, "LISTEN_FDS: \"65\""},
        {"3x", NULL, "LISTEN_FDS: \"3x\""},
        {"99999999999999999999", NULL, "LISTEN_FDS"},
        {"2", "a", "LISTEN_FDNAMES: \"a\" is not 2 names"},
        {"2", "a:b:c", "is not 2 names"},
        {"2", "", "is not 2 names"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(parse(own, cases[i].fds, cases[i].names));
        if (strstr(fault.text, cases[i].reason) == NULL)
            fail_msg("case %zu: %s", i, fault.text);
    }
}

static void check(const struct texts *list, const char *expected)
{
    struct buf text = {0};

    for (size_t i = 0; i < list->count; i++)
        buf_format(&text, "%s%s", i ? "," : "", list->at[i]);
    assert_string_equal(buf_text(&text), expected);
    buf_free(&text);
}

/* Each kind stands in place of its setting, if there is one of it. */
static void they_replace_the_settings(void **state)
{
    static const struct {
        const char *fds, *names, *bind, *admin;
    } cases[] = {
        {"0", NULL, ":1,:2", ":3"},
        {"2", NULL, "fd://3,fd://4", ":3"},
        {"1", "web", "fd://3", ":3"},
        {"1", "admin", ":1,:2", "fd://3"},
        {"3", "admin:x:admin", "fd://4", "fd://3,fd://5"},
        {"2", ":", "fd://3,fd://4", ":3"},
        {"2", "Admin:admins", "fd://3,fd://4", ":3"},
    };
    const char *bind[] = {":1", ":2"};
    const char *admin[] = {":3"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings s = {
            .bind = {bind, 2}, .admin_bind = {admin, 1}, .arena = arena_new()};
        assert_true(parse(own, cases[i].fds, cases[i].names));
        activation_apply(&a, &s);
        check(&s.bind, cases[i].bind);
        check(&s.admin_bind, cases[i].admin);
        arena_free(s.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_ours_or_none),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(they_replace_the_settings),
    };

    snprintf(own, sizeof own, "%d", (int)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
