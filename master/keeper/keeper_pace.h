/*
 * keeper_pace: how fast the WAL grows, and when it will have grown by so much
 * if it goes on like that: so the keeper looks once a second at one that
 * rests, and 50 times at one that 10,000 commits a second go into. Pure.
 */
#ifndef PRONG_KEEPER_PACE_H
#define PRONG_KEEPER_PACE_H

#include <stdint.h>

enum {
    PACE_LEAST_MS = 20, /* between two looks; the pace is reckoned so often */
    PACE_MOST_MS = 1000,
};

/* All 0 at first. */
struct pace {
    uint64_t per_s; /* frames */
    uint64_t seen_ms;
    int seen; /* frames then */
};

/* There are that many now; fewer than before: it began anew. */
void pace_note(struct pace *p, int frames, uint64_t now_ms);
/* In how many ms there will be so many more, from PACE_LEAST_MS to
 * PACE_MOST_MS. */
uint64_t pace_wait(const struct pace *p, int frames);

#endif
