/*
 * landlock: mechanism. Takes from the calling process, for good, whatever of
 * the file system and the network is not allowed before, by Landlock
 * (landlock(7), Linux 5.13). Nothing is executed, no TCP port is bound or
 * connected to, no device is controlled, no abstract unix socket and no
 * signal leaves, as far as the kernel's version of it (its ABI) knows these.
 * What is open stays open: rules are for what is opened later.
 *
 * Rules are for files and folders, not for names: a folder that is put in the
 * place of an allowed one is not allowed.
 */
#ifndef PRONG_LANDLOCK_H
#define PRONG_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* What may be done below a path. */
enum landlock_use {
    LANDLOCK_READ,   /* files and folders */
    LANDLOCK_APPEND, /* files are made and written, not cut short or removed */
    LANDLOCK_ROTATE, /* and removed, or renamed within their folder */
    LANDLOCK_DATA,   /* all of that, read and cut short */
    LANDLOCK_RUN,    /* read and executed */
    LANDLOCK_USES
};

/* Rules being collected. */
struct landlock {
    int fd;
    int abi; /* of the kernel; 0: it has none */
};

/* False with errno when the kernel has no Landlock, or it is not switched on;
 * the calls below then do nothing, and fail. */
bool landlock_begin(struct landlock *l);

/* `fd`: any descriptor of it, O_PATH is enough; it may be closed then. False
 * with errno. */
bool landlock_allow(const struct landlock *l, int fd, enum landlock_use use);

/* This TCP port may be connected to, at any address. False with errno. */
bool landlock_allow_port(const struct landlock *l, uint16_t port);

/* From now on for this thread and those it makes. The process must have
 * no_new_privs. False with errno; ends the collection either way. */
bool landlock_enter(struct landlock *l);

#endif
