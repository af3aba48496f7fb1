/*
 * control: serves the operator's socket from within the master's loop. A
 * client sends one line; it is told "ok LENGTH" or "refused LENGTH", a line
 * of its own, and behind it LENGTH bytes of answer; then the connection is
 * closed. What a line means is its answerer's to say (commands.h).
 *
 * Nobody is waited for: all is non-blocking, at most CONTROL_CLIENTS are
 * served at once, lines are short, and a client that neither asks nor reads
 * is dropped after a few seconds, or after a quarter of one when another needs
 * its place. With a mode that lets only its owner connect, nobody but our own
 * user and root is heard (SO_PEERCRED, unix(7)), whatever has become of the
 * file; with one that lets others write to it, who may is the file's to say.
 *
 * The next master of an upgrade inherits the socket (control_inherit), and
 * accepts when the former one is gone: who connects in between waits in the
 * backlog, and nobody finds no server.
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
#include "master/unixsocket.h"

enum {
    CONTROL_CLIENTS = 32,
    CONTROL_LINE = 1024,      /* bytes of a request with its end */
    CONTROL_SLOW_MS = 5000,   /* to ask; and to read, without progress */
    CONTROL_HASTE_MS = 250,   /* that it has in any case */
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
/*
 * The former master's socket, at that path, as long as that one has it.
 * control_promote says when it has not: then it is ours, or when `path`, where
 * ours should be (null: nowhere), is another, it is removed.
 */
void control_inherit(struct control *c, const struct unixsocket *socket,
                     const char *path);
void control_promote(struct control *c, const char *path, mode_t mode);
/* The socket, for the next master, and its path; -1: there is none. */
int control_socket_of(const struct control *c, const char **path);
/* The next master has it: its file is not removed by control_free. */
void control_pass_on(struct control *c);
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
uint64_t control_next_ms(struct control *c);

#endif
