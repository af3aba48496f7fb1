/*
 * relay: the threads of one worker, and the baton that passes among them.
 *
 * All that a worker has (its loop, connections, figures) belongs to the thread
 * that holds the baton; there is one at a time, so nothing else needs a lock.
 * Thread 0, the worker's first, runs the loop. Before a statement is stepped
 * the baton is put down (relay_leave) and afterwards taken up again
 * (relay_return): two atomic operations each, as long as it is quick. When the
 * baton has lain there for RELAY_PATIENCE_MS another thread takes it up and
 * runs the loop with a database connection of its own, until the first one is
 * back. So one long statement, or a run of a sort, in which SQLite does not
 * even call its progress handler, holds up nobody else.
 *
 * A thread that does a job (relay_give) is slow in what it does without the
 * baton: then it lets the others have the CPU first (slice.h).
 *
 * The last thread that is left must not put the baton down: see relay_spare.
 *
 * Of a worker; without one (null) all of it does nothing, and there is one
 * thread.
 */
#ifndef PRONG_RELAY_H
#define PRONG_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct relay;

enum { RELAY_PATIENCE_MS = 5 }; /* two looks at the baton are so far apart */

struct relay_config {
    unsigned threads; /* 2 to THREADS_MAX */
    /* Makes ready what thread number `thread` needs, by that thread, before
     * it holds the baton for the first time; false: it cannot serve now, and
     * is asked again the next time it is wanted. */
    bool (*prepare)(void *self, unsigned thread);
    /* With the baton, just taken from another thread. */
    void (*on_take)(void *self, unsigned thread);
    /* With the baton: turns the loop as long as relay_turn_over is true. */
    void (*run)(void *self);
    /* With the baton: does a job of relay_give. */
    void (*work)(void *self, void *job);
    /* Without the baton: makes whoever waits in the loop come out of it. */
    void (*wake)(void *self);
    void *self;
};

/* By thread 0, which then holds the baton. */
struct relay *relay_new(const struct relay_config *config);
/* From now on there are others: not before what they inherit (a sandbox, the
 * user) is as it should be. */
void relay_start(struct relay *r);
/*
 * By thread 0, with the baton: ends the other threads, and waits most_ms for
 * those that are at work. False when some are left: then nothing may be freed
 * any more, and the process has to end as it stands.
 */
bool relay_stop(struct relay *r, unsigned most_ms);
/* When all are stopped, or none was started; null is allowed. */
void relay_free(struct relay *r);

/* Puts the baton down, and takes it up again. In between this thread touches
 * nothing but its own. */
void relay_leave(struct relay *r);
void relay_return(struct relay *r);

/* With the baton: threads that could take it up. */
unsigned relay_spare(const struct relay *r);
/* With the baton: threads beside this one that are at work, or will be as soon
 * as it is their turn. */
unsigned relay_engaged(const struct relay *r);
/* With the baton: has another thread do a job; false when that would leave
 * none to take over, or none is able to. One whose thread turns out not to be
 * is done all the same, by `work`, which has to see to that. */
bool relay_give(struct relay *r, void *job);
/*
 * With the baton, at the end of a turn of the loop: lets those go first who
 * wait for it. True: the caller is to go on with the loop; false: a thread
 * with a lower number is back, who does.
 */
bool relay_turn_over(struct relay *r);
/* With the baton: is that thread at work without it? */
bool relay_is_away(const struct relay *r, unsigned thread);
/* Threads at work without it. */
unsigned relay_away(const struct relay *r);

#endif
