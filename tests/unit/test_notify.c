#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/notify.h"

/* systemd, as far as we know it. */
static struct {
    int fd;
    char name[108]; /* as in NOTIFY_SOCKET */
    char path[108]; /* "": abstract */
    struct notify *notify;
    struct notify_facts facts;
    char own[64]; /* "READY=1\nMAINPID=…\n" */
} sd;

enum { START_MS = 50000 };

static void listen_at(const char *name)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(name);

    memcpy(to.sun_path, name, len);
    if (name[0] == '@')
        to.sun_path[0] = '\0';
    sd.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(
        bind(sd.fd, (const struct sockaddr *)&to,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
        0);
    snprintf(sd.name, sizeof sd.name, "%s", name);
}

static void begin(const char *watchdog_us, const char *watchdog_pid)
{
    sd.notify = notify_new(sd.name, watchdog_us, watchdog_pid);
    assert_true(notify_wanted(sd.notify));
    sd.facts = (struct notify_facts){.alive = true, .workers = 2};
}

static int set_up(void **state)
{
    (void)state;
    snprintf(sd.path, sizeof sd.path, "/tmp/prong-notify-%d", (int)getpid());
    snprintf(sd.own, sizeof sd.own, "READY=1\nMAINPID=%d\n", (int)getpid());
    listen_at(sd.path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    notify_free(sd.notify);
    sd.notify = NULL;
    close(sd.fd);
    unlink(sd.path);
    return 0;
}

static void tell(uint64_t after_ms)
{
    notify_tell(sd.notify, &sd.facts, (START_MS + after_ms) * 1000 + 7);
}

/* The next datagram; "" when there is none. */
static const char *heard(void)
{
    static char text[512];
    ssize_t len = recv(sd.fd, text, sizeof text - 1, 0);

    text[len > 0 ? len : 0] = '\0';
    return text;
}

#define assert_heard(text)  assert_string_equal(heard(), text)
#define assert_nothing()    assert_string_equal(heard(), "")
#define assert_says(needle) assert_non_null(strstr(heard(), needle))

/* Gets through readiness, unheard. */
static void be_ready(void)
{
    sd.facts.ready = true;
    tell(0);
    while (heard()[0])
        ;
}

static void ready_is_told_once(void **state)
{
    char expected[128];

    (void)state;
    begin(NULL, NULL);
    tell(0);
    assert_nothing();
    sd.facts.ready = true;
    tell(1);
    snprintf(expected, sizeof expected, "%sSTATUS=2 workers, 0 requests/s\n",
             sd.own);
    assert_heard(expected);
    assert_nothing();
    tell(2);
    assert_nothing();
}

static void abstract_names_are_reached(void **state)
{
    char name[64];

    (void)state;
    close(sd.fd);
    snprintf(name, sizeof name, "@prong-notify-%d", (int)getpid());
    listen_at(name);
    begin(NULL, NULL);
    sd.facts.ready = true;
    tell(0);
    assert_says(sd.own);
}

static void a_reload_begins_and_ends(void **state)
{
    (void)state;
    begin(NULL, NULL);
    be_ready();
    sd.facts.reloads = true;
    tell(5);
    assert_heard("RELOADING=1\nMONOTONIC_USEC=50005007\n");
    tell(6);
    assert_nothing();
    sd.facts.reloads = false;
    tell(7);
    assert_says(sd.own);
    assert_nothing();
}

/* A HUP that comes before the first proof is no reload of anything. */
static void a_reload_before_ready_is_none(void **state)
{
    (void)state;
    begin(NULL, NULL);
    sd.facts.reloads = true;
    tell(0);
    assert_nothing();
    sd.facts.ready = true;
    tell(1);
    assert_says(sd.own);
    tell(2);
    assert_heard("RELOADING=1\nMONOTONIC_USEC=50002007\n");
}

static void stopping_is_the_last_word(void **state)
{
    (void)state;
    begin("2000000", NULL);
    be_ready();
    sd.facts.stops = true;
    tell(1);
    assert_heard("STOPPING=1\n");
    tell(100000);
    assert_nothing();
    assert_true(notify_next(sd.notify) == UINT64_MAX);
}

/* One that is succeeded is no stop: until its end it vouches for the service,
 * and then names the next. */
static void a_successor_goes_on(void **state)
{
    (void)state;
    begin("2000000", NULL);
    be_ready();
    sd.facts.stops = sd.facts.succeeded = true;
    tell(1000);
    assert_heard("WATCHDOG=1\n");
    notify_pass_on(sd.notify, 4711);
    assert_heard("MAINPID=4711\n");
    assert_nothing();
    sd.facts.succeeded = false; /* it died */
    tell(1001);
    assert_heard("STOPPING=1\n");
}

static void the_second_is_silent_until_promoted(void **state)
{
    (void)state;
    begin("2000000", NULL);
    sd.facts.silent = sd.facts.ready = true;
    tell(0);
    sd.facts.stops = true;
    tell(1);
    sd.facts.stops = false;
    tell(2000);
    assert_nothing();
    assert_true(notify_next(sd.notify) == UINT64_MAX);
    sd.facts.silent = false;
    tell(3000);
    assert_says(sd.own);
}

static void the_watchdog_wants_somebody_alive(void **state)
{
    (void)state;
    begin("2000000", NULL);
    be_ready();
    assert_int_equal(notify_next(sd.notify), START_MS + 1000);
    tell(999);
    assert_nothing();
    tell(1000);
    assert_heard("WATCHDOG=1\n");
    assert_int_equal(notify_next(sd.notify), START_MS + 2000);
    sd.facts.alive = false;
    tell(2000);
    assert_nothing();
    assert_int_equal(notify_next(sd.notify), START_MS + 3000);
    sd.facts.alive = true;
    tell(3000);
    assert_heard("WATCHDOG=1\n");
}

static void a_watchdog_may_be_anothers(void **state)
{
    static const struct {
        const char *us, *pid;
        bool ours;
    } cases[] = {
        {NULL, NULL, false},    {"", NULL, false},
        {"x", NULL, false},     {"0", NULL, false},
        {"-1", NULL, false},    {"2000000", "1", false},
        {"2000000", "", false}, {"2000000", NULL, true},
        {"1", NULL, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(cases[i].us, cases[i].pid);
        be_ready();
        tell(NOTIFY_STATUS_MS - 1);
        if ((heard()[0] != '\0') != cases[i].ours)
            fail_msg("case %zu", i);
        notify_free(sd.notify);
    }
    char own[32];
    snprintf(own, sizeof own, "%d", (int)getpid());
    begin("2000000", own);
    be_ready();
    tell(1000);
    assert_heard("WATCHDOG=1\n");
}

static void the_status_is_calm(void **state)
{
    (void)state;
    begin(NULL, NULL);
    be_ready();
    sd.facts.requests = 1230;
    tell(9999);
    assert_nothing();
    tell(10000);
    assert_heard("STATUS=2 workers, 123 requests/s\n");
    sd.facts.requests = 2460;
    tell(20000);
    assert_nothing(); /* the same again */
    sd.facts.workers = 1;
    sd.facts.requests = 5; /* fewer than before: it began anew */
    tell(30000);
    assert_heard("STATUS=1 worker, 0 requests/s\n");
}

static void nobody_listens(void **state)
{
    static const char *const names[] = {"", "/", "@", "relative", "vsock:2:3"};
    char longest[200];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct notify *n = notify_new(names[i], "1000", NULL);
        assert_false(notify_wanted(n));
        sd.facts.ready = true;
        notify_tell(n, &sd.facts, 1);
        notify_pass_on(n, 1);
        assert_true(notify_next(n) == UINT64_MAX);
        notify_free(n);
    }
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    struct notify *n = notify_new(longest, NULL, NULL);
    assert_false(notify_wanted(n));
    notify_free(n);
    n = notify_new(NULL, NULL, NULL);
    assert_false(notify_wanted(n));
    notify_free(n);
}

/* A socket that nobody reads must not hold the master up. */
static void a_full_socket_is_no_matter(void **state)
{
    (void)state;
    begin("2000000", NULL);
    be_ready();
    for (uint64_t i = 1; i < 2000; i++)
        tell(i * 1000);
    assert_heard("WATCHDOG=1\n");
}

#define scene(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene(ready_is_told_once),
        scene(abstract_names_are_reached),
        scene(a_reload_begins_and_ends),
        scene(a_reload_before_ready_is_none),
        scene(stopping_is_the_last_word),
        scene(a_successor_goes_on),
        scene(the_second_is_silent_until_promoted),
        scene(the_watchdog_wants_somebody_alive),
        scene(a_watchdog_may_be_anothers),
        scene(the_status_is_calm),
        scene(nobody_listens),
        scene(a_full_socket_is_no_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
