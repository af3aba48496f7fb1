#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/segment/bells.h"
#include "common/segment/heritage.h"

/* As a loop does it (LOOP_EDGE); `data` tells whose it is. */
static int watch(const struct bells *b, const unsigned *slots, size_t count)
{
    int loop = epoll_create1(EPOLL_CLOEXEC);

    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLET,
                                    .data.u32 = slots[i]};
        assert_int_equal(
            epoll_ctl(loop, EPOLL_CTL_ADD, bells_fd(b, slots[i]), &event), 0);
    }
    return loop;
}

/* How many were rung; *slot is one of them. */
static int listen_to(int loop, unsigned *slot)
{
    struct epoll_event events[8];
    int n = epoll_wait(loop, events, 8, 0);

    *slot = n > 0 ? events[0].data.u32 : SLOTS_ALL;
    return n;
}

static void each_ringing_wakes_its_owner(void **state)
{
    static const unsigned slots[] = {0, 1, 63, SLOT_KEEPER};
    struct bells *b = bells_new();
    int loop = watch(b, slots, 4);
    unsigned slot;

    (void)state;
    assert_int_equal(listen_to(loop, &slot), 0);
    for (size_t round = 0; round < 3; round++)
        for (size_t i = 0; i < 4; i++) {
            bells_ring(b, slots[i]);
            assert_int_equal(listen_to(loop, &slot), 1);
            assert_int_equal(slot, slots[i]);
            assert_int_equal(listen_to(loop, &slot), 0); /* never read */
        }
    bells_ring(b, 1);
    bells_ring(b, 1);
    assert_int_equal(listen_to(loop, &slot), 1); /* together */
    close(loop);
    bells_free(b);
}

static void slots_64_apart_share_one(void **state)
{
    struct bells *b = bells_new();

    (void)state;
    for (unsigned slot = 64; slot < SLOTS_MAX; slot++)
        assert_int_equal(bells_fd(b, slot), bells_fd(b, slot - 64));
    for (unsigned i = 0; i < 64; i++) {
        assert_int_not_equal(bells_fd(b, i), bells_fd(b, SLOT_KEEPER));
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(bells_fd(b, i), bells_fd(b, k));
    }
    bells_free(b);
}

static void all_are_told(void **state)
{
    struct bells *b = bells_new();
    const int *fds;

    (void)state;
    assert_int_equal(bells_fds(b, &fds), 65);
    for (size_t i = 0; i < 65; i++) {
        unsigned slot = i < 64 ? (unsigned)i : SLOT_KEEPER;
        assert_int_equal(fds[i], bells_fd(b, slot));
        assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
    }
    bells_free(b);
    assert_int_equal(bells_fds(NULL, &fds), 0);
}

static void null_is_silent(void **state)
{
    (void)state;
    bells_ring(NULL, 0);
    bells_free(NULL);
}

/* None stays open. */
static void another_masters_are_taken_over(void **state)
{
    struct bells *b = bells_new();
    const int *fds;
    size_t count = bells_fds(b, &fds);

    (void)state;
    assert_null(bells_take(fds, count - 1));
    assert_null(bells_take(fds, count + 1));
    assert_null(bells_take(fds, 0));
    struct bells *taken = bells_take(fds, count);
    for (unsigned i = 0; i <= SLOT_KEEPER; i++)
        assert_int_equal(bells_fd(taken, i), bells_fd(b, i));
    bells_free(b); /* closes them */
    assert_int_equal(fcntl(bells_fd(taken, 0), F_GETFD), -1);
    free(taken);
}

static void too_few_descriptors(void **state)
{
    struct rlimit before;

    (void)state;
    int first = dup(STDERR_FILENO); /* the lowest that is free */
    close(first);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit few = {(rlim_t)first + 64, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_null(bells_new());
    assert_int_equal(errno, EMFILE);
    int again = dup(STDERR_FILENO);
    assert_int_equal(again, first);
    close(again);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ringing_wakes_its_owner),
        cmocka_unit_test(slots_64_apart_share_one),
        cmocka_unit_test(all_are_told),
        cmocka_unit_test(null_is_silent),
        cmocka_unit_test(another_masters_are_taken_over),
        cmocka_unit_test(too_few_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
