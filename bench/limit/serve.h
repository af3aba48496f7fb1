/*
 * serve: the least that a server can do. One epoll loop, one recv and one
 * send a request, no parser: whatever arrives in one recv is one request (so
 * no pipelining), and nothing of it is looked at. What it costs is the part
 * of an answer that belongs to the kernel. Several processes may serve one
 * listener: each connection goes to the one that has waited for longest.
 */
#ifndef LIMIT_SERVE_H
#define LIMIT_SERVE_H

#include <stddef.h>

/* Who makes the answers; `request` is not terminated. `turn_ends` is called
 * once after the answers of one epoll_wait are made, before the next wait; null
 * when there is no need. */
struct answerer {
    const char *(*answer)(void *self, const char *request, size_t *len);
    void (*turn_ends)(void *self);
    void *self;
};

/* A socket that listens on 127.0.0.1:port. Ends the process on failure. */
int serve_listen(int port);

/*
 * Serves what comes there until TERM, then says on standard error how many
 * requests one turn of the loop had on average. Ends the process on failure.
 */
void serve(int listener, const struct answerer *who);

#endif
