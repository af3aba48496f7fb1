#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <errno.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/loop.h"

/* A watched end of a socket pair, and what it was told. */
struct end {
    struct watch watch;
    struct loop *loop;
    struct end *drop; /* taken out of the loop when this one is called */
    int other;
    int calls;
    unsigned events;
};

static void on_event(void *self, unsigned events)
{
    struct end *e = self;

    e->calls++;
    e->events = events;
    if (e->drop)
        loop_del(e->loop, &e->drop->watch);
}

static void end_open(struct end *e, struct loop *l, unsigned interest)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    *e = (struct end){
        .watch = {on_event, e, pair[0]}, .loop = l, .other = pair[1]};
    assert_true(loop_add(l, &e->watch, interest));
}

static void end_close(struct end *e)
{
    close(e->watch.fd);
    if (e->other >= 0)
        close(e->other);
}

static void tells_events(void **state)
{
    struct loop *l = loop_new();
    struct end e;

    (void)state;
    end_open(&e, l, LOOP_READ);
    assert_int_equal(loop_turn(l, 0), 0);
    assert_int_equal(e.calls, 0);
    assert_int_equal(write(e.other, "x", 1), 1);
    assert_int_equal(loop_turn(l, -1), 1);
    assert_int_equal(e.events, LOOP_READ);
    assert_int_equal(loop_turn(l, 0), 1); /* unread: told again */
    assert_true(loop_change(l, &e.watch, LOOP_WRITE));
    assert_int_equal(loop_turn(l, -1), 1);
    assert_int_equal(e.events, LOOP_WRITE);
    assert_true(loop_change(l, &e.watch, 0));
    assert_int_equal(loop_turn(l, 0), 0);
    close(e.other);
    e.other = -1;
    assert_int_equal(loop_turn(l, -1), 1); /* a hang-up comes always */
    assert_true(e.events & LOOP_HANGUP);
    loop_del(l, &e.watch);
    assert_null(e.watch.fn);
    assert_int_equal(loop_turn(l, 0), 0);
    end_close(&e);
    loop_free(l);
}

/* A peer that closes only its sending side is something to read. */
static void half_closed(void **state)
{
    struct loop *l = loop_new();
    struct end e;

    (void)state;
    end_open(&e, l, LOOP_READ);
    assert_int_equal(shutdown(e.other, SHUT_WR), 0);
    assert_int_equal(loop_turn(l, -1), 1);
    assert_int_equal(e.events, LOOP_READ);
    end_close(&e);
    loop_free(l);
}

/* Both are ready; whichever comes first takes the other out: one call. */
static void removed_in_the_turn(void **state)
{
    struct loop *l = loop_new();
    struct end a;
    struct end b;

    (void)state;
    end_open(&a, l, LOOP_WRITE);
    end_open(&b, l, LOOP_WRITE);
    a.drop = &b;
    b.drop = &a;
    assert_int_equal(loop_turn(l, -1), 2);
    assert_int_equal(a.calls + b.calls, 1);
    end_close(&a);
    end_close(&b);
    loop_free(l);
}

static void exclusive(void **state)
{
    struct loop *l = loop_new();
    struct end e;

    (void)state;
    end_open(&e, l, LOOP_READ | LOOP_EXCLUSIVE);
    assert_int_equal(write(e.other, "x", 1), 1);
    assert_int_equal(loop_turn(l, -1), 1);
    assert_int_equal(e.events, LOOP_READ);
    assert_false(loop_change(l, &e.watch, LOOP_WRITE));
    loop_del(l, &e.watch);
    end_close(&e);
    loop_free(l);
}

static void refused(void **state)
{
    struct loop *l = loop_new();
    struct watch bad = {on_event, NULL, -1};

    (void)state;
    assert_false(loop_add(l, &bad, LOOP_READ));
    assert_int_equal(errno, EBADF);
    loop_free(l);
    loop_free(NULL);
}

static int heard[65];

static void on_signal(void *self, const struct signalfd_siginfo *info)
{
    assert_ptr_equal(self, heard);
    heard[info->ssi_signo]++;
}

static void signals_are_events(void **state)
{
    struct loop *l = loop_new();
    sigset_t set;

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    assert_true(loop_signals(l, &set, on_signal, heard));
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    while (heard[SIGUSR1] + heard[SIGUSR2] < 2)
        loop_turn(l, 5000);
    assert_int_equal(heard[SIGUSR1], 1);
    assert_int_equal(heard[SIGUSR2], 1);
    loop_free(l);
}

static void time_goes_on(void **state)
{
    struct loop *l = loop_new();
    uint64_t before = loop_clock_ms();

    (void)state;
    assert_int_equal(loop_turn(l, 30), 0);
    assert_true(loop_now(l) >= before + 29);
    assert_true(loop_clock_ms() >= loop_now(l));
    uint64_t us = loop_clock_us();
    assert_true(us / 1000 >= loop_now(l));
    int64_t unix_s = time(NULL); /* it lags behind by a tick */
    assert_in_range(loop_wall_ms(), unix_s * 1000, unix_s * 1000 + 600000);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_events),
        cmocka_unit_test(half_closed),
        cmocka_unit_test(removed_in_the_turn),
        cmocka_unit_test(exclusive),
        cmocka_unit_test(refused),
        cmocka_unit_test(signals_are_events),
        cmocka_unit_test(time_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
