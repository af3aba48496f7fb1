#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/settings/settings_table.h"
#include "common/app/routes.h"

/* What `write` prints. The caller frees it. */
static char *printed(void (*write)(FILE *to))
{
    char *text;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    write(to);
    fclose(to);
    return text;
}

static char *print(const struct settings *s)
{
    char *text;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    settings_print(s, to);
    fclose(to);
    return text;
}

/* Settings of a file with that content and of more flags in PRONG_CMD_ARGS. */
static struct settings *load(const char *content, const char *args)
{
    char path[] = "/tmp/prong-settings-XXXXXX";
    char program[] = "prong";
    char flag[] = "-c";
    char *argv[] = {program, flag, path, NULL};
    size_t size = strlen(content);
    struct settings *s;
    struct fault fault;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, size), size);
    close(fd);
    setenv("PRONG_CMD_ARGS", args, 1);
    enum settings_outcome outcome = settings_load(3, argv, &s, &fault);
    unlink(path);
    if (outcome != SETTINGS_OK)
        fail_msg("%s", fault.text);
    return s;
}

static void test_print_reads_back(void **state)
{
    struct settings *s =
        load("", "-w 3 -b a:1 -b [::1]:2 -e A=x,y -e B= -m 027 -D -p p.pid "
                 "--limit-request-body 1500000 --log-format json "
                 "--access-logformat '%(h)s;%(s)s #x' -n =odd: my=app");
    char *first = print(s);
    struct settings *again = load(first, "-t 30");
    char *second = print(again);

    (void)state;
    assert_string_equal(first, second);
    assert_int_equal(again->bind.count, 2);
    assert_int_equal(again->raw_env.count, 2);
    assert_int_equal(again->umask, 027);
    assert_string_equal(again->app, "my=app");
    assert_string_equal(again->proc_name, "=odd:");
    free(first);
    free(second);
    settings_free(s);
    settings_free(again);
}

/* The example with the sign before each setting taken away. */
static char *uncommented(const char *text)
{
    char *out = strdup(text);
    char *to = out;
    bool line_begins = true;

    for (const char *at = text; *at; at++) {
        bool sign = line_begins && at[0] == '#' && at[1] >= 'a' && at[1] <= 'z';
        line_begins = *at == '\n';
        if (!sign)
            *to++ = *at;
    }
    *to = '\0';
    return out;
}

static void test_example_is_the_defaults(void **state)
{
    char *example = printed(settings_example);
    char *bare = uncommented(example);
    struct settings *by_file = load(bare, "app");
    struct settings *by_default = load("", "app");
    char *one = print(by_file);
    char *other = print(by_default);

    (void)state;
    assert_string_equal(one, other);
    for (size_t i = 0; i < settings_count(); i++) {
        struct buf line = {0};
        if (setting_at(i)->key == NULL)
            continue;
        buf_format(&line, "\n#%s =", setting_at(i)->key);
        assert_non_null(strstr(example, buf_text(&line)));
        buf_free(&line);
    }
    free(example);
    free(bare);
    free(one);
    free(other);
    settings_free(by_file);
    settings_free(by_default);
}

static void test_committed_example_is_up_to_date(void **state)
{
    char *example = printed(settings_example);
    char *committed = calloc(1, 65536);
    int fd = open("etc/prong.conf", O_RDONLY); /* tests run at the top */

    (void)state;
    assert_true(fd >= 0);
    assert_true(read(fd, committed, 65535) > 0);
    assert_string_equal(committed, example);
    close(fd);
    free(committed);
    free(example);
}

static void test_help_is_whole_and_narrow(void **state)
{
    char *help = printed(settings_help);

    (void)state;
    for (size_t i = 0; i < settings_count(); i++) {
        struct buf flag = {0};
        if (!setting_at(i)->flag)
            continue;
        buf_format(&flag, "--%s", setting_at(i)->flag);
        bool shown = strstr(help, buf_text(&flag)) != NULL;
        assert_int_equal(shown, setting_at(i)->help != NULL);
        buf_free(&flag);
    }
    for (char *line = strtok(help, "\n"); line; line = strtok(NULL, "\n"))
        if (strlen(line) > 80 || line[strlen(line) - 1] == ' ')
            fail_msg("too wide, or a blank at the end: %s", line);
    free(help);
}

static void test_man_is_safe_roff(void **state)
{
    char *man = printed(settings_man);

    (void)state;
    assert_non_null(strstr(man, "\n\\fB\\-w, \\-\\-workers N\\fR\n"));
    assert_non_null(strstr(man, "In the file: \\fBaccess_log_format\\fR."));
    assert_non_null(strstr(man, "\n.TP\n\\fBTERM\\fR\n"));
    assert_non_null(strstr(man, "\n.TP\n\\fBkeeper\\fR\n"));
    for (char *line = strtok(man, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(line[0] != '\'');
    free(man);
}

/* Nothing with a path of the server's own is missing in either document. */
static void test_endpoints_are_named(void **state)
{
    char *help = printed(settings_help);
    char *man = printed(settings_man);

    (void)state;
    for (unsigned i = 0; i < OWN_PATHS; i++) {
        struct buf path = {0};
        struct slice rest = slice_of(own_routes[i].path);
        buf_slice(&path, slice_cut(&rest, '{'));
        if (strstr(help, buf_text(&path)) == NULL ||
            strstr(man, buf_text(&path)) == NULL)
            fail_msg("%s is not named", own_routes[i].name);
        buf_free(&path);
    }
    free(help);
    free(man);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print_reads_back),
        cmocka_unit_test(test_example_is_the_defaults),
        cmocka_unit_test(test_committed_example_is_up_to_date),
        cmocka_unit_test(test_help_is_whole_and_narrow),
        cmocka_unit_test(test_man_is_safe_roff),
        cmocka_unit_test(test_endpoints_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
