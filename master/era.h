/*
 * era: a generation while anybody needs it: its settings and app, its
 * listening sockets, how many workers it wants, whether it has proved itself.
 * Private to supervisor and crew; lives in the master's own memory.
 */
#ifndef PRONG_ERA_H
#define PRONG_ERA_H

#include <stdbool.h>
#include <stdint.h>

#include "master/listener.h"
#include "master/spawn.h"
#include "master/supervisor.h"

struct era {
    struct generation is;
    /* Null once the master has let go of them: its workers have their own. */
    struct listeners *listeners;
    unsigned number; /* 1 is the first boot; later ones are higher */
    /* Workers it should have; at first the setting, within its limits, or what
     * the load has made of the same setting before. Writer: staffing. */
    int64_t wanted;
    /* One of its workers has been ready. Writer: crew. Never taken back. */
    bool proven;
    /* A worker died before any was ready, and how. Writer: crew; the
     * supervisor clears it when it has drawn its conclusion. */
    bool failed;
    struct spawn_end failure;
    struct era *older; /* in the supervisor's list */
};

struct era *era_new(const struct generation *g, struct listeners *l,
                    struct era *older);
/* If the load decides in both, the next one begins with as many workers. */
void era_follow(struct era *next, const struct era *present);
/* Closes its listeners, releases its generation, forgets it. */
void era_free(struct era *e, const struct supervisor_config *config);

/* What stands for the life of the master is in `next` as it is in `present`;
 * names in the log what would have changed. */
void era_keep_fixed(const struct era *present, struct generation *next);

#endif
