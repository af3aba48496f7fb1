/*
 * upgrade: one master follows another without a request lost, as in Gunicorn.
 * On USR2 the master runs its program again: what stands at that path by now,
 * with its own arguments, environment and folder. That one is handed the
 * listening sockets, the segment and the bells (handover.h), starts its own
 * workers beside the old ones, and is the second until the former is gone:
 * its pid file is PATH.2, it starts no keeper, and no file of a socket is
 * removed by either. The operator ends the former (QUIT or TERM, WINCH
 * before if he likes), which promotes the second; or he ends the second.
 *
 * Who owns what in the segment meanwhile is said in orphans.h. When the
 * segment is of another layout or size the second makes one of its own. The
 * turn to write is then known to each side alone; SQLite's own lock keeps
 * them apart, and each takes the other for a stranger (tables.h).
 *
 * Master only; one a process, for its whole life.
 */
#ifndef PRONG_UPGRADE_H
#define PRONG_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/segment/shared.h"
#include "master/activation.h"
#include "master/listener.h"
#include "master/notify.h"
#include "master/spawn.h"

struct bells;
struct loop;
struct unixsocket;
struct upgrade;

/*
 * First of all: takes what concerns the master alone out of the environment
 * (PRONG_PID, PRONG_FD, LISTEN_…, NOTIFY_SOCKET, WATCHDOG_…), and finds out
 * where the program is. argv must stay in place, and the folder of the start
 * must be the present one. Null with the reason when what was handed over is
 * not usable.
 */
struct upgrade *upgrade_new(char **argv, struct fault *fault);
/* Null is allowed. */
void upgrade_free(struct upgrade *u);

/* Sockets that systemd made, and whom to tell; as long as *u. */
const struct activation *upgrade_activation(const struct upgrade *u);
struct notify *upgrade_notify(const struct upgrade *u);

/* ---- being the second; null stands for a master that was started afresh */

/* There was a former master, whether or not it is there now. */
bool upgrade_follows(const struct upgrade *u);
/* It is: looked up once in the beginning, then as upgrade_watch notices. */
bool upgrade_is_second(const struct upgrade *u);
/* The former master's process id; 0: there was none. */
pid_t upgrade_former(const struct upgrade *u);
/* "Master" or "Master.2", for the log; "master" or "master.2", for ps. */
const char *upgrade_name(const struct upgrade *u);
const char *upgrade_title(const struct upgrade *u);

/* What settings ask for, sharing what was handed over; see listeners_open. */
struct listeners *upgrade_listeners(struct upgrade *u, const struct settings *s,
                                    struct fault *fault);
/*
 * The segment that was handed over, or a new one. Which of both is logged.
 * False with the reason.
 */
bool upgrade_shared(struct upgrade *u, struct shared *shared,
                    const struct settings *s, struct fault *fault);
/* Takes the bells over, which come with the segment, into *bells and
 * *bell_fd; false when there are none, and the caller makes its own. */
bool upgrade_bells(struct upgrade *u, struct bells **bells, int *bell_fd);
/* Takes over the operators' socket of the former master, as long as that one
 * serves it not to be accepted from, and its path, which is the upgrade's.
 * False when none was handed over. */
bool upgrade_control(struct upgrade *u, struct unixsocket *socket,
                     const char **path);
/* PATH or PATH.2; null: none. */
bool upgrade_pidfile(struct upgrade *u, const char *path, struct fault *fault);
/* Calls `promoted` when the former master is gone, from loop_turn. Until
 * then it is the second. False with errno set. */
bool upgrade_watch(struct upgrade *u, struct loop *loop,
                   void (*promoted)(void *self), void *self);

/* Tells the former master how this one fares: all of its workers serve; or it
 * ends, and why. Once; without a former one nothing happens. */
void upgrade_say_ready(struct upgrade *u);
void upgrade_say_failed(struct upgrade *u, const char *why);

/* ---- having one ---- */

/* What the next master is to be given. */
struct upgrade_gift {
    const struct shared *shared;
    const struct listeners *listeners; /* null: we do not serve any more */
    const struct bells *bells;
    int bell_fd;
    int life_fd;
    int control_fd; /* -1: there is none */
    const char *control_path;
    struct loop *loop; /* in which it is heard */
    bool detached;     /* standard error leads nowhere: it gets our log instead,
                          for what it says before it has one */
};

/* USR2: starts it. False with the reason, which is logged. */
bool upgrade_start(struct upgrade *u, const struct upgrade_gift *gift,
                   struct fault *fault);
/* Its process id; 0: there is none. */
pid_t upgrade_successor(const struct upgrade *u);
/* It has said that all of its workers serve. */
bool upgrade_successor_ready(const struct upgrade *u);
/* It has the operators' socket, and listens when we are gone. */
bool upgrade_successor_listens(const struct upgrade *u);
/* Why the last one came to nothing, in a sentence; "" when none did. */
const char *upgrade_failure(const struct upgrade *u);
/* A child has ended that is no worker. */
void upgrade_ended(struct upgrade *u, const struct spawn_end *end);

#endif
