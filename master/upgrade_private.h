/*
 * upgrade_private: the state of upgrade. upgrade.c is about following another
 * master, upgrade_start.c about being followed, upgrade_word.c about what the
 * one tells the other.
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

enum { UPGRADE_WORDS = 1024 }; /* bytes that one master hears of the other */

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
    struct watch hear; /* what it says; fd -1: there is nothing to hear */
    struct loop *hear_loop;
    char heard[UPGRADE_WORDS];
    size_t heard_len;
    bool successor_ready;
    bool successor_listens;
    struct fault failure;
};

/* ---- upgrade_word.c: lines on a pipe -------------------------------------*/

/* Makes the pipe: *fd is the end that the successor is to have, to be closed
 * when it does. -1: without, nothing will be heard. */
void upgrade_word_open(struct upgrade *u, struct loop *loop, int *fd);
/* Reads what there is by now. */
void upgrade_word_hear(struct upgrade *u);
/* The successor's own words on why it ended, or where more is to be read; until
 * the next one is started. */
struct slice upgrade_word_why(struct upgrade *u);
void upgrade_word_close(struct upgrade *u);
/* To the former master. */
void upgrade_word_say(struct upgrade *u, const char *word, const char *rest);

/* Its name in the environment. */
const char *upgrade_variable(enum taken which);

#endif
