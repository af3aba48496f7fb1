/*
 * supervisor_private: the state of a running master, for supervisor.c and
 * orders.c.
 */
#ifndef PRONG_SUPERVISOR_PRIVATE_H
#define PRONG_SUPERVISOR_PRIVATE_H

#include "common/loop.h"
#include "master/control/orders.h"
#include "master/crew.h"
#include "master/load.h"
#include "master/reload.h"
#include "master/scaling.h"
#include "master/succession.h"

struct supervisor {
    const struct supervisor_config *config;
    struct loop *loop;
    struct crew *crew;
    struct reload generations;
    struct succession succession;
    struct slot *slot; /* the master's own figures */
    struct watch news; /* eventfd: somebody became ready */
    int bell;          /* eventfd: see heritage.bell_fd */
    struct bells *bells;
    struct console *console; /* null: there is none */
    int life[2];             /* pipe: its write end is the master's life */
    uint64_t tick_ms;        /* when the next tick is due */
    unsigned ticks;          /* so far */
    struct load load;        /* what follows is for --workers-max */
    struct scaling scaling;
    enum stop stop;
    int exit_code;
};

#endif
