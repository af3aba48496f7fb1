#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/syslogger.h"

/* One syslog, and the log of this process. */
static struct {
    char dir[64];
    char log[80];
    char path[80];  /* of a unix socket */
    char place[96]; /* for the setting */
    int fd;         /* where messages come, or connections; -1: nobody there */
    struct settings settings;
} world;

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    snprintf(world.dir, sizeof world.dir, "/tmp/prong-syslog-XXXXXX");
    assert_non_null(mkdtemp(world.dir));
    snprintf(world.log, sizeof world.log, "%s/log", world.dir);
    snprintf(world.path, sizeof world.path, "%s/dev", world.dir);
    world.fd = -1;
    world.settings = (struct settings){
        .syslog = true, .syslog_addr = world.place, .syslog_facility = "user"};
    assert_true(log_open(world.log, LOG_INFO, false));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    syslogger_close();
    log_open("-", LOG_INFO, false);
    if (world.fd >= 0)
        close(world.fd);
    unlink(world.path);
    unlink(world.log);
    return rmdir(world.dir);
}

static void listen_at_path(int type)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    snprintf(un.sun_path, sizeof un.sun_path, "%s", world.path);
    unlink(world.path);
    world.fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(world.fd, (struct sockaddr *)&un, sizeof un), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(world.fd, 8), 0);
}

/* At a port of this machine; 0 chooses one, which is returned. */
static uint16_t listen_at_port(int type, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof in;
    int on = 1;

    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    world.fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    setsockopt(world.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(world.fd, (struct sockaddr *)&in, len), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(world.fd, 8), 0);
    assert_int_equal(getsockname(world.fd, (struct sockaddr *)&in, &len), 0);
    return ntohs(in.sin_port);
}

static void nobody_listens(void)
{
    close(world.fd);
    world.fd = -1;
}

static void place_is_path(const char *behind)
{
    int len = snprintf(world.place, sizeof world.place, "unix://%s%s",
                       world.path, behind);

    assert_true(len < (int)sizeof world.place);
}

static void place_is_port(const char *scheme, unsigned port)
{
    snprintf(world.place, sizeof world.place, "%s://127.0.0.1:%u", scheme,
             port);
}

static bool open_it(void)
{
    struct fault fault;

    return syslogger_open(&world.settings, &fault);
}

