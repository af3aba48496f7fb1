/*
 * backlog: connections that nobody has accepted yet. Pure questions to the
 * kernel, by anybody who has the listening sockets.
 */
#ifndef PRONG_BACKLOG_H
#define PRONG_BACKLOG_H

#include <stddef.h>

/* How many wait in the queues of these listening sockets, in all (tcp(7),
 * TCP_INFO). A unix socket does not tell, and counts as empty. */
unsigned backlog_of(const int *listeners, size_t count);

#endif
