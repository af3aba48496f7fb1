#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/http/acceptor.h"

enum { OWN = 1, OTHER = 2, GENERATION = 5 };

static struct slot slots[SLOTS_MAX];
static struct loop *loop;
static struct bells *bells;
static struct acceptor *acceptor;
static int clients[64];
static int client_count;
static int accepted;
static int listener;

static void on_accept(void *self, int fd, size_t number, const char *peer)
{
    (void)self;
    assert_int_equal(number, 0);
    assert_string_equal(peer, "127.0.0.1");
    accepted++;
    close(fd);
}

static bool on_shortage(void *self)
{
    (void)self;
    return false;
}

static int listen_somewhere(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(fd, 64), 0);
    return fd;
}

static void connect_one(void)
{
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, size), 0);
    clients[client_count++] = fd;
}

static void begin(const struct slot *of)
{
    const struct acceptor_config config = {
        .loop = loop,
        .listeners = &listener,
        .listener_count = 1,
        .slots = of,
        .number = OWN,
        .bells = bells,
        .on_accept = on_accept,
        .on_shortage = on_shortage,
    };

    acceptor = acceptor_new(&config);
    assert_non_null(acceptor);
}

static int set_up(void **state)
{
    (void)state;
    memset(slots, 0, sizeof slots);
    for (int i = OWN; i <= OTHER; i++) {
        atomic_store(&slots[i].pid, 100 + i);
        atomic_store(&slots[i].ready, 1);
        atomic_store(&slots[i].generation, GENERATION);
        atomic_store(&slots[i].beat_ms, loop_clock_ms());
    }
    atomic_store(&slots[OWN].connections, 10);
    accepted = client_count = 0;
    loop = loop_new();
    bells = bells_new();
    listener = listen_somewhere();
    return loop && bells ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    acceptor_free(acceptor);
    loop_free(loop);
    bells_free(bells);
    while (client_count > 0)
        close(clients[--client_count]);
    return 0;
}

/* One turn of a worker's loop. */
static void turn(int timeout_ms)
{
    uint64_t now = loop_now(loop);
    uint64_t next = acceptor_tick(acceptor, now + (uint64_t)timeout_ms);

    loop_turn(loop, (int)(next - now));
}

/* Time passes, and it no longer stands back. */
static void end_rest(void)
{
    loop_turn(loop, 3);
    acceptor_tick(acceptor, 0);
}

static bool rung(unsigned slot)
{
    uint64_t count;

    return read(bells_fd(bells, slot), &count, sizeof count) > 0;
}

static void each_turn_looks_for_what_waits(void **state)
{
    (void)state;
    begin(slots);
    atomic_store(&slots[OWN].connections, 0);
    loop_turn(loop, 2); /* a millisecond passes */
    connect_one();
    acceptor_tick(acceptor, 0); /* nobody has been woken for it */
    assert_int_equal(accepted, 1);
    connect_one();
    acceptor_tick(acceptor, 0); /* no second time in a millisecond */
    assert_int_equal(accepted, 1);
    turn(100);
    assert_int_equal(accepted, 2);
}

static void who_has_few_gets_the_next(void **state)
{
    (void)state;
    begin(slots);
    connect_one();
    loop_turn(loop, 100);
    assert_int_equal(accepted, 0);
    assert_true(rung(OTHER));
    assert_false(rung(OWN));
}

static void what_nobody_else_takes_is_taken_after_a_moment(void **state)
{
    (void)state;
    begin(slots);
    for (int i = 0; i < 5; i++)
        connect_one();
    loop_turn(loop, 100);
    assert_int_equal(accepted, 0);
    uint64_t now = loop_now(loop);
    assert_int_equal(acceptor_tick(acceptor, now + 1000), now + 2);
    assert_true(rung(OTHER));
    end_rest();
    for (int i = 0; i < 4; i++) /* four, before the next attempt */
        loop_turn(loop, 100);
    assert_int_equal(accepted, 4);
    assert_false(rung(OTHER));
    loop_turn(loop, 100);
    assert_int_equal(accepted, 4);
    assert_true(rung(OTHER));
    end_rest();
    loop_turn(loop, 100);
    assert_int_equal(accepted, 5);
}