/* What came, terminated; "" when nothing did. */
static const char *received(int fd)
{
    static char text[32 * 1024];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n = 0;

    if (poll(&p, 1, 0) == 1)
        n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void expect_message(unsigned priority, const char *tag, const char *line)
{
    char wanted[512];

    snprintf(wanted, sizeof wanted, "<%u>%s[%d]: %s", priority, tag,
             (int)getpid(), line);
    assert_string_equal(received(world.fd), wanted);
}

static const char *logged(void)
{
    static char text[256 * 1024];
    FILE *f = fopen(world.log, "r");

    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static unsigned times_logged(const char *what)
{
    unsigned n = 0;

    for (const char *at = logged(); (at = strstr(at, what)); at++)
        n++;
    return n;
}

/* ---- messages ------------------------------------------------------------*/

static void every_level(void **state)
{
    (void)state;
    listen_at_path(SOCK_DGRAM);
    place_is_path("#dgram");
    assert_true(open_it());
    log_debug("not wanted");
    log_info("one %d", 1);
    expect_message(14, "prong.error", "one 1");
    log_warning("two");
    expect_message(12, "prong.error", "two");
    log_error("three\nfour");
    expect_message(11, "prong.error", "three four");
    log_critical("five");
    expect_message(10, "prong.error", "five");
    syslogger_line(SYSLOGGER_ACCESS, LOG_INFO, SLICE("GET /"));
    expect_message(14, "prong.access", "GET /");
    assert_string_equal(received(world.fd), "");
    assert_int_equal(times_logged("\n"), 4);
}

static void facility_and_prefix(void **state)
{
    (void)state;
    listen_at_path(SOCK_DGRAM);
    place_is_path("");
    world.settings.syslog_facility = "local7";
    world.settings.syslog_prefix = "shop";
    assert_true(open_it());
    log_info("x");
    expect_message(23 * 8 + 6, "prong.shop.error", "x");
    world.settings.syslog_facility = "daemon";
    assert_true(open_it()); /* a reload */
    log_info("y");
    expect_message(3 * 8 + 6, "prong.shop.error", "y");
}

static void who_wants_it(void **state)
{
    (void)state;
    listen_at_path(SOCK_DGRAM);
    place_is_path("");
    assert_false(syslogger_wants_access());
    assert_true(open_it());
    assert_true(syslogger_wants_access());
    world.settings.disable_redirect_access_to_syslog = true;
    assert_true(open_it());
    assert_false(syslogger_wants_access());
    assert_true(syslogger_descriptor() >= 0);
    world.settings.syslog = false;
    assert_true(open_it());
    assert_int_equal(syslogger_descriptor(), -1);
    log_info("x");
    assert_string_equal(received(world.fd), "");
    assert_int_equal(times_logged("x\n"), 1);
}

static void long_lines_are_cut(void **state)
{
    static char line[20000];

    (void)state;
    memset(line, 'x', sizeof line);
    listen_at_path(SOCK_DGRAM);
    place_is_path("");
    assert_true(open_it());
    errno = ENOTTY;
    syslogger_line(SYSLOGGER_ACCESS, LOG_INFO,
                   (struct slice){line, sizeof line});
    assert_int_equal(errno, ENOTTY);
    const char *got = received(world.fd);
    assert_int_equal(strlen(strchr(got, 'x')), 8192);
}

static void by_udp(void **state)
{
    (void)state;
    place_is_port("udp", listen_at_port(SOCK_DGRAM, 0));
    assert_true(open_it());
    log_info("x");
    expect_message(14, "prong.error", "x");
}

static int accepted(void)
{
    struct pollfd p = {.fd = world.fd, .events = POLLIN};

    assert_int_equal(poll(&p, 1, 10000), 1);
    int fd = accept4(world.fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* In a stream each message ends as its readers expect. */
static void by_tcp(void **state)
{
    char wanted[128];

    (void)state;
    place_is_port("tcp", listen_at_port(SOCK_STREAM, 0));
    assert_true(open_it());
    int fd = accepted();
    log_info("x");
    log_info("y");
    snprintf(wanted, sizeof wanted,
             "<14>prong.error[%d]: x\n<14>prong.error[%d]: y\n", (int)getpid(),
             (int)getpid());
    assert_string_equal(received(fd), wanted);
    close(fd);
}

/* Nobody said that it is a stream: that is found out, and no line is lost. */
static void stream_found_out(void **state)
{
    char wanted[64];

    (void)state;
    listen_at_path(SOCK_STREAM);
    place_is_path("");
    assert_true(open_it());
    log_info("x");
    int fd = accepted();
    snprintf(wanted, sizeof wanted, "<14>prong.error[%d]: x", (int)getpid());
    assert_string_equal(received(fd), wanted);
    log_info("y");
    wanted[strlen(wanted) - 1] = 'y';
    assert_string_equal(received(fd), wanted);
    close(fd);
    assert_int_equal(times_logged("lost"), 0);
}

/* ---- trouble -------------------------------------------------------------*/

/* Whatever comes: told once, and the count when it is back. */
static void dead_and_back(void **state)
{
    (void)state;
    place_is_path("");
    assert_true(open_it());
    for (int i = 0; i < 5; i++)
        log_info("x");
    assert_int_equal(times_logged("No such file"), 1);
    assert_int_equal(times_logged("x\n"), 5);
    listen_at_path(SOCK_DGRAM);
    log_info("y");
    expect_message(14, "prong.error", "y");
    /* Five lines, and what was said about them. */
    const char *said = received(world.fd);
    assert_non_null(strstr(said, "6 lines were lost"));
    assert_int_equal(times_logged("6 lines were lost"), 1);

    /* A syslog that starts anew has another socket there. */
    nobody_listens();
    listen_at_path(SOCK_DGRAM);
    log_info("z");
    expect_message(14, "prong.error", "z");
    assert_int_equal(times_logged("syslog: "), 2);
}

static void full_queue(void **state)
{
    unsigned taken = 0;

    (void)state;
    listen_at_path(SOCK_DGRAM);
    place_is_path("");
    assert_true(open_it());
    for (int i = 0; i < 2000; i++)
        log_info("x");
    while (received(world.fd)[0])
        taken++;
    assert_true(taken > 0 && taken < 2000);
    assert_int_equal(times_logged("x\n"), 2000);
    assert_int_equal(times_logged("syslog: "), 1);
}

static void udp_without_ears(void **state)
{
    uint16_t port = listen_at_port(SOCK_DGRAM, 0);

    (void)state;
    place_is_port("udp", port);
    assert_true(open_it());
    nobody_listens();
    for (int i = 0; i < 5; i++)
        log_info("x");
    assert_int_equal(times_logged("refused"), 1);
    listen_at_port(SOCK_DGRAM, port);
    log_info("y"); /* it still hears of the last one, and goes all the same */
    expect_message(14, "prong.error", "y");
    log_info("z");
    expect_message(14, "prong.error", "z");
    assert_int_equal(times_logged("lines were lost"), 1);
}

/* It is taken up again, and not at each line. */
static void stream_breaks(void **state)
{
    uint16_t port = listen_at_port(SOCK_STREAM, 0);

    (void)state;
    place_is_port("tcp", port);
    assert_true(open_it());
    int fd = accepted();
    log_info("x");
    assert_true(strlen(received(fd)) > 0);
    close(fd);
    log_info("y"); /* at once by another connection */
    fd = accepted();
    assert_non_null(strstr(received(fd), "y\n"));
    close(fd);
    nobody_listens();
    for (int i = 0; i < 100; i++)
        log_info("z");
    assert_int_equal(times_logged("lines are lost"), 1);
    assert_int_equal(syslogger_descriptor(), -1);
    errno = ENOTTY;
    syslogger_line(SYSLOGGER_ACCESS, LOG_INFO, SLICE("z"));
    assert_int_equal(errno, ENOTTY);
    listen_at_port(SOCK_STREAM, port);
    for (int i = 0; i < 200 && syslogger_descriptor() < 0; i++) {
        struct pollfd wait = {.fd = -1};
        poll(&wait, 1, 20);
        log_info("z");
    }
    fd = accepted();
    log_info("w");
    assert_non_null(strstr(received(fd), "w\n"));
    assert_int_equal(times_logged("lines were lost"), 1);
    close(fd);
}

/* Only so much is kept for it, and what it gets are whole lines. */
static void stream_is_slow(void **state)
{
    static char line[8000];
    static char text[8 * 1024 * 1024];
    size_t len = 0;

    (void)state;
    memset(line, 'x', sizeof line);
    place_is_port("tcp", listen_at_port(SOCK_STREAM, 0));
    assert_true(open_it());
    int fd = accepted();
    for (int i = 0; i < 2000; i++)
        syslogger_line(SYSLOGGER_ACCESS, LOG_INFO,
                       (struct slice){line, sizeof line});
    assert_int_equal(times_logged("lines are lost"), 1);
    for (ssize_t n = 1; n > 0; len += n > 0 ? (size_t)n : 0)
        n = recv(fd, text + len, sizeof text - len, MSG_DONTWAIT);
    syslogger_line(SYSLOGGER_ACCESS, LOG_INFO, SLICE("last"));
    for (ssize_t n = 1; n > 0; len += n > 0 ? (size_t)n : 0)
        n = recv(fd, text + len, sizeof text - len, MSG_DONTWAIT);
    assert_true(len > (size_t)64 * 1024 && len < sizeof text);
    assert_int_equal(text[len - 1], '\n');
    for (char *at = text; at < text + len;) {
        char *end = memchr(at, '\n', (size_t)(text + len - at));
        assert_non_null(end);
        assert_memory_equal(at, "<1", 2);
        assert_memory_equal(at + 3, ">prong.", 7);
        assert_null(memchr(at + 1, '<', (size_t)(end - at - 1)));
        at = end + 1;
    }
    close(fd);
}

enum { SPEAKERS = 4, LINES_EACH = 300, LINES_ALL = SPEAKERS * LINES_EACH };

static void *speak(void *number)
{
    char line[200];

    memset(line, 'a' + *(const char *)number, sizeof line);
    for (int i = 0; i < LINES_EACH; i++)
        syslogger_line(SYSLOGGER_ACCESS, LOG_INFO,
                       (struct slice){line, sizeof line});
    return NULL;
}

/* As many bytes as are to come, or those that came before the end. */
static size_t received_all(int fd, char *text, size_t wanted)
{
    size_t len = 0;
    ssize_t n = 1;

    for (; n > 0 && len<wanted; len += n> 0 ? (size_t)n : 0) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 10000), 1);
        n = recv(fd, text + len, wanted - len, 0);
    }
    return len;
}

/* Lines of several threads do not mix. */
static void threads_take_turns(void **state)
{
    static char text[1024 * 1024];
    char numbers[SPEAKERS] = {0, 1, 2, 3};
    unsigned counts[SPEAKERS] = {0};
    pthread_t threads[SPEAKERS];

    (void)state;
    place_is_port("tcp", listen_at_port(SOCK_STREAM, 0));
    assert_true(open_it());
    int fd = accepted();
    for (int i = 0; i < SPEAKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, speak, &numbers[i]),
                         0);
    size_t line =
        200 + (size_t)snprintf(text, 64, "<14>prong.access[%d]: \n", getpid());
    assert_int_equal(received_all(fd, text, LINES_ALL * line),
                     LINES_ALL * line);
    for (int i = 0; i < SPEAKERS; i++)
        pthread_join(threads[i], NULL);
    for (char *at = text; at < text + LINES_ALL * line; at += line) {
        char *said = strchr(at, ' ') + 1;
        assert_int_equal(strspn(said, (char[]){*said, '\0'}), 200);
        assert_int_equal(said[200], '\n');
        counts[*said - 'a']++;
    }
    for (int i = 0; i < SPEAKERS; i++)
        assert_int_equal(counts[i], LINES_EACH);
    close(fd);
}

