/*
 * estate: what a process that is gone has left in the segment. The master
 * settles it before anybody else gets the slot: marks and claims are cleared,
 * and the request it died at is told to the log, and to blame.
 *
 * Master only; embedded in crew.
 */
#ifndef PRONG_ESTATE_H
#define PRONG_ESTATE_H

#include <stdbool.h>

#include "common/segment/shared.h"
#include "master/blame.h"
#include "master/spawn.h"

struct estate {
    const struct shared *shared;
    struct blame *blame;
    int bell_fd;               /* heritage.bell_fd */
    const struct bells *bells; /* heritage.bells */
};

/* A process that ended. */
struct death {
    const struct spawn_end *end;
    const struct role *role;
    unsigned number; /* of its slot */
    bool crash;      /* nobody wanted it to go */
    bool blamed;     /* it was of the generation that endpoints answer for */
};

void estate_settle(const struct estate *e, const struct death *d);
/* One line about what a process that still lives is doing; none when it is at
 * no request. */
void estate_tell(const struct estate *e, const struct role *role,
                 unsigned number, pid_t pid);
/* It is stopped: nobody waits for an answer that it computes, or for a sync
 * that it was to lead, and what the kernel woke it for others look after. To
 * be repeated while it lasts. */
void estate_suspend(const struct estate *e, unsigned number);
/* Whether others stand still as long as it does: it has the turn to write, or
 * leads a sync. */
bool estate_holds_up(const struct estate *e, unsigned number);
/* A new generation: nothing is held against its endpoints. */
void estate_absolve(const struct estate *e);

#endif
