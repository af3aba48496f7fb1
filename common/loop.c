#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "common/loop.h"

/*
 * Events fetched by one wait. A bound on how long a turn can take, and so on
 * the age of the snapshot that the reads of one turn share.
 */
enum { EVENTS_A_TURN = 128 };

struct loop {
    int epoll;
    struct watch signals; /* fd -1: none */
    void (*on_signal)(void *self, const struct signalfd_siginfo *info);
    void *signal_self;
    uint64_t now_ns;
};

uint64_t loop_clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t); /* vDSO: no system call, 25 ns */
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t loop_clock_ms(void)
{
    return loop_clock_ns() / 1000000;
}

uint64_t loop_clock_us(void)
{
    return loop_clock_ns() / 1000;
}

int64_t loop_wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    l->signals.fd = -1;
    l->now_ns = loop_clock_ns();
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0) {
        free(l);
        return NULL;
    }
    return l;
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    if (l->signals.fd >= 0)
        close(l->signals.fd);
    close(l->epoll);
    free(l);
}

static uint32_t to_epoll(unsigned interest)
{
    uint32_t events = 0;

    if (interest & LOOP_READ)
        events |= EPOLLIN | EPOLLRDHUP;
    if (interest & LOOP_WRITE)
        events |= EPOLLOUT;
    if (interest & LOOP_CLOSED)
        events |= EPOLLRDHUP;
    if (interest & LOOP_EXCLUSIVE) /* EPOLLRDHUP is not allowed beside it */
        events = (events & ~(uint32_t)EPOLLRDHUP) | EPOLLEXCLUSIVE;
    if (interest & LOOP_EDGE)
        events |= EPOLLET;
    return events;
}

static unsigned from_epoll(uint32_t events)
{
    unsigned what = 0;

    if (events & (EPOLLIN | EPOLLRDHUP))
        what |= LOOP_READ;
    if (events & EPOLLOUT)
        what |= LOOP_WRITE;
    if (events & (EPOLLERR | EPOLLHUP))
        what |= LOOP_HANGUP;
    return what;
}

static bool control(struct loop *l, int op, struct watch *w, unsigned interest)
{
    struct epoll_event e = {.events = to_epoll(interest), .data.ptr = w};

    return epoll_ctl(l->epoll, op, w->fd, &e) == 0;
}

void loop_woken(void *self, unsigned events)
{
    (void)self;
    (void)events;
}

bool loop_add(struct loop *l, struct watch *w, unsigned interest)
{
    return control(l, EPOLL_CTL_ADD, w, interest);
}

bool loop_change(struct loop *l, struct watch *w, unsigned interest)
{
    return control(l, EPOLL_CTL_MOD, w, interest);
}

void loop_del(struct loop *l, struct watch *w)
{
    control(l, EPOLL_CTL_DEL, w, 0);
    w->fn = NULL;
}

static void on_signals(void *self, unsigned events)
{
    struct loop *l = self;
    struct signalfd_siginfo info;

    (void)events;
    while (read(l->signals.fd, &info, sizeof info) == (ssize_t)sizeof info)
        l->on_signal(l->signal_self, &info);
}

bool loop_signals(struct loop *l, const sigset_t *set,
                  void (*fn)(void *self, const struct signalfd_siginfo *info),
                  void *self)
{
    if (sigprocmask(SIG_BLOCK, set, NULL) != 0)
        return false;
    int fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return false;
    l->signals = (struct watch){.fn = on_signals, .self = l, .fd = fd};
    l->on_signal = fn;
    l->signal_self = self;
    return loop_add(l, &l->signals, LOOP_READ);
}

int loop_turn(struct loop *l, int timeout_ms)
{
    struct epoll_event events[EVENTS_A_TURN];
    int count = epoll_wait(l->epoll, events, EVENTS_A_TURN, timeout_ms);

    l->now_ns = loop_clock_ns();
    for (int i = 0; i < count; i++) {
        struct watch *w = events[i].data.ptr;
        if (w->fn)
            w->fn(w->self, from_epoll(events[i].events));
    }
    return count > 0 ? count : 0;
}

uint64_t loop_now(const struct loop *l)
{
    return l->now_ns / 1000000;
}

uint64_t loop_now_ns(const struct loop *l)
{
    return l->now_ns;
}
