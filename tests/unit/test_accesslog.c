#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/syslogger.h"
#include "worker/http/accessline.h"
#include "worker/http/accesslog.h"

struct world {
    char dir[64];
    char path[80];
    struct request *req;
    struct response res;
    struct buf in;
    struct buf out;
    struct access access;
};

static const char asked[] = "GET /api/ch%C3%A9fs?x=1&y=%22 HTTP/1.1\r\n"
                            "Host: example.org\r\n"
                            "User-Agent: say \"hi\" \\ \t\xc3\xa9\r\n"
                            "Referer: http://r/\r\n"
                            "X-One: 1\r\n"
                            "Authorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n";

static void ask(struct world *w, const char *bytes)
{
    request_reset(w->req);
    buf_clear(&w->in);
    buf_string(&w->in, bytes);
    (void)request_feed(w->req, &w->in);
}

static int set_up(void **state)
{
    static const struct request_limits limits = {4096, 50, 4096, 1024};
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->dir, sizeof w->dir, "/tmp/prong-access-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof w->path, "%s/log", w->dir);
    w->req = request_new(&limits);
    response_init(&w->res);
    w->res.status = 201;
    w->res.type = "application/json";
    w->res.route = "GET /api/{x}";
    w->res.sql_us = 77;
    w->res.id_len = (size_t)snprintf(w->res.id, RESPONSE_ID, "abc123");
    response_header(&w->res, "X-Two", SLICE("2"));
    response_header(&w->res, "Cache-Status", SLICE("prong; hit"));
    w->access = (struct access){.req = w->req,
                                .res = &w->res,
                                .peer = SLICE("127.0.0.1"),
                                .duration_us = 2345678,
                                .sent = 512,
                                .worker = 3};
    *state = w;
    ask(w, asked);
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char command[80];
    snprintf(command, sizeof command, "rm -rf '%s'", w->dir);
    request_free(w->req);
    response_free(&w->res);
    buf_free(&w->in);
    buf_free(&w->out);
    int failed = system(command);
    free(w);
    return failed;
}

static const char *line(struct world *w, const char *format, bool json)
{
    struct accessline *l = accessline_new(format, json);
    buf_clear(&w->out);
    accessline_add(l, &w->access, &w->out);
    accessline_free(l);
    return buf_text(&w->out);
}

static void test_atoms(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *format;
        const char *line;
    } cases[] = {
        {"%(h)s %(l)s %(u)s", "127.0.0.1 - alice\n"},
        {"\"%(r)s\"", "\"GET /api/ch%C3%A9fs?x=1&y=%22 HTTP/1.1\"\n"},
        {"%(m)s %(q)s %(H)s", "GET x=1&y=%22 HTTP/1.1\n"},
        {"%(U)s", "/api/ch\\xc3\\xa9fs\n"},
        {"%(s)s %(B)s %(b)s", "201 512 512\n"},
        {"%(f)s", "http://r/\n"},
        {"%(a)s", "say \\\"hi\\\" \\\\ \\x09\\xc3\\xa9\n"},
        {"%(T)s %(M)s %(D)s %(L)s", "2 2345 2345678 2.345678\n"},
        {"%({x-one}i)s %({X-ONE}i)s %({no}i)s", "1 1 -\n"},
        {"%({x-two}o)s %({Content-Type}o)s", "2 application/json\n"},
        {"%({x-request-id}o)s %({no}o)s", "abc123 -\n"},
        {"%({HTTP_X_ONE}e)s %({REQUEST_METHOD}e)s", "1 GET\n"},
        {"%({ACCESS_TEST}e)s %({ACCESS_NONE}e)s", "set -\n"},
        {"%(R)s %(C)s %(S)s", "GET /api/{x} prong; hit 77\n"},
        {"%(w)s %(i)s", "3 abc123\n"},
        {"%(Z)s %(nonsense)s %({x}z)s %()s", "- - - -\n"},
        {"100%% %d %( %(h", "100% %d %( %(h\n"},
        {"%", "%\n"},
        {"", "\n"},
    };
    setenv("ACCESS_TEST", "set", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(line(w, cases[i].format, false), cases[i].line);
}

