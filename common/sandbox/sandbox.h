/*
 * sandbox: what a worker or the keeper may still do once it has opened what it
 * needs, should somebody else come to decide what it does. Collected first,
 * then entered, for good:
 *
 *   no capabilities     capabilities.h; root that serves another user's files
 *                       keeps those by which it can
 *   no_new_privs        nothing that it executes has more (prctl(2))
 *   Landlock            landlock.h: these paths, each for one use
 *   seccomp             syscalls.h: these system calls
 *
 * What the kernel lacks is left out and named in the log: the sandbox keeps
 * nobody from serving. A refused path reads EACCES; a refused system call is
 * logged by its name and ends the process.
 *
 * One at a time, by a process with one thread; those made later are in it.
 * Whether the process may dump core is left as it is: the kernel forbids it
 * to one that has changed its user (prctl(2), PR_SET_DUMPABLE).
 */
#ifndef PRONG_SANDBOX_H
#define PRONG_SANDBOX_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/sandbox/landlock.h"
#include "common/sandbox/syscalls.h"
#include "common/settings/settings.h"

struct sandbox {
    struct landlock rules;
    bool strangers; /* one of the paths is another user's */
};

/* Begins one, with what every process needs: its own /proc, the time zone,
 * random numbers, the error log and syslog of the settings. */
void sandbox_begin(struct sandbox *s, const struct settings *settings);

/* A file or folder, or nothing when there is no such path. Null is allowed. */
void sandbox_allow(struct sandbox *s, const char *path, enum landlock_use use);

/*
 * A file that is opened again by its name, and made where it is not: so its
 * folder is allowed, that of the name and that of what it links to. A device
 * or pipe is allowed alone. Null, "-" and ":memory:" name no file.
 */
void sandbox_allow_file(struct sandbox *s, const char *path,
                        enum landlock_use use);

/* Whether that, for what is written, reaches `folder` and all in it, too. */
bool sandbox_covers(const char *path, const char *folder);

/*
 * Enters it, with the system calls for that work (bits of syscalls.h; those
 * for syslog are added; its socket is open by then). *said becomes what holds
 * from now on, as a line of the log, such as "Sandbox: no_new_privs, no
 * capabilities, Landlock ABI 7, seccomp 152 calls".
 */
void sandbox_enter(struct sandbox *s, const struct settings *settings,
                   unsigned work, struct buf *said);

#endif
