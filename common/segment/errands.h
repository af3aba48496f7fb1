/*
 * errands: what workers ask the keeper to do for a client: run a job now, make
 * a backup. In the segment. The worker goes on serving and looks now and then
 * whether it was done; the keeper does one after the other.
 *
 * Each entry's state changes by compare-and-swap and names its owner, so the
 * master can free what a dead worker asked, and fail what a dead keeper was
 * at.
 */
#ifndef PRONG_ERRANDS_H
#define PRONG_ERRANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

enum {
    ERRANDS_MAX = 32,    /* at a time; more are refused */
    ERRAND_WHAT = 256,   /* bytes of name or file, with its NUL */
    ERRAND_RESULT = 512, /* of what is told about the end, with its NUL */
};

enum errand_kind {
    ERRAND_JOB,    /* what: its name */
    ERRAND_BACKUP, /* what: name of the file in backup_dir; "": as scheduled */
};

enum errand_state {
    ERRAND_NONE,
    ERRAND_ASKED,   /* the keeper has not begun */
    ERRAND_RUNNING, /* it is at it */
    ERRAND_DONE,
    ERRAND_FAILED,
};

struct errand {
    enum errand_kind kind;
    char what[ERRAND_WHAT];
};

/* How it ended. */
struct errand_end {
    uint64_t took_ns;
    char text[ERRAND_RESULT]; /* why it failed; of a backup the file's path */
    uint64_t bytes;           /* of a backup */
    bool full;                /* it failed for want of space */
    bool busy;                /* it was refused now; later it may be done */
};

struct errands;

/* Bytes of its region, which is valid when zeroed. */
size_t errands_size(void);

/* ---- by the worker in `slot` ----*/

/* Asks; its number, or -1 when there is no room, or `what` is too long. The
 * caller then rings the keeper. A number that was dropped is none for ever:
 * it stands for no later errand. */
int errands_ask(struct errands *e, unsigned slot, enum errand_kind kind,
                struct slice what);
/* How it stands; *end is filled in once it is DONE or FAILED. ERRAND_NONE for
 * what was dropped, or never asked. */
enum errand_state errands_look(const struct errands *e, int number,
                               struct errand_end *end);
/* Nobody is interested any more: to be called once for each asked, after it
 * ended or when the client left. Returns how it stood: what the keeper has
 * begun (RUNNING) it still ends, what was only ASKED is never done. */
enum errand_state errands_drop(struct errands *e, int number);

/* ---- by the keeper ----*/

/* The next in the order they were asked, which is then RUNNING; its number,
 * or -1 when there is none. */
int errands_next(struct errands *e, struct errand *out);
/* Of one that is RUNNING, or nothing happens. Returns the slot of who asked,
 * to be rung; -1 when nobody waits for it. */
int errands_end(struct errands *e, int number, bool ok,
                const struct errand_end *end);

/* ---- by the master ----*/

/* Of a worker that is gone: all it asked. */
void errands_forget(struct errands *e, unsigned slot);
/* The keeper is gone: what was running has failed. */
void errands_fail(struct errands *e, const char *why);

#endif
