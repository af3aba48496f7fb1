/*
 * control_socket: the unix socket at which a server's operator reaches it
 * (unix(7)): where it is, making it, finding it. Its path may be longer than
 * the 107 bytes of an address: then it goes by a descriptor of its folder
 * under /proc/self/fd, and only its name has to be short.
 */
#ifndef PRONG_CONTROL_SOCKET_H
#define PRONG_CONTROL_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/arena.h"
#include "common/text.h"

/* `said`, the setting control_socket, or else the database's path with .ctl
 * behind it. */
const char *control_socket_path(struct arena *arena, const char *said,
                                const char *database);

/* One that this process made. */
struct control_socket {
    int fd;     /* listening, non-blocking; -1: none */
    int folder; /* in which it lies */
    char name[256];
    dev_t device;
    ino_t inode;
};

enum control_made {
    CONTROL_MADE,
    CONTROL_TAKEN, /* another server listens there */
    CONTROL_UNFIT, /* *fault says why */
};

/* Makes it, in place of one that nobody listens at. Not for two threads: it
 * sets the umask for a moment. */
enum control_made control_socket_make(struct control_socket *s,
                                      const char *path, mode_t mode,
                                      struct fault *fault);
/* Whether it still lies where it was made. */
bool control_socket_stands(const struct control_socket *s);
/* Closes it, and removes the file unless it is another's by now. Of one that
 * was not made nothing happens. */
void control_socket_remove(struct control_socket *s);

/* Connected, blocking for at most timeout_ms at a time; -1 with errno set:
 * ENOENT and ECONNREFUSED mean that nobody is there. */
int control_socket_connect(const char *path, int timeout_ms);

#endif
