/*
 * spawn: mechanism. Makes processes, signals them, reaps them, and says how
 * they ended; decides nothing. spawn.c, with our own children, is the only file
 * with fork, wait4 and kill; spawn_program.c runs other programs.
 */
#ifndef PRONG_SPAWN_H
#define PRONG_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/segment/heritage.h"

/* What a child is: a worker, or the keeper. */
struct role {
    worker_body *body;
    const char *name;  /* in its title: "worker" */
    const char *title; /* at the beginning of a log line: "Worker" */
};

enum spawn_change { SPAWN_NONE, SPAWN_ENDED, SPAWN_STOPPED, SPAWN_CONTINUED };

/* How a child ended: by a signal, or else with a code. Of one that was stopped
 * or goes on, only its id. */
struct spawn_end {
    pid_t pid;
    int signal;   /* 0: it exited */
    int code;     /* -1: it never came to be, fork failed */
    long peak_kb; /* largest resident size */
    /* The first error that it logged, "" when there was none; null: not known.
     * Until another process is born in its place. */
    const char *last_words;
};

/*
 * Forks a child with this heritage, which must stay in place until then (the
 * child has its own copy). Makes its slot that of a process just born: not
 * ready, a first heartbeat, and once there is one, its id. -1 with errno set
 * when there is no process to be had.
 *
 * The child keeps its heritage's descriptors, the log and 0 to 2, and closes
 * all others. It has the settings' log, environment and title, and the user
 * and group of daemon_identify. Signals stand as worker_body promises.
 */
pid_t spawn_worker(const struct role *role, const struct heritage *h);

bool spawn_is_ready(const struct heritage *h);

/* False when there is no such process any more. */
bool spawn_signal(pid_t pid, int signal);

/*
 * The next child that has ended, was stopped (SIGSTOP and its like) or was
 * continued, ours or a stranger that fell to us as process 1; SPAWN_NONE when
 * there is none at the moment. SIGCHLD comes for each.
 */
enum spawn_change spawn_reap(struct spawn_end *end);

/* "exited with code 3", "was sent SIGSEGV". */
const char *spawn_words(const struct spawn_end *end, char words[64]);

/* Whether a process with this id exists, whoever owns it. */
bool spawn_alive(pid_t pid);
/* Whether there is none that still runs: one that ended and that nobody has
 * reaped is gone too. */
bool spawn_gone(pid_t pid);

/* Goes on in a child, while the caller's process ends with code 0. False
 * with errno set when it cannot. */
bool spawn_leave_parent(void);

/* ---- spawn_program.c: other programs ------------------------------------*/

/*
 * Runs a command by /bin/sh, detached: in a session of its own, without input,
 * with no signal ignored or blocked. `env` is added to our environment, and
 * goes before what has the same name there; it ends with null. The caller
 * ignores SIGCHLD or reaps. False with errno set when there is no process to
 * be had.
 */
bool spawn_command(const char *command, char *const env[]);

/*
 * Runs the program argv[0] like that, but by itself: *out is a pipe on which
 * it says what it has to say, with an end of file when it ends; the caller
 * closes it. Its process id, or -1 with errno set.
 */
pid_t spawn_program(char *const argv[], int *out);

/* A program that follows this one. */
struct successor {
    const char *program; /* its path, seen from the folder */
    char *const *argv;
    char *const *env; /* all of its environment; ends with null */
    int folder;       /* to start in */
    int errors;       /* its standard error; -1: ours */
    /* Descriptors that it gets, with their numbers, beside 0 to 2. */
    const int *keep;
    size_t keep_count;
};

/*
 * Runs it beside us, in our session and group, with no signal ignored or
 * blocked. Its process id, or -1 with errno set when it could not be begun.
 */
pid_t spawn_successor(const struct successor *s);

#endif
