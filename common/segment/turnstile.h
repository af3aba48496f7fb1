/*
 * turnstile: the fair queue before SQLite's write lock, in the segment. A
 * process that wants to write takes a ticket; turns come in the order of the
 * tickets. A process has one ticket at a time and lets everything that it has
 * to write through in one turn, up to a limit of its own.
 *
 * One word says whose turn it is and under which ticket; it changes by
 * compare-and-swap alone. A ticket stands from turnstile_ask until
 * turnstile_pass, so a turn whose ticket is gone is nobody's, and anybody may
 * move it on (turnstile_tend). So whoever dies where, nothing waits for the
 * dead: the master takes its ticket away (turnstile_forget).
 *
 * The turn is fairness, not safety: SQLite's own lock still keeps writers
 * apart, and those that know nothing of the turnstile (the sqlite3 shell).
 *
 * Whoever is given the turn has its bell rung (bells.h); should the ringer die
 * in between, those who wait look again each TURN_LOOK_MS.
 */
#ifndef PRONG_TURNSTILE_H
#define PRONG_TURNSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/segment/bells.h"
#include "common/segment/histogram.h"
#include "common/segment/recorder.h"
#include "common/text.h"

enum {
    TURN_LOOK_MS = 20,       /* between two looks of one who waits */
    TURN_SLOW = 16,          /* slow holders kept for each slot */
    TURN_RECENT_MS = 600000, /* a slow one older than 10 min gives way */
};

struct turnstile;

/* Bytes of its region, which is valid when zeroed. */
size_t turnstile_size(void);

/* ---- by the process in `slot` ----*/

/* Takes a ticket, unless it has one. True when it is its turn already. */
bool turnstile_ask(struct turnstile *t, unsigned slot, const struct bells *b);
/* Its turn? Two loads. */
bool turnstile_ours(const struct turnstile *t, unsigned slot);
/* Gives its turn to the next, or gives up its place in the queue; nothing when
 * it has neither. */
void turnstile_pass(struct turnstile *t, unsigned slot, const struct bells *b);
/* Moves on a turn that is nobody's. To be called each TURN_LOOK_MS by those
 * who wait. */
void turnstile_tend(struct turnstile *t, const struct bells *b);

/* How many requests of this process wait for its turn now. */
void turnstile_queue(struct turnstile *t, unsigned slot, uint32_t requests);

/* What the holder is at: a request, or a job. */
struct turn_work {
    unsigned route;     /* number of its name (names.h) */
    struct slice id;    /* of the request; may be empty */
    uint64_t waited_ns; /* for this turn */
};

/* The holder begins this; what it was at before (in this turn) is over. */
void turnstile_work(struct turnstile *t, unsigned slot,
                    const struct turn_work *work);

/* ---- by the master ----*/

/* The process of that slot is gone, however it ended: its ticket and its turn
 * with it. Before the slot is given away. */
void turnstile_forget(struct turnstile *t, unsigned slot,
                      const struct bells *b);

/* ---- by anybody ----*/

/* Somebody who holds the turn, or held it. Plain data. */
struct turn_holder {
    pid_t pid;
    unsigned slot;
    unsigned route;
    char id[RECORD_ID];
    int64_t wall_ms;    /* Unix time when it began */
    uint64_t waited_ns; /* for the turn */
    uint64_t held_ns;   /* so far, or in all */
};

/* Who holds the turn now; false when nobody does. Times are those of the piece
 * of work; while it has not said what it is at, those of the turn, route is
 * NAMES_REST and the id empty. */
bool turnstile_holder(const struct turnstile *t, struct turn_holder *out);
/* Processes that have a ticket and not the turn; and the requests that wait
 * in them and in who has it. */
void turnstile_waiting(const struct turnstile *t, unsigned *tickets,
                       uint64_t *requests);
/* The requests that wait in all processes but that of one slot. */
uint64_t turnstile_queued(const struct turnstile *t, unsigned but);
/* The i-th of the slow holders that a slot keeps; false past the last and for
 * one that is just being written: go on to TURN_SLOW. In no order. */
bool turnstile_slow(const struct turnstile *t, unsigned slot, unsigned i,
                    struct turn_holder *out);
/* Of all slots' those that ended within TURN_RECENT_MS, who held longest comes
 * first: at most so many go to out; returns how many. */
unsigned turnstile_slowest(const struct turnstile *t, struct turn_holder *out,
                           unsigned most);
/* How long each piece of work of a slot waited for its turn, and how long
 * each turn was held: since the beginning. */
const struct histogram *turnstile_waits(const struct turnstile *t,
                                        unsigned slot);
const struct histogram *turnstile_holds(const struct turnstile *t,
                                        unsigned slot);

#endif
