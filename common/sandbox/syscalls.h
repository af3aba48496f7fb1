/*
 * syscalls: mechanism. Which system calls the calling process may make from
 * now on, by seccomp (seccomp(2)); the lists stand in syscalls.c.
 *
 * A call that is on none of them is not made: its name is logged as CRITICAL,
 * and the process dies of SIGSYS. So are calls of another architecture (i386,
 * x32). clone3, whose flags cannot be looked at, reads as if the kernel did
 * not know it, and the C library then takes clone.
 */
#ifndef PRONG_SYSCALLS_H
#define PRONG_SYSCALLS_H

#include <stdbool.h>

/* What a process does beside serving; bits. */
enum syscalls_work {
    SYSCALLS_SERVE = 0,
    SYSCALLS_FILES = 1,     /* renames files, makes folders */
    SYSCALLS_SPAWN = 2,     /* starts programs, which are held to the same */
    SYSCALLS_CONNECT = 4,   /* makes stream sockets: the log goes out by one */
    SYSCALLS_DATAGRAMS = 8, /* makes datagram sockets, in place of one that
                               could not be made at the start */
    SYSCALLS_ADDRESS = 16,  /* sends datagrams each to an address */
};

/*
 * For this thread, all others of the process and those it makes, for good.
 * The number of system calls allowed, or 0 with errno when the kernel has no
 * seccomp filters. Signals and limits are allowed on the process itself only,
 * so it is called after the fork.
 */
int syscalls_enter(unsigned work);

/* Whether the program was built with sanitizers, which need more than any list
 * has: there is no filter then, and syscalls_enter fails with ENOTSUP. */
bool syscalls_instrumented(void);

#endif
