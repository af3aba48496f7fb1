/*
 * acceptor: takes connections from the listening sockets, which all workers
 * share; the kernel wakes one of them for each (EPOLLEXCLUSIVE). It knows
 * nothing of what connections are for.
 *
 * A worker that holds clearly more connections than the one which holds the
 * fewest wakes that one and stands back for a moment; if nothing comes of it,
 * it takes the connection itself. And in each turn of its loop it looks, at
 * most once a millisecond, whether one waits: the kernel may have woken a
 * worker for it that has been stopped or has died since. For both the master
 * rings all bells.
 */
#ifndef PRONG_ACCEPTOR_H
#define PRONG_ACCEPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/loop.h"
#include "common/segment/bells.h"
#include "common/segment/heritage.h"

struct acceptor;

enum { PEER_TEXT = 46 }; /* room for an IPv6 address as text */

struct acceptor_config {
    struct loop *loop;
    const int *listeners; /* borrowed; closed by acceptor_free */
    size_t listener_count;
    const struct slot *slots;  /* of all workers; null: it is alone */
    unsigned number;           /* of its own */
    const struct bells *bells; /* of all; may be null */
    /* Takes a new non-blocking descriptor over, that came in by listener
     * number `listener`; `peer` is its address, "" on a unix socket. */
    void (*on_accept)(void *self, int fd, size_t listener, const char *peer);
    /* Descriptors ran out: true when one could be freed. */
    bool (*on_shortage)(void *self);
    void *self;
};

/* Null with errno when the loop refuses a listener. */
struct acceptor *acceptor_new(const struct acceptor_config *config);
/* Stops listening and closes the descriptors; null is allowed. */
void acceptor_free(struct acceptor *a);

/* Stop and go on taking connections; others keep taking them meanwhile. */
void acceptor_pause(struct acceptor *a);
void acceptor_resume(struct acceptor *a);
/* Stops for a while; acceptor_tick goes on. */
void acceptor_rest(struct acceptor *a, uint64_t ms);
/* To be called each turn: goes on after a rest, once it is time, and looks
 * whether a connection waits. Returns when it has to be called again, or `next`
 * when that is sooner. */
uint64_t acceptor_tick(struct acceptor *a, uint64_t next);
/* Connections that wait in the queues of all listeners (tcp(7), TCP_INFO). */
unsigned acceptor_backlog(const struct acceptor *a);
/* Takes what waits in the backlog, at most `most`, before the listeners are
 * closed for good. */
void acceptor_empty(struct acceptor *a, size_t most);

#endif
