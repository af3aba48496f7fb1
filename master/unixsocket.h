/*
 * unixsocket: a listening socket that is a file (unix(7)): making it, finding
 * it, removing it. The path may be longer than the 107 bytes of an address:
 * then it goes by a descriptor of its folder under /proc/self/fd, and only its
 * name has to be short. Not for two threads: making one sets the umask for a
 * moment.
 */
#ifndef PRONG_UNIXSOCKET_H
#define PRONG_UNIXSOCKET_H

#include <stdbool.h>
#include <sys/types.h>

/* The mode of one that is as the umask has it. */
#define UNIXSOCKET_UMASK ((mode_t)-1)

/* One that this process made, or was handed. */
struct unixsocket {
    int fd;     /* listening, non-blocking, close-on-exec; -1: none */
    int folder; /* in which it lies; -1: not known */
    char name[256];
    dev_t device;
    ino_t inode; /* 0: there was no file when it was looked for */
};

/* None: to be closed without harm. */
void unixsocket_none(struct unixsocket *s);

/*
 * Makes it, in place of one at which nobody listens. False with errno set, and
 * *s none: EADDRINUSE when somebody does, EEXIST when what is there is no
 * socket but somebody's file, EINVAL when the path can be none.
 */
bool unixsocket_make(struct unixsocket *s, const char *path, mode_t mode,
                     int backlog);
/* Takes over one that listens already, as made at that path. */
void unixsocket_take(struct unixsocket *s, int fd, const char *path);

/* Whether its file still lies where it was made. */
bool unixsocket_stands(const struct unixsocket *s);
/* Whether somebody listens at its file, a full backlog included. */
bool unixsocket_is_served(const struct unixsocket *s);
/* Closes it, and removes the file unless it is another's by now. */
void unixsocket_remove(struct unixsocket *s);
/* Closes the socket and knows the file on, for unixsocket_remove. */
void unixsocket_close(struct unixsocket *s);
/* Closes it and forgets its file, which is another's to remove. */
void unixsocket_leave(struct unixsocket *s);

/* Connected, blocking for at most timeout_ms at a time, or with 0 not at all;
 * -1 with errno set: ENOENT and ECONNREFUSED mean that nobody is there, EAGAIN
 * that somebody is, with no room at present. */
int unixsocket_connect(const char *path, int timeout_ms);

#endif
