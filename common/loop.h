/*
 * loop: one epoll instance with descriptors and signals, used by the master
 * and by each worker. It knows no HTTP, no processes and no timers: owners of
 * deadlines pass the time they can wait to loop_turn.
 *
 * A watch is embedded in its owner and must stay valid until loop_del and the
 * end of the turn in which that was called (an event for it may already have
 * been fetched; it is then skipped, because loop_del clears watch.fn).
 */
#ifndef PRONG_LOOP_H
#define PRONG_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct signalfd_siginfo;

enum {
    LOOP_READ = 1,      /* readable, or a peer that closed its side */
    LOOP_WRITE = 2,     /* writable */
    LOOP_HANGUP = 4,    /* error or full hang-up; always reported */
    LOOP_EXCLUSIVE = 8, /* wake one of the processes waiting (EPOLLEXCLUSIVE);
                           such a watch can be added and removed, not changed */
    LOOP_EDGE = 16,     /* only when something new comes (EPOLLET) */
    LOOP_CLOSED = 32,   /* the peer closed its side; reported as LOOP_READ */
};

struct watch {
    void (*fn)(void *self, unsigned events);
    void *self;
    int fd;
};

/* Null with errno set when the kernel refuses. */
struct loop *loop_new(void);
/* Closes its own descriptors, not those watched; null is allowed. A child
 * calls it for the loop it inherited: the parent's interest is untouched. */
void loop_free(struct loop *l);

/* For a watch that is only to end a turn's wait: does nothing. */
void loop_woken(void *self, unsigned events);

bool loop_add(struct loop *l, struct watch *w, unsigned interest);
bool loop_change(struct loop *l, struct watch *w, unsigned interest);
void loop_del(struct loop *l, struct watch *w);

/*
 * Blocks the signals of `set` and delivers them from loop_turn instead, one
 * call each, outside any handler. Once a loop.
 */
bool loop_signals(struct loop *l, const sigset_t *set,
                  void (*fn)(void *self, const struct signalfd_siginfo *info),
                  void *self);

/*
 * Waits at most timeout_ms (-1: for ever) and calls the watches that have
 * something to do. Returns how many; 0 after the time is up. loop_now is
 * set right after the wait.
 */
int loop_turn(struct loop *l, int timeout_ms);

/* CLOCK_MONOTONIC at the last turn's wake-up, in ms and in ns. */
uint64_t loop_now(const struct loop *l);
uint64_t loop_now_ns(const struct loop *l);
/* Reads CLOCK_MONOTONIC anew (25 ns). */
uint64_t loop_clock_ms(void);
uint64_t loop_clock_us(void);
uint64_t loop_clock_ns(void);
/* Unix time in ms, by CLOCK_REALTIME: it can be set, and jump. */
int64_t loop_wall_ms(void);

#endif
