/*
 * capabilities: what is left of root (capabilities(7)). A process gives up
 * what it does not need, for good; nothing here gives anything back that was
 * given up.
 */
#ifndef PRONG_CAPABILITIES_H
#define PRONG_CAPABILITIES_H

#include <stdbool.h>
#include <stdint.h>

/* Sets of capabilities: bit n is number n of linux/capability.h. */

/*
 * What the master needs, when it is root, for as long as it runs: to make
 * workers of another user (SETUID, SETGID), signal them (KILL), give them logs
 * and sockets (CHOWN, FOWNER), open logs again that are theirs (DAC_OVERRIDE),
 * and bind ports below 1024 again at a reload (NET_BIND_SERVICE).
 */
extern const uint64_t capabilities_of_master;

/* To do with files of another user what their owner may; what a worker that
 * runs as root keeps when it serves such files, and else nothing. */
extern const uint64_t capabilities_of_files;

/* Those that the calling process may make use of. */
uint64_t capabilities_permitted(void);

/* Only these, as far as it has them, in all of its sets; the bounding set as
 * well when it may, so that what it executes has no more. False with errno. */
bool capabilities_limit(uint64_t keep);

/* These of the permitted ones are in effect from now on, until the next call.
 * False with errno. */
bool capabilities_use(uint64_t set);

#endif
