/*
 * self: the master's own place in the segment: what it costs, for those who
 * add up the processes. Nobody supervises it there.
 */
#ifndef PRONG_SELF_H
#define PRONG_SELF_H

#include "common/segment/heritage.h"

/* Once the place is this master's. */
void self_enter(struct slot *slot);
/* Up to 1 ms: now and then. Nothing while it is another master's. */
void self_look(struct slot *slot);

#endif
