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
#include "common/cpus.h"
#include "common/settings/settings_table.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { WORDS = 16 };

static int project; /* the folder in which the tests were started */
static char folder[] = "/tmp/prong-settings-XXXXXX";

/* What settings_load is to see; null leaves that source out. */
struct sources {
    const char *port;
    const char *concurrency;
    const char *file; /* content of ./prong.conf */
    const char *args; /* PRONG_CMD_ARGS */
    const char *line; /* argv behind the program's name, split at blanks */
};

static void set_variable(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static enum settings_outcome load_from(const struct sources *from,
                                       struct settings **out,
                                       struct fault *fault)
{
    char program[] = "prong";
    char *argv[WORDS + 1] = {program};
    char *line = strdup(from->line ? from->line : "app");
    int argc = 1;

    for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
        assert_true(argc < WORDS);
        argv[argc++] = word;
    }
    set_variable("PORT", from->port);
    set_variable("WEB_CONCURRENCY", from->concurrency);
    set_variable("PRONG_CMD_ARGS", from->args);
    unlink("prong.conf");
    if (from->file)
        write_file("prong.conf", from->file);
    fault->text[0] = '\0';
    enum settings_outcome outcome = settings_load(argc, argv, out, fault);
    free(line);
    return outcome;
}

static struct settings *load(struct sources from)
{
    struct settings *s;
    struct fault fault;

