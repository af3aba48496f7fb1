/*
 * crew: the slots and the processes in them: the workers, and one keeper. Each
 * slot is a small machine, state by event; the crew keeps it going
 * (heartbeats, deadlines, back-off) and reports what concerns a whole
 * generation in its era. How many workers there should be, and of which era,
 * is the supervisor's to say. The keeper is watched like them and never counts
 * as one: "worker" below does not mean it, "everybody" does.
 *
 * Master only. Times are CLOCK_MONOTONIC in ms.
 */
#ifndef PRONG_CREW_H
#define PRONG_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/segment/heritage.h"
#include "master/era.h"
#include "master/estate.h"

struct crew;

/* The descriptors are those of struct heritage. */
struct crew_config {
    const struct shared *shared;
    worker_body *body;
    worker_body *keeper; /* null: there is none */
    int news_fd;
    int life_fd;
    int bell_fd;
    const struct bells *bells;
    /* A child has ended that is none of the crew; may be null. */
    void (*on_stranger)(void *self, const struct spawn_end *end);
    void *self;
};

/* One of everybody, to look at. */
struct hand_view {
    unsigned slot; /* SLOT_KEEPER: the keeper */
    pid_t pid;     /* 0: waits to be tried again */
    enum slot_state state;
    bool stopped; /* by SIGSTOP or its like */
    bool due;     /* is replaced: drains when another one is ready */
    unsigned generation;
    uint64_t age_ms; /* since it was started, last */
};

/* What the dead leave behind is settled with this. */
const struct estate *crew_estate(const struct crew *c);

/* Null with errno set. */
struct crew *crew_new(const struct crew_config *config);
/* Null is allowed. Nobody may be left in it. */
void crew_free(struct crew *c);

/* ---- what is ---- */

/* Slots in this state with workers of that era (null: of any). */
int64_t crew_count(const struct crew *c, const struct era *e,
                   enum slot_state state);
/* What counts towards wanted: starting, about to be tried again, or ready, but
 * for those that have been stopped for a while or are to be replaced. */
int64_t crew_strength(const struct crew *c, const struct era *e);
/* Who serves, of any era: ready and not stopped. */
int64_t crew_serving(const struct crew *c);
/* Who serves, or is about to, of any era. */
int64_t crew_present(const struct crew *c);
/* Whether any slot still belongs to it, the keeper's included. */
bool crew_uses(const struct crew *c, const struct era *e);
/* Whether no process is left. */
bool crew_is_gone(const struct crew *c);
/* Everybody, in the order of slots; at most `most`. Returns how many. */
size_t crew_view(const struct crew *c, struct hand_view *out, size_t most);
/* When crew_tend has something to do at the latest. */
uint64_t crew_next_ms(const struct crew *c);

/* ---- what shall be ---- */

/* Starts a worker in a free slot; false when there is none, which the log is
 * told. */
bool crew_start(struct crew *c, struct era *e);
/* Tells one that serves to drain: of the oldest era, and within it one that is
 * to be replaced, or else the first born. */
void crew_retire_oldest(struct crew *c);
/* Lets all go that are stopped and missed, but for those of one era (null: of
 * none). They hear of it when they go on, if that is within the grace. */
void crew_retire_stopped(struct crew *c, const struct era *but);
/* Replaces that worker: it drains when another one is ready. False when no
 * ready worker has this id. */
bool crew_replace(struct crew *c, pid_t pid);
/* Lets one go that is not serving yet; false when there is none. */
bool crew_retire_unready(struct crew *c, const struct era *e);
/* Lets all of an era go that are not serving yet. */
void crew_dismiss(struct crew *c, const struct era *e);
/* Starts the keeper, unless it is there, waits to be tried again, or has not
 * yet left an older era. */
void crew_start_keeper(struct crew *c, struct era *e);
void crew_retire_keeper(struct crew *c);
/* Everybody drains (SIGTERM), the keeper when no worker is left. */
void crew_retire_all(struct crew *c);
/* Everybody leaves at once (SIGQUIT), and is killed after two seconds. */
void crew_hurry(struct crew *c);
/* Passes a signal on to everybody. */
void crew_signal(struct crew *c, int signal);
/* No silence until now counts: the master itself was stopped. */
void crew_forgive(struct crew *c);
/* No endpoint answers for deaths until now, nor for those of older eras. */
void crew_absolve(struct crew *c, const struct era *from);

/* ---- events ---- */

/* Notes who became ready or asks to be replaced, and who ended, was stopped or
 * goes on, in that order. */
void crew_look(struct crew *c);
/* Aborts the silent, kills the overdue, tries again what waited. */
void crew_tend(struct crew *c);

#endif
