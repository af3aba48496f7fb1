/*
 * orphans: who has which slot of the segment, and what becomes of those whose
 * master is gone. During a binary upgrade two masters live on one segment:
 * each takes free slots for its workers, and settles (estate.h) only those.
 * When one is killed its workers notice and leave, and the other one, which
 * is not their parent, settles them as they go. One that does not go is ended
 * as its master would have done it, by SIGKILL:
 *
 *   - stopped for half a second, and others wait for it: it has the turn to
 *     write, or leads a sync (the kernel sets those going that were stopped
 *     when their master died (spawn.c), so this one was stopped since);
 *   - without a sign of life for longer than the timeout;
 *   - still there when the graceful timeout is over, from when its master was
 *     found gone.
 *
 * Master only.
 */
#ifndef PRONG_ORPHANS_H
#define PRONG_ORPHANS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/segment/heritage.h"
#include "master/estate.h"

enum {
    ORPHANS_LOOK_MS = 50
}; /* between two looks while there are any: who
      died with its turn to write keeps others
      waiting until then */

/* What is known of those in each slot. Zeroed at the beginning. */
struct orphans {
    struct orphan {
        pid_t pid;           /* whom the rest is about; 0: nobody */
        uint64_t since_ms;   /* its master was found gone */
        uint64_t stopped_ms; /* it was found stopped; 0: it runs */
        uint64_t look_ms;    /* when that was looked after last */
        bool condemned;      /* it was tried to kill it, and said */
        bool killed;         /* it was killed, by us */
    } at[SLOTS_ALL];
};

/* Makes a free slot the caller's; true also when it is that already. */
bool orphans_claim(struct slot *slot);
/* Gives back one of the caller's. Everything of its process is settled. */
void orphans_release(struct slot *slot);

/*
 * Settles those that have ended and gives their slots back; so it does with
 * what a master that is gone had of its own. Ends those that do not, by the
 * timeouts of *limits. Returns how many are left. now_ms is CLOCK_MONOTONIC.
 */
size_t orphans_look(struct orphans *o, const struct estate *e,
                    const struct settings *limits, uint64_t now_ms);

#endif
