/*
 * turnstile_private: the turnstile's region. turnstile.c says whose turn it
 * is; turnstile_report.c keeps what the holders were at, and for how long.
 */
#ifndef PRONG_TURNSTILE_PRIVATE_H
#define PRONG_TURNSTILE_PRIVATE_H

#include <assert.h>
#include <stdatomic.h>

#include "common/app/place.h"

#include "common/segment/turnstile.h"

/* A process in the queue. */
struct place {
    _Atomic uint64_t ticket; /* 0: none. Cleared by the master of the dead */
    _Atomic uint64_t asked_ns;
    /* When it was given the turn last, CLOCK_MONOTONIC. By the givers, who
     * only raise it, and never beyond the moment of the gift. */
    _Atomic uint64_t given_ns;
    _Atomic uint32_t queued; /* requests */
    _Atomic int32_t pid;     /* from its first ticket on; 0: none yet */
} __attribute__((aligned(64)));

/* What a process does with its turn. */
struct note {
    _Atomic uint32_t version;
    uint64_t ticket; /* of that turn */
    uint64_t began_ns;
    struct turn_holder who; /* but for held_ns */
};

struct slow {
    _Atomic uint32_t version;
    uint64_t ended_ns;
    struct turn_holder who;
};

/* One writer: the process of the slot; when it is gone, the master. */
struct report {
    struct note note;
    /* What held no longer than that, and ended before then, is none of the
     * slow ones: so most work needs no look at them. 0: look. */
    _Atomic uint64_t bar_ns, bar_until_ns;
    struct slow slow[TURN_SLOW];
    struct histogram waits, holds;
} __attribute__((aligned(64)));

struct turnstile {
    _Atomic uint64_t turn;    /* ticket and slot of who has it, or had it */
    _Atomic uint64_t tickets; /* drawn so far */
    _Atomic uint32_t used;    /* places below this one were ever used */

    struct place place[SLOTS_ALL] __attribute__((aligned(64)));
    /* By place; of those never used no page is touched. */
    struct report report[SLOTS_ALL];
};

/* The process of `slot` had the turn under that ticket, and has it no more. */
void turn_over(struct turnstile *t, unsigned slot, uint64_t ticket,
               uint64_t now_ns);

/* CLOCK_MONOTONIC. */
uint64_t turn_clock_ns(void);

/* ---- who has the turn ----*/

struct turn {
    uint64_t ticket;
    unsigned slot;
};

/* False when it is nobody's. */
bool turn_read(const struct turnstile *t, struct turn *out);

#endif
