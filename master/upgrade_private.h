/*
 * upgrade_private: the state of upgrade. upgrade.c is about following another
 * master, upgrade_start.c about being followed.
 */
#ifndef PRONG_UPGRADE_PRIVATE_H
#define PRONG_UPGRADE_PRIVATE_H

#include "common/arena.h"
#include "common/loop.h"
#include "master/handover.h"

#include "master/upgrade.h"

/* What is taken out of the environment: it is said to one process alone. */
enum taken {
    TAKEN_PID,
    TAKEN_FD,
    TAKEN_LISTEN_PID,
    TAKEN_LISTEN_PIDFDID,
    TAKEN_LISTEN_FDS,
    TAKEN_LISTEN_FDNAMES,
    TAKEN_NOTIFY_SOCKET,
    TAKEN_WATCHDOG_USEC,
    TAKEN_WATCHDOG_PID,
    TAKEN
};

struct upgrade {
    struct arena *arena;
    char **argv;
    char *program;            /* its path, seen from the folder */
    int folder;               /* of the start */
    const char *taken[TAKEN]; /* null: was not there */
    struct activation activation;
    struct notify *notify;

    bool follows;
    bool second;
    struct handover given;
    struct bells *bells; /* taken over, until the supervisor has them */
    const char *pidfile;
    struct watch life; /* end of file: the former master is gone */
    struct loop *loop; /* that watches it */
    void (*promoted)(void *self);
    void *self;

    pid_t successor;
};

/* Its name in the environment. */
const char *upgrade_variable(enum taken which);

#endif
