#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/loop.h"
#include "master/address.h"
#include "master/listener.h"

static char folder[64];
static char path[80];      /* folder/a */
static char unix_bind[96]; /* unix:folder/a */

/* Settings with up to three addresses, and one for operators. */
struct wish {
    struct settings settings;
    const char *at[3];
    const char *admin;
};

static const struct settings *wish(struct wish *w, const char *a, const char *b)
{
    *w = (struct wish){.at = {a, b}, .settings.backlog = 16};
    w->settings.bind = (struct texts){w->at, b ? 2 : 1};
    return &w->settings;
}

static struct listeners *must_open(const char *a, const char *b)
{
    struct wish w;
    struct fault fault = {""};
    struct listeners *l = listeners_open(wish(&w, a, b), &fault);

    assert_string_equal(fault.text, "");
    assert_non_null(l);
    return l;
}

static int fd_of(const struct listeners *l, size_t i)
{
    size_t count;
    size_t admin_count;
    const int *fds = listeners_fds(l, &count, &admin_count);

    assert_true(i < count);
    return fds ? fds[i] : -1;
}

static int option(int fd, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;

    assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

static bool can_connect_unix(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    int failed = connect(fd, (struct sockaddr *)&un, sizeof un);
    close(fd);
    return failed == 0;
}

static unsigned port_of(int fd)
{
    struct sockaddr_in in = {0};
    socklen_t size = sizeof in;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    return ntohs(in.sin_port);
}

/* ---- addresses ------------------------------------------------------------
 */

static void addresses_are_read(void **state)
{
    static const struct {
        const char *text;
        int family;
        unsigned port;
    } cases[] = {
        {"127.0.0.1", AF_INET, 8000}, {"127.0.0.1:80", AF_INET, 80},
        {":9000", AF_INET, 9000},     {"", AF_INET, 8000},
        {"localhost:1", AF_INET, 1},  {"[::1]:81", AF_INET6, 81},
        {"[::]", AF_INET6, 8000},     {"127.0.0.1:65535", AF_INET, 65535},
        {"unix:/run/x", AF_UNIX, 0},  {"unix:///run/x", AF_UNIX, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address a;
        struct fault fault;
        assert_true(address_parse(cases[i].text, &a, &fault));
        assert_int_equal(a.sa.ss_family, cases[i].family);
        if (cases[i].family == AF_UNIX)
            assert_string_equal(address_path(&a), "/run/x");
        else /* sin_port and sin6_port are at the same place */
            assert_int_equal(ntohs(((struct sockaddr_in *)&a.sa)->sin_port),
                             cases[i].port);
    }
}

static void nonsense_is_no_address(void **state)
{
    static const char *const cases[] = {
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:x",
        "127.0.0.1:80:80",
        "::1",
        "[::1",
        "[::1]x",
        "unix:",
        "fd://",
        "fd://-1",
        "fd://0x3",
        "fd://99999",
        "no.such.host.invalid:80",
    };
    char too_long[200] = "unix:/";

    (void)state;
    memset(too_long + 6, 'x', 150);
    for (size_t i = 0; i <= sizeof cases / sizeof *cases; i++) {
        bool last = i == sizeof cases / sizeof *cases;
        struct address a;
        struct fault fault = {""};
        assert_false(address_parse(last ? too_long : cases[i], &a, &fault));
        assert_non_null(strstr(fault.text, "Invalid address: "));
    }
}

/* ---- sockets --------------------------------------------------------------
 */

static void sockets_are_as_workers_expect(void **state)
{
    struct listeners *l = must_open("127.0.0.1:0", unix_bind);
    char names[256];
    int tcp = fd_of(l, 0);

    (void)state;
    snprintf(names, sizeof names, "http://127.0.0.1:%u,unix:%s", port_of(tcp),
             path);
    assert_string_equal(listeners_names(l), names);
    for (size_t i = 0; i < 2; i++) {
        assert_true(option(fd_of(l, i), SOL_SOCKET, SO_ACCEPTCONN));
        assert_true(fcntl(fd_of(l, i), F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fd_of(l, i), F_GETFD) & FD_CLOEXEC);
    }
    assert_true(option(tcp, IPPROTO_TCP, TCP_NODELAY));
    assert_false(option(tcp, SOL_SOCKET, SO_REUSEPORT));
    assert_true(can_connect_unix());
    listeners_close(l);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(fcntl(tcp, F_GETFD), -1);
}

static void reuse_port_is_set(void **state)
{
    struct wish w;
    struct fault fault;

    (void)state;
    wish(&w, "127.0.0.1:0", NULL);
    w.settings.reuse_port = true;
    struct listeners *l = listeners_open(&w.settings, &fault);
    assert_non_null(l);
    assert_true(option(fd_of(l, 0), SOL_SOCKET, SO_REUSEPORT));
    listeners_close(l);
}

static void inherited_sockets_are_taken_over(void **state)
{
    struct listeners *made = must_open("127.0.0.1:0", NULL);
    char bind[32];
    char name[64];

    (void)state;
    int fd = dup(fd_of(made, 0));
    fcntl(fd, F_SETFL, 0);
    snprintf(bind, sizeof bind, "fd://%d", fd);
    struct listeners *l = must_open(bind, NULL);
    assert_int_equal(fd_of(l, 0), fd);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    snprintf(name, sizeof name, "http://127.0.0.1:%u", port_of(fd));
    assert_string_equal(listeners_names(l), name);
    listeners_close(l);
    listeners_close(made);
}

static void a_dead_socket_file_is_replaced(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    assert_int_equal(bind(dead, (struct sockaddr *)&un, sizeof un), 0);
    close(dead);
    assert_int_equal(access(path, F_OK), 0);
    struct listeners *l = must_open(unix_bind, NULL);
    assert_true(can_connect_unix());
    listeners_close(l);
}

static void refuses(const struct listeners *present, const char *a,
                    const char *b, const char *reason)
{
    struct wish w;
    struct fault fault = {""};

    assert_null(listeners_next(present, wish(&w, a, b), &fault));
    assert_non_null(strstr(fault.text, reason));
}

static void what_others_use_is_left_to_them(void **state)
{
    struct listeners *other = must_open("127.0.0.1:0", unix_bind);
    struct listeners *present = must_open("127.0.0.1:0", NULL);
    char taken[32];

    (void)state;
    snprintf(taken, sizeof taken, "127.0.0.1:%u", port_of(fd_of(other, 0)));
    refuses(present, taken, NULL, "Can't connect to ");
    refuses(present, unix_bind, NULL, "Can't connect to ");
    assert_true(can_connect_unix());
    refuses(present, "203.0.113.1:0", NULL, "Invalid address: 203.0.113.1:0");
    refuses(present, "127.0.0.1:0", "127.0.0.1:0", "is bound twice");
    listeners_close(other);
    listeners_close(present);
}

static void no_file_is_ever_overwritten(void **state)
{
    struct listeners *present = must_open("127.0.0.1:0", NULL);
    int file = open(path, O_CREAT | O_WRONLY, 0600);

    (void)state;
    close(file);
    refuses(present, unix_bind, NULL, "File exists");
    assert_int_equal(unlink(path), 0);
    listeners_close(present);
}

static void booting_waits_for_an_address_in_use(void **state)
{
    struct listeners *other = must_open("127.0.0.1:0", NULL);
    struct wish w;
    struct fault fault;
    char taken[32];

    (void)state;
    snprintf(taken, sizeof taken, "127.0.0.1:%u", port_of(fd_of(other, 0)));
    uint64_t start_ms = loop_clock_ms();
    assert_null(listeners_open(wish(&w, taken, NULL), &fault));
    assert_in_range(loop_clock_ms() - start_ms, 4000, 7000);
    listeners_close(other);
}

/* ---- sets -----------------------------------------------------------------
 */

static void sets_share_what_both_want(void **state)
{
    struct listeners *old = must_open("127.0.0.1:0", unix_bind);
    struct wish w;
    struct fault fault;

    (void)state;
    struct listeners *next =
        listeners_next(old, wish(&w, unix_bind, "127.0.0.2:0"), &fault);
    assert_non_null(next);
    assert_int_equal(fd_of(next, 0), fd_of(old, 1));
    int tcp = fd_of(old, 0);
    listeners_close(old);
    assert_int_equal(fcntl(tcp, F_GETFD), -1);
    assert_true(can_connect_unix());
    listeners_close(next);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_set_that_fails_changes_nothing(void **state)
{
    struct listeners *old = must_open(unix_bind, NULL);
    char second[96];

    (void)state;
    snprintf(second, sizeof second, "unix:%s/b", folder);
    struct wish w;
    struct fault fault;
    wish(&w, unix_bind, second);
    w.at[2] = "127.0.0.1:x";
    w.settings.bind.count = 3;
    assert_null(listeners_next(old, &w.settings, &fault));
    assert_int_equal(access(second + strlen("unix:"), F_OK), -1);
    assert_true(can_connect_unix());
    listeners_close(old);
}

static void a_replaced_file_is_not_removed(void **state)
{
    struct listeners *l = must_open(unix_bind, NULL);

    (void)state;
    assert_int_equal(unlink(path), 0);
    int file = open(path, O_CREAT | O_WRONLY, 0600); /* somebody else's */
    close(file);
    listeners_close(l);
    assert_int_equal(unlink(path), 0);
}

/* ---- operators' ---------------------------------------------------------
 */

static struct listeners *next_with_admin(const struct listeners *present,
                                         const char *bind, const char *admin,
                                         struct fault *fault)
{
    struct wish w;

    wish(&w, bind, NULL);
    w.admin = admin;
    w.settings.admin_bind = (struct texts){&w.admin, 1};
    return listeners_next(present, &w.settings, fault);
}

static void operators_have_sockets_of_their_own(void **state)
{
    struct fault fault;
    struct listeners *l =
        next_with_admin(NULL, "127.0.0.1:0", unix_bind, &fault);
    size_t count;
    size_t admin_count;

    (void)state;
    assert_non_null(l);
    listeners_fds(l, &count, &admin_count);
    assert_int_equal(count, 2);
    assert_int_equal(admin_count, 1);
    assert_non_null(strstr(listeners_names(l), "http://127.0.0.1:"));
    assert_null(strstr(listeners_names(l), "unix:"));
    assert_string_equal(listeners_admin_names(l), unix_bind);
    assert_true(port_of(fd_of(l, 0)) > 0);
    assert_true(can_connect_unix());
    listeners_close(l);
    assert_int_equal(access(path, F_OK), -1);
}

static void an_operators_port_is_nobody_elses(void **state)
{
    struct fault fault = {""};
    char name[ADDRESS_NAME_MAX];

    (void)state;
    struct listeners *l = next_with_admin(NULL, unix_bind, "0", &fault);
    assert_non_null(l);
    snprintf(name, sizeof name, "http://127.0.0.1:%u", port_of(fd_of(l, 1)));
    assert_string_equal(listeners_admin_names(l), name);
    assert_null(next_with_admin(l, unix_bind, "65536", &fault));
    assert_non_null(strstr(fault.text, "Invalid address: 127.0.0.1:65536"));
    assert_null(next_with_admin(l, unix_bind, unix_bind, &fault));
    assert_non_null(strstr(fault.text, "is bound twice"));
    listeners_close(l);
}

static void an_admin_socket_is_shared_too(void **state)
{
    struct fault fault;
    struct listeners *old =
        next_with_admin(NULL, unix_bind, "127.0.0.1:0", &fault);
    struct listeners *none = NULL;
    size_t count;
    size_t admin_count;

    (void)state;
    assert_non_null(old);
    struct listeners *next = next_with_admin(old, unix_bind, "0", &fault);
    assert_non_null(next);
    assert_int_equal(fd_of(next, 1), fd_of(old, 1));
    listeners_close(old);
    assert_true(port_of(fd_of(next, 1)) > 0);
    assert_null(listeners_fds(none, &count, &admin_count));
    assert_int_equal(count + admin_count, 0);
    listeners_close(next);
}

/* ---- two masters ---------------------------------------------------------
 */

/* As an exec would pass them on: the same sockets under other numbers. */
static struct listeners *take_copies(const struct listeners *of)
{
    struct handed_socket copies[8];
    struct fault fault = {""};
    size_t count;
    const struct handed_socket *given = listeners_hand(of, &count);

    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++)
        copies[i] = (struct handed_socket){dup(given[i].fd), given[i].asked};
    struct listeners *taken = listeners_take(copies, count, &fault);
    assert_string_equal(fault.text, "");
    return taken;
}

static void a_handed_set_is_shared(void **state)
{
    struct listeners *first = must_open("127.0.0.1:0", unix_bind);
    struct listeners *taken = take_copies(first);
    struct fault fault = {""};
    struct wish w;
    size_t count;
    size_t admins;

    (void)state;
    struct listeners *second =
        listeners_next(taken, wish(&w, unix_bind, "127.0.0.1:0"), &fault);
    assert_string_equal(fault.text, "");
    listeners_close(taken);
    const int *fds = listeners_fds(second, &count, &admins);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
        assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
    }
    /* The same port, whatever 0 would give. */
    char one[200];
    snprintf(one, sizeof one, "%s", listeners_names(first));
    *strchr(one, ',') = '\0';
    assert_non_null(strstr(listeners_names(second), one));
    listeners_close(first);
    listeners_close(second);
}

static void files_are_the_last_ones(void **state)
{
    struct listeners *first = must_open("127.0.0.1:0", unix_bind);
    struct listeners *second = take_copies(first);

    (void)state;
    listeners_leave_files(true);
    listeners_close(first);
    assert_int_equal(access(path, F_OK), 0);
    listeners_leave_files(false);
    listeners_close(second); /* took it over */
    assert_int_equal(access(path, F_OK), -1);
}

/* One that was given up meanwhile is nobody's when the other master is gone. */
static void what_was_left_is_removed_in_the_end(void **state)
{
    struct listeners *first = must_open("127.0.0.1:0", unix_bind);
    struct listeners *second = take_copies(first);

    (void)state;
    listeners_leave_files(true);
    listeners_close(second);
    assert_true(can_connect_unix()); /* the first one serves it */
    listeners_close(first);
    assert_int_equal(access(path, F_OK), 0);
    listeners_leave_files(false);
    assert_int_equal(access(path, F_OK), -1);

    first = must_open("127.0.0.1:0", unix_bind);
    listeners_leave_files(true);
    listeners_close(first);
    first = must_open(unix_bind, NULL); /* another one by now */
    listeners_leave_files(false);
    assert_true(can_connect_unix());
    listeners_close(first);
}

static void what_does_not_listen_is_not_taken(void **state)
{
    struct listeners *l = must_open("127.0.0.1:0", NULL);
    size_t count;
    const struct handed_socket *given = listeners_hand(l, &count);
    int good = dup(given[0].fd);
    int bad = dup(STDERR_FILENO);
    int rest = dup(given[0].fd);
    const struct handed_socket sockets[] = {
        {good, "127.0.0.1:0"}, {bad, "127.0.0.1:1"}, {rest, "127.0.0.1:2"}};
    struct fault fault;

    (void)state;
    assert_null(listeners_take(sockets, 3, &fault));
    assert_non_null(strstr(fault.text, "127.0.0.1:1 was not handed over"));
    for (int fd = good; fd <= rest; fd++)
        assert_int_equal(fcntl(fd, F_GETFD), -1);
    listeners_close(l);
    assert_null(listeners_hand(NULL, &count));
    assert_int_equal(count, 0);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/prong-listener-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/a", folder);
    snprintf(unix_bind, sizeof unix_bind, "unix:%s", path);
    return log_open("/dev/null", LOG_INFO, false) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

#define in_folder(f)                                                           \
    cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(addresses_are_read),
        in_folder(nonsense_is_no_address),
        in_folder(sockets_are_as_workers_expect),
        in_folder(reuse_port_is_set),
        in_folder(inherited_sockets_are_taken_over),
        in_folder(a_dead_socket_file_is_replaced),
        in_folder(what_others_use_is_left_to_them),
        in_folder(no_file_is_ever_overwritten),
        in_folder(booting_waits_for_an_address_in_use),
        in_folder(sets_share_what_both_want),
        in_folder(a_set_that_fails_changes_nothing),
        in_folder(a_replaced_file_is_not_removed),
        in_folder(operators_have_sockets_of_their_own),
        in_folder(an_operators_port_is_nobody_elses),
        in_folder(an_admin_socket_is_shared_too),
        in_folder(a_handed_set_is_shared),
        in_folder(files_are_the_last_ones),
        in_folder(what_was_left_is_removed_in_the_end),
        in_folder(what_does_not_listen_is_not_taken),
    };

    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
