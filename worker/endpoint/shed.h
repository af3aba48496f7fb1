/*
 * shed: whether a worker has more to do than it can, so that it is better to
 * refuse some requests at once than to answer all of them late.
 *
 * As with CoDel (RFC 8289) it does not matter that some request waited long,
 * which a burst or one long statement explains, but that there is a standing
 * queue: that for a while most requests waited longer than the target. CoDel
 * asks whether all did; but we are no single queue: new connections wait in
 * the backlog while open ones, whose requests are read each turn, go before.
 * From then on whoever has waited longer than the target is refused, until for
 * a while nobody has.
 *
 * Pure; a struct shed is plain data, of one worker. Times in ns.
 */
#ifndef PRONG_SHED_H
#define PRONG_SHED_H

#include <stdbool.h>
#include <stdint.h>

struct shed {
    uint64_t target_ns;    /* 0: nothing is ever refused */
    uint64_t window_ns;    /* the while */
    uint64_t until_ns;     /* the end of the present one */
    uint64_t last_ns;      /* when a request had its turn last */
    uint32_t late, timely; /* requests in it */
    bool on;
};

struct shed shed_of(int64_t target_ms);

/* The turn of a request has come at now_ns, which has waited so long. True
 * when it is to be refused. */
bool shed_refuses(struct shed *s, uint64_t waited_ns, uint64_t now_ns);

#endif
