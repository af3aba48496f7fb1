/*
 * scaling: how many workers the load calls for, between --workers-min and
 * --workers-max. It grows within seconds and shrinks one at a time after a
 * while; if what it took away is soon needed again, that while doubles
 * (uWSGI's "cheaper busyness" does the like). Pure: it is shown a sample each
 * second and knows no other time.
 *
 * Busy is the share of time that a worker does not wait: it takes in the
 * machine's own slowness, so that more workers than CPUs help only as far as
 * they wait for the disk or for turns.
 */
#ifndef PRONG_SCALING_H
#define PRONG_SCALING_H

#include <stdint.h>

#include "common/settings/settings.h"

enum {
    SCALING_GROW = 65,      /* percent busy, mean of two samples: it grows, */
    SCALING_AIM = 50,       /* to as many as would be so busy, at most twice
                               as many as there are */
    SCALING_SHRINK = 25,    /* below that in each sample of a while: by one */
    SCALING_CALM = 30,      /* samples: that while, at first */
    SCALING_CALM_MAX = 480, /* and at most */
    SCALING_FLAP = 120,     /* growing so soon after shrinking: the while
                               doubles; not so soon: it halves */
};

struct scaling_limits {
    int64_t min, max;
};

/* What was seen in the second since the last one. */
struct scaling_sample {
    int64_t wanted;   /* workers there are to be */
    int64_t serving;  /* of them, ready */
    unsigned busy;    /* percent, the mean of those that serve */
    unsigned backlog; /* connections that nobody has accepted */
};

/* Zeroed at the beginning. */
struct scaling {
    unsigned samples; /* since the number last changed */
    unsigned before;  /* busy, in the last one */
    unsigned jammed;  /* samples in a row with a backlog */
    unsigned idle;    /* samples in a row below SCALING_SHRINK */
    unsigned calm;    /* how many it takes; 0: SCALING_CALM */
    unsigned shrunk;  /* samples since it last shrank, plus 1; 0: it has not,
                         or long ago */
};

/* --workers-min and --workers-max; without the latter, what is possible. */
struct scaling_limits scaling_limits(const struct settings *s);
int64_t scaling_clip(const struct scaling_limits *limits, int64_t count);

/* How many there should be from now on. */
int64_t scaling_follow(struct scaling *s, const struct scaling_limits *limits,
                       const struct scaling_sample *now);
/* The number was changed by hand, or by a reload: it begins to watch anew. */
void scaling_disturbed(struct scaling *s);

#endif
