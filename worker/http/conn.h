/*
 * conn: the connections of one worker. The only file that reads and writes
 * client sockets. Bytes in, requests to whoever answers, answers out, in
 * order; and the time limits of each state. It knows no SQL and no files.
 *
 * A turn of the worker's loop has two halves: loop_turn receives (every
 * socket that is readable is read once), then conns_serve answers what is
 * complete. So all requests answered in a turn were received before the first
 * of them is run, and they may share one database snapshot without hiding a
 * write that was acknowledged before one of them was sent.
 */
#ifndef PRONG_CONN_H
#define PRONG_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/loop.h"
#include "common/settings/settings.h"
#include "worker/http/accesslog.h"
#include "worker/http/call.h"
#include "worker/http/observe.h"

struct conns;

struct conns_config {
    struct loop *loop;
    const struct settings *settings;
    const int *listeners; /* closed when draining begins or at the end */
    size_t listener_count;
    size_t admin_count;          /* the last so many are for operators */
    unsigned number;             /* the worker's, for the access log */
    const struct shared *shared; /* null: no limits beside worker_connections */
    const struct bells *bells;
    struct accesslog *access;  /* null: off */
    struct observer *observer; /* null: nobody counts */
    /* Answers; must call call->done once, now or later. */
    void (*answer)(void *self, struct call *call);
    /* The client of a call that waits has left. True: it is forgotten, done
     * will not be called; false: done will be. Null: it always will. */
    bool (*cancel)(void *self, struct call *call);
    void *self;
};

struct conns *conns_new(const struct conns_config *config);
/* Closes every connection as it stands; null is allowed. */
void conns_free(struct conns *c);

/* Complete requests that wait for conns_serve. */
size_t conns_pending(const struct conns *c);
/* Answers them. Requests pipelined behind them wait for the next turn, so
 * that one client cannot hold up the others, nor signals and deadlines. */
void conns_serve(struct conns *c);
/*
 * Enforces deadlines and gives back the memory of closed connections; to be
 * called once a turn. Returns the milliseconds until it has to be called
 * again, at most `most`.
 */
int conns_sweep(struct conns *c, int most);

/*
 * Begins to leave: takes what the backlog holds, closes the listeners, says
 * "Connection: close" on every further answer. Connections that are idle keep
 * their time to send a last request (keepalive), no longer than `grace_ms`.
 */
void conns_drain(struct conns *c, uint64_t grace_ms);

size_t conns_open(const struct conns *c);
/* Requests answered, and connections taken, since the beginning. */
uint64_t conns_answered(const struct conns *c);
uint64_t conns_accepted(const struct conns *c);
/* Connections that wait in the listeners' queues now; a system call for each
 * listener. */
unsigned conns_backlog(const struct conns *c);

#endif
