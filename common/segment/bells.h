/*
 * bells: how one process wakes the loop of another: an eventfd for each slot,
 * made by the master before the first fork and inherited by all. A bell is
 * written and never read; its owner watches it with LOOP_EDGE, so each ringing
 * wakes it once, and rings that come together wake it once together.
 *
 * Workers whose slots are 64 apart share one: then a ring wakes both, and one
 * of them finds nothing to do. The keeper's is its own.
 */
#ifndef PRONG_BELLS_H
#define PRONG_BELLS_H

#include <stddef.h>

struct bells;

/* Null with errno set. */
struct bells *bells_new(void);
/* Those of another master, by the descriptors that bells_fds gave there, which
 * are taken over; null, and nothing is, when they are not as many as ours. */
struct bells *bells_take(const int *fds, size_t count);
/* Closes them; null is allowed. */
void bells_free(struct bells *b);

/* Wakes the process in `slot`; costs one system call. Null is allowed. */
void bells_ring(const struct bells *b, unsigned slot);
/* What the process in `slot` watches. */
int bells_fd(const struct bells *b, unsigned slot);
/* All of their descriptors, for who closes all but some: how many, and *fds
 * where they stand, as long as the bells do. 0 of null. */
size_t bells_fds(const struct bells *b, const int **fds);

#endif