    if (load_from(&from, &s, &fault) != SETTINGS_OK)
        fail_msg("%s", fault.text);
    return s;
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

/* ---- values ------------------------------------------------------------- */

static void test_defaults(void **state)
{
    struct settings *s = load((struct sources){.line = "etc/hello"});

    (void)state;
    assert_string_equal(s->app, "etc/hello");
    assert_null(s->config);
    assert_int_equal(s->bind.count, 1);
    assert_string_equal(s->bind.at[0], "127.0.0.1:8000");
    assert_int_equal(s->backlog, 2048);
    assert_int_equal(s->workers, 1);
    assert_int_equal(s->worker_connections, 1000);
    assert_int_equal(s->max_requests, 0);
    assert_int_equal(s->max_requests_jitter, 0);
    assert_int_equal(s->timeout, 30);
    assert_int_equal(s->graceful_timeout, 30);
    assert_int_equal(s->keepalive, 2);
    assert_int_equal(s->limit_request_line, 4094);
    assert_int_equal(s->limit_request_fields, 100);
    assert_int_equal(s->limit_request_field_size, 8190);
    assert_int_equal(s->limit_request_body, 1 << 20);
    assert_int_equal(s->header_timeout, 10);
    assert_int_equal(s->body_timeout, 30);
    assert_int_equal(s->send_timeout, 60);
    assert_int_equal(s->umask, 0);
    assert_int_equal(s->raw_env.count, 0);
    assert_null(s->accesslog);
    assert_string_equal(s->access_log_format,
                        "%(h)s %(l)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s "
                        "\"%(f)s\" \"%(a)s\"");
    assert_string_equal(s->errorlog, "-");
    assert_string_equal(s->loglevel, "info");
    assert_string_equal(s->log_format, "text");
    assert_null(s->pidfile);
    assert_null(s->user);
    assert_false(s->daemon || s->demo || s->reload || s->reuse_port ||
                 s->check_config || s->print_config);
    settings_free(s);
}

/* One value, given each way, and the line that settings_print makes of it. */
static const struct value {
    const char *given;
    const char *prints;
} by_flag[] = {
    {"-w4 app", "workers = 4"},
    {"-w 4 app", "workers = 4"},
    {"-w=4 app", "workers = 4"},
    {"--workers 4 app", "workers = 4"},
    {"--workers=4 app", "workers = 4"},
    {"app --workers 256", "workers = 256"},
    {"-w 2 -w 3 app", "workers = 3"},
    {"-Dw4 app", "daemon = true"},
    {"-Dw4 app", "workers = 4"},
    {"--daemon=no app", "daemon = false"},
    {"-- -x", "app = -x"},
    {"--backlog 64 app", "backlog = 64"},
    {"--worker-connections 5 app", "worker_connections = 5"},
    {"--max-requests 7 app", "max_requests = 7"},
    {"--max-requests-jitter 7 app", "max_requests_jitter = 7"},
    {"-t 0 app", "timeout = 0"},
    {"--graceful-timeout 5 app", "graceful_timeout = 5"},
    {"--keep-alive 75 app", "keepalive = 75"},
    {"--limit-request-line 0 app", "limit_request_line = 8190"},
    {"--limit-request-fields 256 app", "limit_request_fields = 256"},
    {"--limit-request-field_size 99 app", "limit_request_field_size = 99"},
    {"--limit-request-field-size 99 app", "limit_request_field_size = 99"},
    {"--limit-request-body 2M app", "limit_request_body = 2M"},
    {"--limit-request-body 1025 app", "limit_request_body = 1025"},
    {"--limit-request-body 4096k app", "limit_request_body = 4M"},
    {"--header-timeout 1 app", "header_timeout = 1"},
    {"--body-timeout 2 app", "body_timeout = 2"},
    {"--send-timeout 3 app", "send_timeout = 3"},
    {"--limit-unsent 8M app", "limit_unsent = 8M"},
    /* Gunicorn's flag takes no value. */
    {"--proxy-protocol app", "proxy_protocol = auto"},
    {"--proxy-protocol app", "app = app"},
    {"app --proxy-protocol", "proxy_protocol = auto"},
    {"--proxy-protocol -w4 app", "proxy_protocol = auto"},
    {"--proxy-protocol V1 app", "proxy_protocol = v1"},
    {"--proxy-protocol off app", "proxy_protocol = off"},
    {"--proxy-protocol=v2 app", "proxy_protocol = v2"},
    {"--proxy-protocol=false app", "proxy_protocol = off"},
    {"--reuse-port app", "reuse_port = true"},
    {"-p /run/p.pid app", "pidfile = /run/p.pid"},
    {"--pid=/run/p.pid app", "pidfile = /run/p.pid"},
    {"-u www -g 33 app", "user = www"},
    {"-u www -g 33 app", "group = 33"},
    {"-m 022 app", "umask = 022"},
    {"-m 0o22 app", "umask = 022"},
    {"-m 18 app", "umask = 022"},
    {"-m 0 app", "umask = 0"},
    {"--chdir / app", "chdir = /"},
    {"-e A=1,2 app", "raw_env = A=1,2"},
    {"-e A= app", "raw_env = A="},
    {"-n blue app", "proc_name = blue"},
    {"--access-logfile - app", "accesslog = -"},
    {"--access-logformat %(h)s%%%({x-y}i)s app",
     "access_log_format = %(h)s%%%({x-y}i)s"},
    {"--error-logfile e.log app", "errorlog = e.log"},
    {"--log-file e.log app", "errorlog = e.log"},
    {"--log-level WARNING app", "loglevel = warning"},
    {"--log-format json app", "log_format = json"},
    {"--database x.db --demo app", "database = x.db"},
    {"--database x.db --demo app", "demo = true"},
    {"--reload app", "reload = true"},
};

static const struct value by_file[] = {
    {"workers=4", "workers = 4"},
    {"keepalive = 9", "keepalive = 9"},
    {"keep_alive = 9", "keepalive = 9"},
    {"pidfile = x", "pidfile = x"},
    {"pid = x", "pidfile = x"},
    {"limit-request-field-size = 7", "limit_request_field_size = 7"},
    {"daemon = YES", "daemon = true"},
    {"daemon = 0", "daemon = false"},
    {"proxy_protocol = True", "proxy_protocol = auto"},
    {"proxy_protocol = false", "proxy_protocol = off"},
    {"accesslog = a b.log", "accesslog = a b.log"},
    {"access_log_format = %(r)s ; #", "access_log_format = %(r)s ; #"},
    {"raw_env = A=b=c", "raw_env = A=b=c"},
};

static bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);

    for (const char *at = text; (at = strstr(at, line)) != NULL; at += len)
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    return false;
}

