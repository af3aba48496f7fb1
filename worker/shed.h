/*
 * shed: whether a worker has more to do than it can, so that it is better to
 * refuse some requests at once than to answer all of them late. After CoDel
 * (RFC 8289, 5): what counts is not how long one request waited, which a
 * single burst or one long statement explains, but that for a while every
 * single one has waited longer than the target. Then there is a standing
 * queue, and whoever has waited longer than the target is refused, until
 * somebody has not.
 *
 * Pure; a struct shed is plain data, of one worker. Times in ns.
 */
#ifndef PRONG_SHED_H
#define PRONG_SHED_H

#include <stdbool.h>
#include <stdint.h>

struct shed {
    uint64_t target_ns; /* 0: nothing is ever refused */
    uint64_t window_ns; /* the while */
    uint64_t since_ns;  /* all have waited too long; 0: the last one has not */
    uint64_t last_ns;   /* the last of them */
};

struct shed shed_of(int64_t target_ms);

/* The turn of a request has come at now_ns, which has waited so long. True
 * when it is to be refused. */
bool shed_refuses(struct shed *s, uint64_t waited_ns, uint64_t now_ns);

#endif
