/*
 * daemon: what a process does to itself and its surroundings at start: leave
 * the terminal, change the folder, become another user. Master only, but for
 * what a new worker calls between its fork and its body.
 */
#ifndef PRONG_DAEMON_H
#define PRONG_DAEMON_H

#include <stdbool.h>

#include "common/settings/settings.h"
#include "common/text.h"

/*
 * Resolves the settings user and group (names or numbers) once; they stand
 * for the life of the master, and workers take them on in daemon_drop.
 * Unset ones are the present ones.
 */
bool daemon_identify(const struct settings *s, struct fault *fault);

/* Sets the umask and enters the folder of `chdir`. */
bool daemon_enter(const struct settings *s, struct fault *fault);

/*
 * Opens the error log as the settings say (a null path: stays with the
 * present one). When workers run as somebody else the file is given to them,
 * and so is the access log, or they could not reopen it after a rotation.
 */
bool daemon_log(const struct settings *s, struct fault *fault);

/* Gives a file that the master made to the workers' user and group. */
void daemon_give(const char *path);

/*
 * Goes on in the background: its own session, no terminal, standard streams
 * on /dev/null, a new process id; the caller's process ends with code 0.
 */
bool daemon_detach(struct fault *fault);
/* Standard streams on /dev/null, as daemon_detach leaves them. */
bool daemon_silence(struct fault *fault);

/* Master: gives up, for good, what it and what it executes will never need of
 * root's rights (capabilities.h); not with --no-sandbox. */
void daemon_limit(const struct settings *s);

/* Worker: puts the KEY=VALUE of the settings into its environment. */
void daemon_environment(const struct settings *s);

/*
 * Worker: takes on the user and group of daemon_identify, for good, with the
 * user's supplementary groups. Nothing to do when they are the present ones.
 */
bool daemon_drop(struct fault *fault);

#endif
