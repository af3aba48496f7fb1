/*
 * orphans: who has which slot of the segment, and what becomes of those whose
 * master is gone. During a binary upgrade two masters live on one segment:
 * each takes free slots for its workers, and settles (estate.h) only those.
 * When one is killed its workers notice and leave, and the other one, which
 * is not their parent, settles them as they go.
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

/* Makes a free slot the caller's; true also when it is that already. */
bool orphans_claim(struct slot *slot);
/* Gives back one of the caller's. Everything of its process is settled. */
void orphans_release(struct slot *slot);

/*
 * Settles those that have ended and gives their slots back; so it does with
 * what a master that is gone had of its own. Returns how many are left.
 */
size_t orphans_look(const struct estate *e);

#endif