static void test_nothing_is_a_dash(void **state)
{
    struct world *w = *state;
    ask(w, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    w->access.peer = SLICE("");
    w->access.sent = 0;
    w->res.route = NULL;
    assert_string_equal(
        line(w, "%(h)s %(u)s %(b)s %(B)s %(f)s %(a)s %(R)s", false),
        "- - - 0 - - -\n");
    ask(w, "\x01");
    assert_string_equal(line(w, "%(m)s %(U)s", false), "\\x01 -\n");
}

/* A refused request's bytes cannot break out of the line. */
static void test_forged_lines(void **state)
{
    struct world *w = *state;
    ask(w, "GET /a\nb HTTP/1.1\r\nUser-Agent: \" 200\r\n\r\n");
    const char *text = line(w, "\"%(r)s\" \"%(a)s\"", false);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void test_time_and_pid(void **state)
{
    struct world *w = *state;
    char expected[64], after[96];
    setenv("TZ", "XXX-05:30", 1);
    tzset();
    for (int tries = 0; tries < 3; tries++) {
        time_t now = time(NULL);
        strftime(expected, sizeof expected, "[%d/%b/%Y:%H:%M:%S +0530]",
                 localtime(&now));
        snprintf(after, sizeof after, "%s <%d>\n", expected, (int)getpid());
        if (strcmp(line(w, "%(t)s %(p)s", false), after) == 0)
            break; /* else a second ended in between */
    }
    assert_string_equal(buf_text(&w->out), after);
    unsetenv("TZ");
    tzset();
}

static void test_json(void **state)
{
    struct world *w = *state;
    const char *text = line(w, NULL, true);
    /* {"time":"2026-01-31T12:00:00.123Z", */
    assert_memory_equal(text, "{\"time\":\"20", 11);
    assert_memory_equal(text + 28, ".", 1);
    assert_memory_equal(text + 32, "Z\"", 2);
    assert_string_equal(
        text + 34,
        ",\"remote\":\"127.0.0.1\",\"method\":\"GET\","
        "\"path\":\"/api/chéfs\",\"query\":\"x=1&y=%22\",\"status\":201,"
        "\"bytes\":512,\"duration_us\":2345678,\"sql_us\":77,"
        "\"route\":\"GET /api/{x}\",\"cache\":\"prong; hit\",\"worker\":3,"
        "\"request_id\":\"abc123\","
        "\"referer\":\"http://r/\","
        "\"user_agent\":\"say \\\"hi\\\" \\\\ \\té\"}\n");
}

/* The whole file, in a static buffer. */
static const char *content(const char *path)
{
    static char text[256 * 1024];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void test_lines_are_collected(void **state)
{
    struct world *w = *state;
    bool ok;
    struct accesslog *log = accesslog_open(w->path, "%(w)s", false, &ok);
    assert_true(ok);
    accesslog_write(log, &w->access);
    assert_string_equal(content(w->path), "");
    accesslog_flush(log);
    assert_string_equal(content(w->path), "3\n");
    for (int i = 0; i < 16 * 1024; i++)
        accesslog_write(log, &w->access);
    assert_int_equal(strlen(content(w->path)), 2 + 32 * 1024);
    accesslog_write(log, &w->access);
    accesslog_close(log);
    assert_int_equal(strlen(content(w->path)), 2 + 32 * 1024 + 2);
}

static void test_reopen(void **state)
{
    struct world *w = *state;
    bool ok;
    char old[96];
    snprintf(old, sizeof old, "%s.1", w->path);
    struct accesslog *log = accesslog_open(w->path, "%(s)s", false, &ok);
    accesslog_write(log, &w->access);
    assert_int_equal(rename(w->path, old), 0);
    accesslog_reopen(log);
    w->res.status = 404;
    accesslog_write(log, &w->access);
    accesslog_close(log);
    assert_string_equal(content(old), "201\n");
    assert_string_equal(content(w->path), "404\n");
}

static void test_off_and_unopenable(void **state)
{
    struct world *w = *state;
    bool ok = false;
    assert_null(accesslog_open(NULL, "%(s)s", false, &ok));
    assert_true(ok);
    accesslog_write(NULL, &w->access);
    accesslog_flush(NULL);
    accesslog_reopen(NULL);
    accesslog_close(NULL);
    assert_null(accesslog_open("/nonexistent/log", "%(s)s", false, &ok));
    assert_false(ok);
}

/* A full disk, played by a limit on the file's size: what does not fit is
 * counted, the line that was cut is ended, and later lines stand alone. */
static void test_full_disk(void **state)
{
    struct world *w = *state;
    char errors[40], said[1024] = "";
    int ends[2];
    bool ok;
    struct rlimit before, small;
    assert_int_equal(pipe(ends), 0); /* a pipe knows no such limit */
    snprintf(errors, sizeof errors, "/proc/self/fd/%d", ends[1]);
    assert_true(log_open(errors, LOG_INFO, false));
    struct accesslog *log = accesslog_open(w->path, "%(R)s", false, &ok);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){20, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    for (int i = 0; i < 3; i++) /* 13 bytes each: the second is cut */
        accesslog_write(log, &w->access);
    accesslog_flush(log);
    accesslog_write(log, &w->access);
    accesslog_flush(log);
    setrlimit(RLIMIT_FSIZE, &before);
    accesslog_write(log, &w->access);
    accesslog_close(log);
    assert_true(log_open("-", LOG_INFO, false));
    assert_string_equal(content(w->path),
                        "GET /api/{x}\nGET /ap\nGET /api/{x}\n");
    /* The first report comes at once, the second at the close. */
    assert_true(read(ends[0], said, sizeof said - 1) > 0);
    assert_non_null(strstr(said, "access log: 2 lines lost"));
    assert_non_null(strstr(said, "access log: 1 lines lost"));
    close(ends[0]);
    close(ends[1]);
}

/* A reader of standard output that stands still must not hold us up. */
static void test_stalled_pipe(void **state)
{
    struct world *w = *state;
    int ends[2];
    bool ok;
    size_t got = 0;
    char text[4096];
    int standard = dup(STDOUT_FILENO);
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    struct accesslog *log = accesslog_open("-", "%(R)s", false, &ok);
    assert_true(log_open("/dev/null", LOG_INFO, false));
    for (int i = 0; i < 60000; i++) /* 780 kB into 64 KiB */
        accesslog_write(log, &w->access);
    accesslog_close(log);
    dup2(standard, STDOUT_FILENO);
    close(standard);
    close(ends[1]);
    assert_true(log_open("-", LOG_INFO, false));
    for (ssize_t n; (n = read(ends[0], text, sizeof text)) > 0;) {
        got += (size_t)n;
        assert_int_equal(text[n - 1] == '\n' || n == sizeof text, 1);
    }
    close(ends[0]);
    assert_true(got > 32768 && got % 13 == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* With or without a file; without one, nothing else is made of it. */
static void test_syslog(void **state)
{
    struct world *w = *state;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char place[sizeof un.sun_path + 8];
    struct settings s = {
        .syslog = true, .syslog_addr = place, .syslog_facility = "local0"};
    struct fault fault;
    char got[512];
    bool ok;

    snprintf(un.sun_path, sizeof un.sun_path, "%s/syslog", w->dir);
    snprintf(place, sizeof place, "unix://%s", un.sun_path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    assert_true(syslogger_open(&s, &fault));
    for (int file = 0; file < 2; file++) {
        struct accesslog *log =
            accesslog_open(file ? w->path : NULL, "%(m)s %(s)s", false, &ok);
        assert_true(ok && log);
        for (int i = 0; i < 2; i++) {
            accesslog_write(log, &w->access);
            ssize_t n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
            got[n > 0 ? n : 0] = '\0';
            assert_memory_equal(got, "<134>prong.access[", 18);
            assert_string_equal(strchr(got, ']'), "]: GET 201");
        }
        accesslog_flush(log);
        accesslog_reopen(log);
        accesslog_close(log);
        assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), -1);
    }
    assert_string_equal(content(w->path), "GET 201\nGET 201\n");
    s.disable_redirect_access_to_syslog = true;
    assert_true(syslogger_open(&s, &fault));
    assert_null(accesslog_open(NULL, "%(m)s", false, &ok));
    syslogger_close();
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_atoms),        TEST(test_nothing_is_a_dash),
        TEST(test_forged_lines), TEST(test_time_and_pid),
        TEST(test_json),         TEST(test_lines_are_collected),
        TEST(test_reopen),       TEST(test_off_and_unopenable),
        TEST(test_full_disk),    TEST(test_stalled_pipe),
        TEST(test_syslog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
