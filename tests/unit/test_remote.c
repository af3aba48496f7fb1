#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/remote.h"

static void words(void **state)
{
    static const struct {
        const char *text;
        const char *host;
        enum remote_way way;
        uint16_t port;
    } cases[] = {
        {"unix:///dev/log", "/dev/log", REMOTE_UNIX, 0},
        {"unix:///dev/log#dgram", "/dev/log", REMOTE_UNIX_DGRAM, 0},
        {"unix:///dev/log#stream", "/dev/log", REMOTE_UNIX_STREAM, 0},
        {"unix://log", "log", REMOTE_UNIX, 0},
        {"udp://localhost:514", "localhost", REMOTE_UDP, 514},
        {"udp://logs", "logs", REMOTE_UDP, 0},
        {"udp://", "localhost", REMOTE_UDP, 0},
        {"udp://:99", "localhost", REMOTE_UDP, 99},
        {"tcp://10.0.0.1:65535", "10.0.0.1", REMOTE_TCP, 65535},
        {"tcp://[::1]:6514", "::1", REMOTE_TCP, 6514},
        {"tcp://[::1]", "::1", REMOTE_TCP, 0},
        {"statsd:8125", "statsd", REMOTE_UDP, 8125},
        {"statsd", "statsd", REMOTE_UDP, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct remote_words got;
        struct fault fault = {""};
        if (!remote_parse(slice_of(cases[i].text), &got, &fault))
            fail_msg("%s: %s", cases[i].text, fault.text);
        assert_int_equal(got.way, cases[i].way);
        assert_true(slice_is(got.host, cases[i].host));
        assert_int_equal(got.port, cases[i].port);
    }
}

static void no_words(void **state)
{
    static const char *const cases[] = {
        "unix://",     "unix:///dev/log#", "unix:///dev/log#tcp",
        "/dev/log",    "udp://h:0",        "udp://h:65536",
        "udp://h:",    "udp://h:x",        "udp://h:1:2",
        "udp://[::1",  "udp://[::1]x",     "udp://[::1]:",
        "http://h:80", "tcp://h/path:514",
    };
    char path[200] = "unix://";
    struct remote_words got;
    struct fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (remote_parse(slice_of(cases[i]), &got, &fault))
            fail_msg("%s was taken", cases[i]);
    memset(path + 7, 'x', 107);
    assert_true(remote_parse(slice_of(path), &got, &fault));
    path[7 + 107] = 'x'; /* no room for the NUL */
    assert_false(remote_parse(slice_of(path), &got, &fault));
}

static void numbers_are_found(void **state)
{
    struct remote r;
    struct fault fault;

    (void)state;
    assert_true(remote_find("udp://127.0.0.1:99", 514, &r, &fault));
    const struct sockaddr_in *in = (const struct sockaddr_in *)&r.sa;
    assert_int_equal(in->sin_family, AF_INET);
    assert_int_equal(ntohs(in->sin_port), 99);
    assert_int_equal(ntohl(in->sin_addr.s_addr), INADDR_LOOPBACK);
    assert_int_equal(r.len, sizeof *in);

    assert_true(remote_find("127.0.0.1", 514, &r, &fault));
    assert_int_equal(ntohs(in->sin_port), 514);
    assert_true(remote_find("127.0.0.1", 8125, &r, &fault));
    assert_int_equal(ntohs(in->sin_port), 8125);

    assert_true(remote_find("tcp://[::1]:7", 1, &r, &fault));
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&r.sa;
    assert_int_equal(in6->sin6_family, AF_INET6);
    assert_int_equal(ntohs(in6->sin6_port), 7);
    assert_true(remote_is_stream(&r));

    assert_true(remote_find("unix:///run/log", 1, &r, &fault));
    const struct sockaddr_un *un = (const struct sockaddr_un *)&r.sa;
    assert_int_equal(un->sun_family, AF_UNIX);
    assert_string_equal(un->sun_path, "/run/log");
    assert_false(remote_is_stream(&r));
}

static void what_is_not_found(void **state)
{
    char text[600];
    struct remote r;
    struct fault fault = {""};

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(remote_find(text, 1, &r, &fault));
    assert_non_null(strstr(fault.text, "512"));
    /* No name at all: no name server is asked. */
    assert_false(remote_find("nobody..invalid", 1, &r, &fault));
    assert_non_null(strstr(fault.text, "invalid"));
    assert_false(remote_find("udp://h:0", 1, &r, &fault));
}

/* A child takes what its parent knows: here what it could never find out,
 * because it holds no descriptor and may open none. */
static void children_know(void **state)
{
    struct remote r;
    struct fault fault = {""};
    int status;

    (void)state;
    assert_true(remote_find("udp://localhost:44", 1, &r, &fault));
    assert_false(remote_find("udp://nobody..invalid:44", 1, &r, &fault));
    pid_t pid = fork();
    if (pid == 0) {
        char said[512];
        snprintf(said, sizeof said, "%s", fault.text);
        bool ok = chroot("/proc/self/fdinfo") != 0 ||
                  (remote_find("udp://localhost:44", 1, &r, &fault) &&
                   !remote_find("udp://nobody..invalid:44", 1, &r, &fault) &&
                   strcmp(said, fault.text) == 0);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Each of them drives out the oldest; what is asked again is right again. */
static void many_places(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 1; i < 10; i++) {
            char text[32];
            struct remote r;
            struct fault fault;
            snprintf(text, sizeof text, "127.0.0.%u:%u", i, i);
            assert_true(remote_find(text, 1, &r, &fault));
            const struct sockaddr_in *in = (const struct sockaddr_in *)&r.sa;
            assert_int_equal(ntohs(in->sin_port), i);
            assert_int_equal(ntohl(in->sin_addr.s_addr), 0x7f000000 + i);
        }
}

static void sockets(void **state)
{
    struct remote r;
    struct fault fault;
    struct sockaddr_in peer = {.sin_port = 0};
    socklen_t len = sizeof peer;

    (void)state;
    assert_true(remote_find("127.0.0.1:9", 1, &r, &fault));
    int fd = remote_open(&r);
    assert_true(fd >= 0);
    assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &len), 0);
    assert_int_equal(ntohs(peer.sin_port), 9);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);

    /* Nobody needs to be there. */
    assert_true(remote_find("unix:///nowhere/log", 1, &r, &fault));
    fd = remote_open(&r);
    assert_true(fd >= 0);
    close(fd);
    assert_true(remote_find("unix:///nowhere/log#stream", 1, &r, &fault));
    assert_int_equal(remote_open(&r), -1);
    assert_int_equal(errno, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(no_words),
        cmocka_unit_test(numbers_are_found),
        cmocka_unit_test(what_is_not_found),
        cmocka_unit_test(children_know),
        cmocka_unit_test(many_places),
        cmocka_unit_test(sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
