/*
 * serve: the least that a server can do. One epoll loop, one recv and one
 * send a request, no parser: whatever arrives in one recv is one request (so
 * no pipelining), and nothing of it is looked at. What it costs is the part
 * of an answer that belongs to the kernel.
 */
#ifndef LIMIT_SERVE_H
#define LIMIT_SERVE_H

#include <stddef.h>

/* Who makes the answers. `turn_ends` is called once after the answers of one
 * epoll_wait are made, before the next wait; null when there is no need. */
struct answerer {
    const char *(*answer)(void *self, size_t *len);
    void (*turn_ends)(void *self);
    void *self;
};

/*
 * Serves on 127.0.0.1:port until TERM, then says on standard error how many
 * requests one turn of the loop had on average. Ends the process on failure.
 */
void serve(int port, const struct answerer *who);

#endif