static void check_value(struct sources from, const struct value *value)
{
    struct settings *s = load(from);
    char *text = print(s);

    if (!has_line(text, value->prints))
        fail_msg("\"%s\" is not in:\n%s", value->prints, text);
    free(text);
    settings_free(s);
}

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(by_flag); i++)
        check_value((struct sources){.line = by_flag[i].given}, &by_flag[i]);
    for (size_t i = 0; i < COUNT(by_file); i++)
        check_value((struct sources){.file = by_file[i].given}, &by_file[i]);
}

static void test_workers_auto(void **state)
{
    struct settings *s = load((struct sources){.line = "-w auto app"});

    (void)state;
    assert_true(s->workers >= 1 && s->workers <= 256);
    assert_int_equal(s->workers, cpus_usable());
    assert_true(s->workers <= sysconf(_SC_NPROCESSORS_CONF));
    settings_free(s);
}

/* ---- layers ------------------------------------------------------------- */

static const struct {
    struct sources from;
    int64_t workers;
    const char *bind; /* joined by blanks */
} layers[] = {
    {.from = {.port = ""}, .workers = 1, .bind = "127.0.0.1:8000"},
    {.from = {.port = "5000"}, .workers = 1, .bind = "0.0.0.0:5000"},
    {.from = {.concurrency = "3"}, .workers = 3, .bind = "127.0.0.1:8000"},
    {.from = {.port = "5000", .concurrency = "3", .file = "bind = a:1"},
     .workers = 3,
     .bind = "a:1"},
    {.from = {.concurrency = "3",
              .file = "bind = a:1, b:2\nworkers = 4\nbind = c:3"},
     .workers = 4,
     .bind = "a:1 b:2 c:3"},
    {.from = {.concurrency = "3",
              .file = "bind = a:1\nworkers = 4",
              .args = "-w 5 --bind 'unix:/tmp/a b'"},
     .workers = 5,
     .bind = "unix:/tmp/a b"},
    {.from = {.concurrency = "3",
              .file = "bind = a:1\nworkers = 4",
              .args = "-w 5 -b b:2",
              .line = "-w 6 -b c:3 -b d:4,e:5 app"},
     .workers = 6,
     .bind = "c:3 d:4 e:5"},
    /* other.conf holds workers = 9; an empty -c reads nothing */
    {.from = {.file = "workers = 4", .line = "-c other.conf app"},
     .workers = 9,
     .bind = "127.0.0.1:8000"},
    {.from = {.file = "workers = 4", .args = "-c other.conf"},
     .workers = 9,
     .bind = "127.0.0.1:8000"},
    {.from = {.args = "-c missing.conf", .line = "-c other.conf app"},
     .workers = 9,
     .bind = "127.0.0.1:8000"},
    {.from = {.file = "workers = 4", .line = "-c= app"},
     .workers = 1,
     .bind = "127.0.0.1:8000"},
};

static void test_layers(void **state)
{
    (void)state;
    write_file("other.conf", "workers = 9\n");
    for (size_t i = 0; i < COUNT(layers); i++) {
        struct settings *s = load(layers[i].from);
        struct buf bind = {0};
        for (size_t k = 0; k < s->bind.count; k++)
            buf_format(&bind, "%s%s", k ? " " : "", s->bind.at[k]);
        assert_string_equal(buf_text(&bind), layers[i].bind);
        assert_int_equal(s->workers, layers[i].workers);
        buf_free(&bind);
        settings_free(s);
    }
    unlink("other.conf");
}

static void test_the_file_may_name_the_app(void **state)
{
    struct settings *s =
        load((struct sources){.file = "app = there", .line = "-w 2"});

    (void)state;
    assert_string_equal(s->config, "prong.conf");
    assert_string_equal(s->app, "there");
    settings_free(s);
}

