/*
 * handover: what a master gives to the one that is to follow it on a binary
 * upgrade (USR2), as two variables of its environment. Descriptors keep their
 * numbers over the exec.
 *
 *     PRONG_PID=4711          the master that gives
 *     PRONG_FD=life 9         a pipe that ends with it
 *     segment 8               the shared segment (segment.h)
 *     bell 6                  heritage.bell_fd
 *     bells 10 11 12 …        those of bells.h, in their order
 *     listen 3 0.0.0.0:8000   a listening socket, and what was asked for
 *     control 7 /run/x.ctl    the operators' socket, and where it lies
 *     word 5                  a pipe on which the next master says how it fares
 *
 * One line each; lines that begin with another word are for later versions,
 * and passed over. Pure: nothing here looks whether a descriptor is open.
 */
#ifndef PRONG_HANDOVER_H
#define PRONG_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/text.h"

#define HANDOVER_PID "PRONG_PID"
#define HANDOVER_FD  "PRONG_FD"

enum {
    HANDOVER_FD_MAX = 1 << 20
}; /* numbers are below; the kernel's default
      limit (fs.nr_open) */

struct handed_socket {
    int fd;
    const char *asked; /* as in the setting `bind` */
};

/* A descriptor that is not given is -1. */
struct handover {
    pid_t from;
    int life; /* must be given */
    int segment;
    int bell;
    int word;
    struct handed_socket control; /* asked: its path */
    const int *bells;
    size_t bell_count;
    const struct handed_socket *sockets;
    size_t socket_count;
};

/* Both variables' texts. What is in *out lives in the arena. False with the
 * reason when it is not what handover_write writes. */
bool handover_parse(const char *pid, const char *fds, struct arena *arena,
                    struct handover *out, struct fault *fault);

/* Nothing: what a descriptor is not given for. */
void handover_none(struct handover *h);

/* Appends the text of HANDOVER_FD. A socket whose address has a line break is
 * left out: the next master then finds it in use, and does not start. */
void handover_write(const struct handover *h, struct buf *to);

/* Every descriptor of it, in the arena; how many. */
size_t handover_fds(const struct handover *h, struct arena *arena, int **fds);

#endif