static void unknown_name(void **state)
{
    struct fault fault = {""};

    (void)state;
    snprintf(world.place, sizeof world.place, "udp://nobody..invalid");
    assert_false(syslogger_open(&world.settings, &fault));
    assert_non_null(strstr(fault.text, "nobody..invalid"));
    assert_false(syslogger_wants_access());
    log_info("x");
    assert_int_equal(times_logged("x\n"), 1);
}

/* A child's lines carry its own number, also when it did not open anew. */
static void a_child_speaks(void **state)
{
    char wanted[64];

    (void)state;
    listen_at_path(SOCK_DGRAM);
    place_is_path("");
    assert_true(open_it());
    pid_t pid = fork();
    if (pid == 0) {
        log_info("child");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    snprintf(wanted, sizeof wanted, "<14>prong.error[%d]: child", (int)pid);
    assert_string_equal(received(world.fd), wanted);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_level),
        TEST(facility_and_prefix),
        TEST(who_wants_it),
        TEST(long_lines_are_cut),
        TEST(by_udp),
        TEST(by_tcp),
        TEST(stream_found_out),
        TEST(dead_and_back),
        TEST(full_queue),
        TEST(udp_without_ears),
        TEST(stream_breaks),
        TEST(stream_is_slow),
        TEST(unknown_name),
        TEST(a_child_speaks),
        TEST(threads_take_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
