/*
 * succession: what a running master does because another one was before it,
 * may follow it, or has died beside it; and what it tells systemd. The glue
 * between supervisor and upgrade, orphans, notify. Private to the supervisor,
 * which embeds the struct.
 */
#ifndef PRONG_SUCCESSION_H
#define PRONG_SUCCESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/segment/heritage.h"
#include "common/text.h"
#include "master/orphans.h"
#include "master/spawn.h"

struct supervisor;

struct succession {
    bool ready;       /* as the second, with all its workers; it was said */
    uint64_t look_ms; /* when to look for orphans again */
    struct orphans orphans;
    /* Requests answered, of all workers that were: `seen` is what each slot
     * showed last. */
    uint64_t requests;
    uint64_t seen[SLOTS_MAX];
};

/* Bells and watches, once the loop is there. False with errno set. */
bool succession_open(struct supervisor *s);
/* The end: of this master's place in the segment, and of its word. */
void succession_close(struct supervisor *s);

/* Each turn of the loop: looks for orphans, takes the master's own slot as
 * soon as it is free, tells systemd. */
void succession_look(struct supervisor *s);
/* When it has something to do at the latest. */
uint64_t succession_next_ms(const struct supervisor *s);

/* USR2. False with the reason, which is logged. */
bool succession_start(struct supervisor *s, struct fault *fault);
/* A child has ended that is none of the crew; self is the supervisor. */
void succession_ended(void *self, const struct spawn_end *end);

#endif
