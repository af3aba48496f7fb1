#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/log.h"

static char path[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/prong-log-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    log_open("-", LOG_INFO, false);
    return unlink(path);
}

static const char *content(void)
{
    static char text[64 * 1024];
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

static size_t lines(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void text_lines(void **state)
{
    char wanted[256];

    (void)state;
    assert_true(log_open(path, LOG_INFO, false));
    log_debug("not %s", "wanted");
    log_info("Booting worker with pid: %d", 7);
    snprintf(wanted, sizeof wanted,
             "^\\[20[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:"
             "[0-6][0-9] [+-][0-9]{4}\\] \\[%d\\] \\[INFO\\] Booting worker "
             "with pid: 7\n$",
             (int)getpid());
    assert_true(matches(content(), wanted));
}

static void json_lines(void **state)
{
    (void)state;
    assert_true(log_open(path, LOG_DEBUG, true));
    log_error("said \"%s\"", "a\\b");
    assert_true(matches(
        content(), "^\\{\"time\":\"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]"
                   "{2}:[0-9]{2}\\.[0-9]{3}Z\",\"pid\":[0-9]+,\"level\":"
                   "\"ERROR\",\"message\":\"said \\\\\"a\\\\\\\\b\\\\\"\"\\}"
                   "\n$"));
}

/* Whatever a client sends, a record is one whole line. */
/* For whoever wants to know of what a process died. */
static void the_first_error_is_kept(void **state)
{
    char room[16] = "";

    (void)state;
    assert_true(log_open(path, LOG_INFO, true));
    log_keep(room, sizeof room);
    log_warning("not that bad");
    assert_string_equal(room, "");
    log_error("a.sql:7: \x1b%s", "no such column");
    log_error("and another");
    assert_string_equal(room, "a.sql:7:  no su");
    log_keep(room, sizeof room);
    log_critical("worse");
    assert_string_equal(room, "worse");
    log_keep(room, sizeof room);
    log_keep(NULL, 0);
    log_error("nowhere");
    assert_string_equal(room, "worse");
}

static void records_cannot_be_forged(void **state)
{
    static const char *const hostile[] = {
        "a\n[2030-01-01] [1] [CRITICAL] forged", "\r\x1b[2J\x7f\t", "\"}\n{\"",
        ""};
    static const char fill[] = {'x', '"', '\\', '\xff', '\n', '\x01'};
    static char huge[100 * 1000];

    (void)state;
    for (int json = 0; json < 2; json++) {
        assert_true(log_open(path, LOG_INFO, json == 1));
        assert_int_equal(truncate(path, 0), 0);
        for (size_t i = 0; i < 4; i++)
            log_info("%s", hostile[i]);
        for (size_t i = 0; i < sizeof fill; i++) {
            memset(huge, fill[i], sizeof huge - 1);
            log_info("%s", huge);
        }
        const char *text = content();
        assert_int_equal(lines(text), 4 + sizeof fill);
        for (const char *at = text; *at; at++)
            assert_true(*at == '\n' || (unsigned char)*at >= 0x20);
        assert_false(matches(text, "\x7f"));
        if (json == 1)
            for (const char *at = text; *at; at = strchr(at, '\n') + 1)
                assert_true(at[0] == '{' && strchr(at, '\n')[-1] == '}');
    }
}

static void rotation(void **state)
{
    char moved[80];

    (void)state;
    snprintf(moved, sizeof moved, "%s.1", path);
    assert_true(log_open(path, LOG_WARNING, false));
    log_warning("one");
    assert_int_equal(rename(path, moved), 0);
    log_warning("two");
    assert_true(log_reopen());
    log_warning("three");
    assert_true(matches(content(), "^\\[.*three\n$"));
    assert_int_equal(lines(content()), 1);
    assert_int_equal(unlink(moved), 0);
    assert_true(log_enabled(LOG_WARNING) && !log_enabled(LOG_INFO));
}

static void opening_fails(void **state)
{
    char long_path[5000];

    (void)state;
    assert_true(log_open(path, LOG_INFO, false));
    assert_false(log_open("/nonexistent/folder/log", LOG_DEBUG, true));
    assert_int_equal(errno, ENOENT);
    memset(long_path, 'x', sizeof long_path);
    long_path[sizeof long_path - 1] = '\0';
    assert_false(log_open(long_path, LOG_DEBUG, true));
    assert_int_equal(errno, ENAMETOOLONG);
    log_info("still here"); /* the log in use stays in use, as it was */
    assert_true(matches(content(), "\\[INFO\\] still here\n$"));
    assert_false(log_enabled(LOG_DEBUG));
}

/* A log that cannot be written stops nothing, and errno is the caller's. */
static void full_disk(void **state)
{
    (void)state;
    assert_true(log_open("/dev/full", LOG_INFO, false));
    errno = EBADMSG;
    log_critical("nobody hears");
    assert_int_equal(errno, EBADMSG);
}

static void many_processes(void **state)
{
    (void)state;
    assert_true(log_open(path, LOG_INFO, false));
    for (int i = 0; i < 4; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid > 0)
            continue;
        for (int k = 0; k < 50; k++)
            log_info("%0100d", k);
        _exit(0);
    }
    for (int i = 0; i < 4; i++)
        assert_true(wait(NULL) > 0);
    const char *text = content();
    assert_int_equal(lines(text), 200);
    for (const char *at = text; *at; at = strchr(at, '\n') + 1)
        assert_int_equal(strchr(at, '\n') - strstr(at, "INFO] "), 106);
}

static void levels(void **state)
{
    enum log_level level = LOG_DEBUG;

    (void)state;
    assert_true(log_level_named("Critical", &level));
    assert_int_equal(level, LOG_CRITICAL);
    assert_false(log_level_named("warn", &level));
    assert_false(log_level_named("", &level));
}

/* Of all who share it; what is not logged is not counted. */
static void counts(void **state)
{
    static _Atomic uint64_t counts[LOG_LEVELS];

    (void)state;
    assert_true(log_open(path, LOG_INFO, false));
    log_count(counts);
    log_debug("x");
    log_warning("x");
    log_warning("x");
    log_critical("x");
    log_count(NULL);
    log_warning("x");
    assert_int_equal(counts[LOG_DEBUG], 0);
    assert_int_equal(counts[LOG_WARNING], 2);
    assert_int_equal(counts[LOG_CRITICAL], 1);
}

#define with_file(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_file(text_lines),     with_file(json_lines),
        with_file(rotation),       with_file(the_first_error_is_kept),
        with_file(rotation),       with_file(records_cannot_be_forged),
        with_file(opening_fails),  with_file(full_disk),
        with_file(many_processes), with_file(levels),
        with_file(counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
