/*
 * hall: a turnstile, and bells of which those of the first slots are heard.
 * Tests act as the processes of all slots and as the master.
 */
#ifndef PRONG_TEST_HALL_H
#define PRONG_TEST_HALL_H

#include "crowd.h"

#include <sys/epoll.h>

#include "common/segment/turnstile_private.h"

enum { BELLS_HEARD = 4 };

static struct {
    struct segment *segment;
    struct turnstile *t;
    struct bells *bells;
    int loop[BELLS_HEARD]; /* by slot */
} hall;

static inline int hall_open(void **state)
{
    void *memory;

    (void)state;
    hall.segment = crowd_memory(turnstile_size(), &memory);
    hall.t = memory;
    hall.bells = bells_new();
    for (unsigned slot = 0; slot < BELLS_HEARD; slot++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLET};
        hall.loop[slot] = epoll_create1(EPOLL_CLOEXEC);
        if (epoll_ctl(hall.loop[slot], EPOLL_CTL_ADD,
                      bells_fd(hall.bells, slot), &event) != 0)
            return -1;
    }
    return 0;
}

static inline int hall_close(void **state)
{
    (void)state;
    for (unsigned slot = 0; slot < BELLS_HEARD; slot++)
        close(hall.loop[slot]);
    bells_free(hall.bells);
    segment_free(hall.segment);
    return 0;
}

/* Since the last time. */
static inline bool was_rung(unsigned slot)
{
    struct epoll_event event;

    return epoll_wait(hall.loop[slot], &event, 1, 0) > 0;
}

static inline bool ask(unsigned slot)
{
    return turnstile_ask(hall.t, slot, hall.bells);
}

static inline bool ours(unsigned slot)
{
    return turnstile_ours(hall.t, slot);
}

static inline void pass(unsigned slot)
{
    turnstile_pass(hall.t, slot, hall.bells);
}

static inline void forget(unsigned slot)
{
    turnstile_forget(hall.t, slot, hall.bells);
}

static inline void tend(void)
{
    turnstile_tend(hall.t, hall.bells);
}

static inline void expect_nobody(void)
{
    struct turn_holder h;

    assert_false(turnstile_holder(hall.t, &h));
}

#endif
