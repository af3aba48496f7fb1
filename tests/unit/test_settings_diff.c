#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/settings/settings_table.h"

static struct settings *load(const char *flags)
{
    const char *argv[] = {"prong", "-c", "", "app"};
    struct settings *s;
    struct fault fault;

    setenv("PRONG_CMD_ARGS", flags, 1);
    unsetenv("WEB_CONCURRENCY");
    unsetenv("PORT");
    enum settings_outcome outcome =
        settings_load(4, (char **)(uintptr_t)argv, &s, &fault);
    if (outcome != SETTINGS_OK)
        fail_msg("%s", fault.text);
    return s;
}

static void equal_settings_do_not_differ(void **state)
{
    const struct settings_change *changes;
    struct settings *a = load("--workers 3 -b 1.2.3.4:5,unix:/x -e A=1");
    struct settings *b = load("--workers 3 -b 1.2.3.4:5,unix:/x -e A=1");

    (void)state;
    assert_int_equal(settings_compare(a, b, a->arena, &changes), 0);
    settings_free(a);
    settings_free(b);
}

static void differences_are_told_in_words(void **state)
{
    static const struct settings_change expected[] = {
        {"bind", "127.0.0.1:8000", "1.2.3.4:5, unix:/x", false},
        {"workers", "1", "3", false},
        {"limit_request_body", "4M", "1M", false},
        {"cache_size", "64M", "1M", true},
        {"gzip", "on", "off", false},
        {"daemon", "false", "true", true},
        {"pidfile", "", "/run/x", true},
        {"umask", "0", "022", true},
        {"raw_env", NULL, NULL, false},
        {"accesslog", "/log", "", false},
    };
    const struct settings_change *got;
    struct settings *a = load("--access-logfile /log --limit-request-body 4M");
    struct settings *b =
        load("-w 3 --limit-request-body 1M --gzip off --cache-size 1M -D "
             "-p /run/x -m 022 -e SECRET=x -b 1.2.3.4:5 -b unix:/x");

    (void)state;
    size_t count = settings_compare(a, b, a->arena, &got);
    for (size_t i = 0; i < count && i < 10; i++) {
        assert_string_equal(got[i].key, expected[i].key);
        assert_int_equal(got[i].fixed, expected[i].fixed);
        if (expected[i].before == NULL) {
            assert_null(got[i].before);
            assert_null(got[i].after);
            continue;
        }
        assert_string_equal(got[i].before, expected[i].before);
        assert_string_equal(got[i].after, expected[i].after);
    }
    assert_int_equal(count, 10);
    settings_free(a);
    settings_free(b);
}

static void what_is_fixed_is_kept(void **state)
{
    const struct settings_change *changes;
    struct settings *present =
        load("-D -p /run/x --user 7 -m 022 --cache-size 3M --demo -w 2");
    struct settings *next = load("--group 8 --chdir /tmp --reuse-port -w 5");

    (void)state;
    settings_keep_fixed(next, present);
    assert_true(next->daemon && next->demo && !next->reuse_port);
    assert_string_equal(next->pidfile, "/run/x");
    assert_true(next->pidfile != present->pidfile); /* it lives longer */
    assert_string_equal(next->user, "7");
    assert_null(next->group);
    assert_null(next->chdir);
    assert_int_equal(next->umask, 022);
    assert_int_equal(next->cache_size, 3 << 20);
    assert_int_equal(next->workers, 5);
    assert_int_equal(settings_compare(present, next, present->arena, &changes),
                     1);
    settings_free(present);
    settings_free(next);
}

/* What settings_keep_fixed relies on. */
static void fixed_rows_are_single_values_with_a_key(void **state)
{
    size_t fixed = 0;

    (void)state;
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *row = setting_at(i);
        if (!row->fixed)
            continue;
        fixed++;
        assert_non_null(row->key);
        assert_true(row->type != SETTING_LIST && row->type != SETTING_PAIRS);
    }
    assert_true(fixed >= 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_settings_do_not_differ),
        cmocka_unit_test(differences_are_told_in_words),
        cmocka_unit_test(what_is_fixed_is_kept),
        cmocka_unit_test(fixed_rows_are_single_values_with_a_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