static void test_empty_unsets(void **state)
{
    struct settings *s = load(
        (struct sources){.file = "accesslog = -\nraw_env = A=1\nraw_env = B=2",
                         .line = "--access-logfile= --env= -e C=3 app"});

    (void)state;
    assert_null(s->accesslog);
    assert_int_equal(s->raw_env.count, 1);
    assert_string_equal(s->raw_env.at[0], "C=3");
    settings_free(s);
}

/* ---- faults ------------------------------------------------------------- */

static const struct {
    struct sources from;
    const char *says;
} faults[] = {
    {{.line = "-w 0 app"}, "-w: must be 1 to 256, or auto, not '0'"},
    {{.line = "--workers 257 app"},
     "--workers: must be 1 to 256, or auto, not '257'"},
    {{.line = "--workers=x app"},
     "--workers: must be 1 to 256, or auto, not 'x'"},
    {{.line = "-w -1 app"}, "-w: must be 1 to 256, or auto, not '-1'"},
    {{.line = "-w 99999999999999999999 app"},
     "-w: must be 1 to 256, or auto, not '99999999999999999999'"},
    {{.line = "app -w"}, "-w: needs a value"},
    {{.line = "--pid --daemon app"}, "--pid: needs a value"},
    {{.line = "--proxy-protocol=v3 app"},
     "--proxy-protocol: must be off, v1, v2 or auto, not 'v3'"},
    {{.line = "--proxy-protocol= app"},
     "--proxy-protocol: must be off, v1, v2 or auto, not ''"},
    {{.line = "--security-headers=true app"},
     "--security-headers: must be on or off, not 'true'"},
    {{.line = "--help=me app"}, "--help: takes no value"},
    {{.line = "--daemon=maybe app"},
     "--daemon: must be true or false, not 'maybe'"},
    {{.line = "--wrokers 4 app"},
     "--wrokers: unknown flag; did you mean --workers?"},
    {{.line = "--max_request 4 app"},
     "--max_request: unknown flag; did you mean --max-requests?"},
    {{.line = "--zzzz app"}, "--zzzz: unknown flag; see --help"},
    {{.line = "-Z app"}, "-Z: unknown flag; see --help"},
    {{.line = "-D"},
     "APP is missing: name the folder to serve, as in "
     "\"prong etc/hello\""},
    {{.line = "one two"}, "'two': there is an APP already, 'one'"},
    {{.line = "-b= app"}, "-b: must not be empty, nor any part of it"},
    {{.line = "-b a:1,,b:2 app"}, "-b: must not be empty, nor any part of it"},
    {{.line = "--log-level loud app"},
     "--log-level: must be debug, info, warning, error or critical, not "
     "'loud'"},
    {{.line = "--log-format xml app"},
     "--log-format: must be text or json, not 'xml'"},
    {{.line = "--log-file= app"}, "--log-file: must not be empty"},
    {{.line = "--access-logformat %(h app"},
     "--access-logformat: must be text with atoms like %(h)s, each closed, "
     "not '%(h'"},
    {{.line = "--limit-request-line 8191 app"},
     "--limit-request-line: must be 0 to 8190, not '8191'"},
    {{.line = "--limit-request-fields 257 app"},
     "--limit-request-fields: must be 0 to 256, not '257'"},
    {{.line = "--limit-request-body 2G app"},
     "--limit-request-body: must be 1 to 1G, not '2G'"},
    {{.line = "--header-timeout 0 app"},
     "--header-timeout: must be 1 to 86400, not '0'"},
    {{.line = "-m 08 app"}, "-m: must be 0 to 0777, not '08'"},
    {{.line = "-m 01000 app"}, "-m: must be 0 to 0777, not '01000'"},
    {{.line = "-m 0o app"}, "-m: must be 0 to 0777, not '0o'"},
    {{.line = "-e A app"}, "-e: must be KEY=VALUE, not 'A'"},
    {{.line = "-e =b app"}, "-e: must be KEY=VALUE, not '=b'"},
    {{.line = "-n a\tb app"}, "-n: must not contain control characters"},
    {{.line = "-c missing.conf app"},
     "missing.conf: No such file or directory"},

    {{.concurrency = "many"},
     "WEB_CONCURRENCY: must be 1 to 256, or auto, not 'many'"},
    {{.port = "80,"}, "PORT: must not be empty, nor any part of it"},
    {{.args = "--workers x"},
     "PRONG_CMD_ARGS: --workers: must be 1 to 256, or auto, not 'x'"},
    {{.args = "--wokers 2"},
     "PRONG_CMD_ARGS: --wokers: unknown flag; did you "
     "mean --workers?"},
    {{.args = "-n 'blue"}, "PRONG_CMD_ARGS: a ' is not closed"},
    {{.args = "-n ' blue'"},
     "PRONG_CMD_ARGS: -n: must not begin or end with a blank"},

    {{.file = "# a\n\nworkers = x\n"},
     "prong.conf:3: workers: must be 1 to 256, or auto, not 'x'"},
    {{.file = "timeout = 1\nworkrs = 4\n"},
     "prong.conf:2: workrs: unknown setting; did you mean workers?"},
    {{.file = "quux = 4\n"}, "prong.conf:1: quux: unknown setting"},
    {{.file = "config = x\n"}, "prong.conf:1: config: unknown setting"},
    {{.file = "print_config = true\n"},
     "prong.conf:1: print_config: unknown setting"},
    {{.file = "[server]\nworkers = 4\n"},
     "prong.conf:2: [server]: settings have no sections"},
    {{.file = "workers\n"},
     "prong.conf:1: neither \"key = value\" nor \"[section]\""},
    {{.file = "workers =\n"},
     "prong.conf:1: workers: must be 1 to 256, or auto, not ''"},
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(faults); i++) {
        struct settings *s = NULL;
        struct fault fault;
        assert_int_equal(load_from(&faults[i].from, &s, &fault), SETTINGS_BAD);
        assert_null(s);
        assert_string_equal(fault.text, faults[i].says);
    }
}

