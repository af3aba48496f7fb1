/*
 * jobboard: how the scheduled jobs fare, in the segment. Written by the
 * keeper, read by the pages. An entry belongs to a name for the segment's
 * life, and what was last put there stays readable whatever becomes of its
 * writer: so counts survive reloads and keepers.
 */
#ifndef PRONG_JOBBOARD_H
#define PRONG_JOBBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JOBS_MAX = 128, /* entries; jobs beyond run unseen */
    JOB_NAME = 65,  /* bytes, with the NUL: what sqllex_is_name takes */
    JOB_ERROR = 256,
};

struct job_figures {
    char name[JOB_NAME];
    char schedule[32]; /* "EVERY 5m", "DAILY 03:30" */
    bool present;      /* in the app that is served */
    bool running;
    int64_t last_ms;  /* Unix time when it last began; 0: never */
    int64_t next_ms;  /* when it is due; 0: not known */
    uint64_t last_ns; /* how long that took */
    uint64_t sum_ns;  /* all runs */
    uint64_t runs;    /* ended well or not */
    uint64_t failures;
    bool failed;           /* the last one did */
    char error[JOB_ERROR]; /* of the last failure; "" when none yet */
};

struct jobboard;

/* Bytes of its region, which is valid when zeroed. */
size_t jobboard_size(void);

/* ---- by the keeper ----*/

/* The entry of that name, a new one if it has none; -1 when all are taken, or
 * the name is too long. */
int jobboard_entry(struct jobboard *b, const char *name);
/* The name is the entry's, whatever *f says. */
void jobboard_put(struct jobboard *b, int entry, const struct job_figures *f);

/* ---- by anybody ----*/

/* Entry i; false past the last, and of one that has a name and no figures yet:
 * go on to JOBS_MAX. */
bool jobboard_read(const struct jobboard *b, int entry,
                   struct job_figures *out);

#endif
