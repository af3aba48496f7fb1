#include "scratch.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/app/app.h"
#include "common/settings/settings.h"
#include "worker/endpoint/demo.h"

static const struct identity demo = {.known = true, .demo = true};
static const struct identity real = {.known = true};

/* A socket that listens there; "" in a folder. */
static int listen_at(const struct scratch *s, const char *host)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr *a = (struct sockaddr *)&un;
    socklen_t len = sizeof un;

    snprintf(un.sun_path, sizeof un.sun_path, "%s/s", s->dir);
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        a = (struct sockaddr *)&v4;
        len = sizeof v4;
    } else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        a = (struct sockaddr *)&v6;
        len = sizeof v6;
    }
    int fd = socket(a->sa_family, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, a, len) != 0)
        fail_msg("cannot bind to %s", host);
    return fd;
}

static bool admits(const char *client, const struct identity *who)
{
    const struct call call = {.client = client};

    return demo_admits(&call, who);
}

static void begin(const char *database, const int *listeners, size_t count)
{
    const struct settings settings = {.database = database};
    const struct app app = {.database = database};
    const struct heritage h = {.settings = &settings,
                               .app = &app,
                               .listeners = listeners,
                               .listener_count = count};

    demo_begin(&h, false);
}

static void test_clients(void **state)
{
    static const struct {
        const char *client;
        bool admitted;
    } cases[] = {
        {"127.0.0.1", true},     {"127.8.8.8", true},
        {"::1", true},           {"::ffff:127.0.0.1", true},
        {"10.0.0.1", false},     {"128.0.0.1", false},
        {"::2", false},          {"::", false},
        {"2001:db8::1", false},  {"::ffff:10.0.0.1", false},
        {"fe80::7f00:1", false}, {"", false},
        {"localhost", false},    {NULL, false},
    };

    begin(((const struct scratch *)*state)->path, NULL, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (admits(cases[i].client, &demo) != cases[i].admitted)
            fail_msg("client %s", cases[i].client);
        assert_true(admits(cases[i].client, &real));
    }
}

static void test_listeners(void **state)
{
    static const struct {
        const char *hosts[2];
        bool admitted;
    } cases[] = {
        {{"127.0.0.1"}, true},
        {{""}, true},
        {{"127.0.0.1", ""}, true},
        {{"0.0.0.0"}, false},
        {{"127.0.0.1", "0.0.0.0"}, false},
        {{"0.0.0.0", "127.0.0.1"}, false},
        {{"::1"}, true},
        {{"::"}, false},
        {{"::ffff:127.0.0.1"}, true},
    };
    const struct scratch *s = *state;
    int six = socket(AF_INET6, SOCK_STREAM, 0);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fds[2];
        size_t count = 0;
        if (six < 0 && strchr(cases[i].hosts[0], ':'))
            continue; /* no IPv6 here */
        while (count < 2 && cases[i].hosts[count]) {
            fds[count] = listen_at(s, cases[i].hosts[count]);
            count++;
        }
        begin(s->path, fds, count);
        if (admits("127.0.0.1", &demo) != cases[i].admitted)
            fail_msg("listening at %s", cases[i].hosts[0]);
        assert_true(admits("10.0.0.1", &real));
        while (count > 0)
            close(fds[--count]);
        unlink(scratch_name(s, "s"));
    }
    close(six);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_clients),
        TEST(test_listeners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