/* ---- acts --------------------------------------------------------------- */

static const struct {
    const char *line;
    const char *args;
    const char *prints; /* how the output begins */
} acts[] = {
    {.line = "--version", .prints = "prong (version " PRONG_VERSION ")\n"},
    {.line = "-v", .prints = "prong (version " PRONG_VERSION ")\n"},
    {.line = "-Dh", .prints = "usage: prong "},
    {.line = "--help --what", .prints = "usage: prong "},
    {.line = "--help", .args = "'", .prints = "usage: prong "},
    {.line = "app", .args = "--help", .prints = "usage: prong "},
    {.line = "--man", .prints = ".TH PRONG 8 "},
    {.line = "--example-config", .prints = "# prong.conf: "},
};

/* Runs settings_load with standard output in a file; returns its text. */
static char *output_of(const struct sources *from)
{
    char *text = calloc(1, 65536);
    FILE *file = tmpfile();
    int saved = dup(STDOUT_FILENO);
    struct settings *s;
    struct fault fault;

    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    enum settings_outcome outcome = load_from(from, &s, &fault);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    assert_int_equal(outcome, SETTINGS_DONE);
    assert_null(s);
    rewind(file);
    assert_true(fread(text, 1, 65535, file) > 0);
    fclose(file);
    return text;
}

static void test_acts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(acts); i++) {
        struct sources from = {.line = acts[i].line, .args = acts[i].args};
        char *text = output_of(&from);
        assert_memory_equal(text, acts[i].prints, strlen(acts[i].prints));
        free(text);
    }
}

static int enter_folder(void **state)
{
    (void)state;
    project = open(".", O_RDONLY | O_DIRECTORY);
    return project < 0 || !mkdtemp(folder) || chdir(folder) != 0;
}

static int leave_folder(void **state)
{
    (void)state;
    unlink("prong.conf");
    if (fchdir(project) != 0)
        return -1;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_workers_auto),
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_the_file_may_name_the_app),
        cmocka_unit_test(test_empty_unsets),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_acts),
    };

    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
