/*
 * load: how busy the workers were between two looks, from what they say in
 * their slots. Master only.
 */
#ifndef PRONG_LOAD_H
#define PRONG_LOAD_H

#include <stdint.h>
#include <sys/types.h>

#include "common/segment/shared.h"
#include "master/crew.h"

/* Zeroed at the beginning. What was seen in each slot when last looked at. */
struct load {
    uint64_t then_ns;
    struct load_past {
        pid_t pid;
        uint64_t busy_ns;
        bool still; /* it had not moved then either */
    } past[SLOTS_MAX];
};

/*
 * The share of time since the last look (or since its birth, of one who was
 * not there then), in percent, that the workers which serve have not waited:
 * their mean; 0 without any.
 *
 * One that has a thread in a long statement now counts as busy all the time,
 * though its loop may be free: others like it would find no CPU in it.
 *
 * A worker adds up its time at the end of each turn of its loop, and makes one
 * each second at least. So one whose sum stands still for two looks, a second
 * apart, is in the middle of one: busy all the time.
 */
unsigned load_look(struct load *l, const struct crew *c,
                   const struct shared *shared);

#endif
