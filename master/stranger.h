/*
 * stranger: a process that is no child of ours, so that no wait tells of it;
 * seen in /proc (proc(5)). Ids are given again: one that we were told of long
 * ago may be somebody else's by now, so it is known by when it was born, too.
 *
 * Master only.
 */
#ifndef PRONG_STRANGER_H
#define PRONG_STRANGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct stranger {
    bool stopped;     /* by SIGSTOP and its like, or by a debugger */
    uint64_t born_ms; /* CLOCK_MONOTONIC; rounded down to 10 ms */
};

/* False when there is none, or it may not be seen. */
bool stranger_look(pid_t pid, struct stranger *out);

/*
 * SIGKILL to the process that had this id at `then_ms` (CLOCK_MONOTONIC, within
 * 10 ms), and to no other that was born since. False with errno set: ESRCH when
 * it is gone, whoever has its id now; EPERM when it is not ours to kill.
 */
bool stranger_kill(pid_t pid, uint64_t then_ms);

#endif