static void it_stands_back_again_if_the_other_one_comes(void **state)
{
    (void)state;
    begin(slots);
    connect_one();
    for (int i = 0; i < 3; i++) {
        loop_turn(loop, 100);
        assert_true(rung(OTHER));
        assert_int_equal(accepted, 0);
        atomic_fetch_add(&slots[OTHER].accepted, 1);
        end_rest();
    }
}

static void not_everybody_is_called(void **state)
{
    static const struct {
        const char *why;
        uint32_t own, its;
        struct {
            int32_t pid;
            uint32_t ready, leave, generation;
            uint64_t silent_ms;
        } other;
        bool called;
    } cases[] = {
        {"it is there", 10, 0, {7, 1, LEAVE_NOT, GENERATION, 0}, true},
        {"it is newer", 10, 0, {7, 1, LEAVE_NOT, GENERATION + 1, 0}, true},
        {"slow, but alive", 10, 0, {7, 1, LEAVE_NOT, GENERATION, 500}, true},
        {"clearly fewer", 30, 20, {7, 1, LEAVE_NOT, GENERATION, 0}, true},
        {"hardly fewer", 29, 20, {7, 1, LEAVE_NOT, GENERATION, 0}, false},
        {"few in all", 4, 0, {7, 1, LEAVE_NOT, GENERATION, 0}, false},
        {"gone", 10, 0, {0, 1, LEAVE_NOT, GENERATION, 0}, false},
        {"not ready", 10, 0, {7, 0, LEAVE_NOT, GENERATION, 0}, false},
        {"to leave", 10, 0, {7, 1, LEAVE_MEMORY, GENERATION, 0}, false},
        {"told to go", 10, 0, {7, 1, LEAVE_TOLD, GENERATION, 0}, false},
        {"older", 10, 0, {7, 1, LEAVE_NOT, GENERATION - 1, 0}, false},
        {"silent", 10, 0, {7, 1, LEAVE_NOT, GENERATION, 1600}, false},
    };

    (void)state;
    begin(slots);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slot *other = &slots[OTHER];
        uint64_t now = loop_clock_ms();
        int before = accepted;
        atomic_store(&slots[OWN].connections, cases[i].own);
        atomic_store(&other->connections, cases[i].its);
        atomic_store(&other->pid, cases[i].other.pid);
        atomic_store(&other->ready, cases[i].other.ready);
        atomic_store(&other->leave, cases[i].other.leave);
        atomic_store(&other->generation, cases[i].other.generation);
        atomic_store(&other->beat_ms, now - cases[i].other.silent_ms);
        connect_one();
        loop_turn(loop, 100);
        if (rung(OTHER) != cases[i].called ||
            (accepted == before) != cases[i].called)
            fail_msg("%s: %d accepted", cases[i].why, accepted - before);
        atomic_fetch_add(&other->accepted, 1); /* nothing was in vain */
        atomic_store(&slots[OWN].connections, 0);
        while (accepted == before)
            turn(100);
    }
}

static void one_alone_takes_all(void **state)
{
    (void)state;
    begin(NULL);
    for (int i = 0; i < 10; i++)
        connect_one();
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 100);
    assert_int_equal(accepted, 10);
}

#define with_a_listener(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_a_listener(each_turn_looks_for_what_waits),
        with_a_listener(who_has_few_gets_the_next),
        with_a_listener(what_nobody_else_takes_is_taken_after_a_moment),
        with_a_listener(it_stands_back_again_if_the_other_one_comes),
        with_a_listener(not_everybody_is_called),
        with_a_listener(one_alone_takes_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
