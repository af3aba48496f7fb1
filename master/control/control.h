/*
 * control: serves the operator's socket from within the master's loop. A
 * client sends one line; it is told "ok LENGTH" or "refused LENGTH", a line
 * of its own, and behind it LENGTH bytes of answer; then the connection is
 * closed. What a line means is its answerer's to say (commands.h).
 *
 * Nobody is waited for: all is non-blocking, at most CONTROL_CLIENTS are
 * served at once, lines are short, and a client that neither asks nor reads
 * is dropped after a few seconds, or at once when another one needs its
 * place. Only processes of our own user and root are heard (SO_PEERCRED,
 * unix(7)), whatever the socket's mode says.
 *
 * Master only; lives as long as its loop.
 */
#ifndef PRONG_CONTROL_H
#define PRONG_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/loop.h"

enum {
    CONTROL_CLIENTS = 16,
    CONTROL_LINE = 1024,      /* bytes of a request with its end */
    CONTROL_SLOW_MS = 5000,   /* to ask; and to read, without progress */
    CONTROL_WAIT_MS = 120000, /* for an answer that takes its time */
};

/* A request on its way to an answer. */
struct control_call {
    struct slice line; /* without its end */
    struct buf *body;  /* of the answer; empty */
    bool refused;      /* set it when the body says why not */
    uint64_t memo;     /* the answerer's own; 0 at first */
    pid_t pid;         /* who asks, when it connected */
    uid_t uid;
};

/* False: not yet, ask again at the next control_tend. `late`: it has waited
 * for CONTROL_WAIT_MS, or the server ends; there must be an answer now. */
typedef bool control_answer(void *self, struct control_call *call, bool late);

struct control;

/* Null with errno set. */
struct control *control_new(struct loop *loop, control_answer *answer,
                            void *self);
/* A former master hands over to this one, and has the socket until it leaves:
 * that is no reason to warn. 0: there is none. */
void control_follow(struct control *c, pid_t former);
/* Answers who waits, closes all, removes the socket. Null is allowed. */
void control_free(struct control *c);

/*
 * Where it should listen; null: nowhere. To be called each second or so: it
 * makes the socket when it is not there, looks whether it still is, and
 * whether another server that was there first has left; of one path not more
 * often than once a second. What is in the way is logged once.
 */
void control_use(struct control *c, const char *path, mode_t mode);
/* At each turn: answers who waits, drops who is too slow. */
void control_tend(struct control *c);
/* When control_tend has something to do at the latest, CLOCK_MONOTONIC. */
uint64_t control_next_ms(const struct control *c);

#endif
