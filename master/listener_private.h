/*
 * listener_private: one listening socket. listener_open.c makes, takes over and
 * closes it; listener.c puts them into sets.
 */
#ifndef PRONG_LISTENER_PRIVATE_H
#define PRONG_LISTENER_PRIVATE_H

#include "common/arena.h"
#include "master/address.h"
#include "master/unixsocket.h"

#include "master/listener.h"

/* One socket, in a block of its own: it may outlive the set that opened it. */
struct listener {
    struct arena *arena; /* holds this struct */
    unsigned sets;       /* that hold it; the last one closes it */
    int fd;
    struct address asked; /* before the kernel chose a port */
    const char *text;     /* the same, as it was written */
    char name[ADDRESS_NAME_MAX];
    struct unixsocket file; /* the same socket, if it is one of a file that we
                               made or took over */
};

/* Binds what is asked, trying so often while it is in use, or takes a
 * descriptor over. In no set yet. Null with errno set. */
struct listener *listener_open(const struct address *asked,
                               const struct settings *s, const char *text,
                               int tries);
/* Takes over a socket that listens already, for what was asked elsewhere. */
struct listener *listener_take(int fd, const struct address *asked,
                               const char *text);
/* A set has it no more. */
void listener_drop(struct listener *l);

#endif
