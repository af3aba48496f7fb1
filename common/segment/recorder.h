/*
 * recorder: what each worker is doing now and did last, in the segment, so
 * that it can still be read when the worker is dead. Each thread of each slot
 * has a ring of its last requests, of which the newest is the one at work, and
 * two more: of slow and of failed requests.
 *
 * One writer a place. A record's version is odd while it is written; readers
 * copy it and look at the version again. A worker may die with an odd one:
 * its texts are terminated all the same, because nobody writes their last
 * byte.
 */
#ifndef PRONG_RECORDER_H
#define PRONG_RECORDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/segment/heritage.h"
#include "common/segment/metrics.h"
#include "common/segment/names.h"
#include "common/text.h"

enum {
    RECORD_RECENT = 16, /* requests kept for each slot */
    RECORD_SLOW = 16,
    RECORD_FAILED = 16,
    RECORD_ID = 33,   /* request id, with its NUL */
    RECORD_PATH = 96, /* path without query, cut short, with its NUL */
    RECORD_ROUTE = 64,
    RECORD_STATEMENTS = 8, /* the first ones of a request are timed singly */
};

/* What a request is in, in the order of its life. */
enum phase {
    PHASE_NONE,   /* no request */
    PHASE_QUEUE,  /* complete, behind others of its turn */
    PHASE_READ,   /* token, values, key */
    PHASE_CACHE,  /* looked up, or waiting for another worker's answer */
    PHASE_TURN,   /* waiting for its turn to write (turnstile.h) */
    PHASE_SQL,    /* a statement runs */
    PHASE_SYNC,   /* committed, waiting for the disk (syncs.h) */
    PHASE_FINISH, /* headers, compression, keeping */
    PHASE_SEND,   /* handed to the kernel, in part or whole */
    PHASES
};

struct record_statement {
    uint32_t line; /* in the endpoint's file */
    uint32_t rows;
    uint64_t ns;
};

/* One request. Plain values but for what is written while it runs. */
struct record {
    _Atomic uint32_t version; /* odd while its texts are written */
    _Atomic uint32_t phase;
    _Atomic uint32_t statement; /* the one at work, from 1 */
    uint32_t status;            /* 0: not answered yet */
    int64_t wall_ms;            /* Unix time when it was complete */
    uint64_t began_ns;          /* CLOCK_MONOTONIC at the same moment */
    uint64_t took_ns;           /* until it was handed over; 0: not yet */
    uint64_t phase_ns[PHASES];  /* time spent in each */
    uint64_t bytes;             /* of the answer's body */
    uint32_t queries, rows;
    uint32_t route_number; /* of names */
    int32_t pid;
    uint8_t cache; /* enum cache_outcome */
    uint8_t statement_count;
    struct record_statement statements[RECORD_STATEMENTS];
    char id[RECORD_ID];
    char trace[RECORD_ID]; /* trace-id of traceparent, 32 hex digits, or "" */
    char method[8];
    char path[RECORD_PATH];
    char route[RECORD_ROUTE]; /* "/api/chefs/{id}", "" when none */
};

struct recorder;

/* Bytes of its region, which is valid when zeroed. */
size_t recorder_size(void);

/*
 * A place below is where one thread of a slot's process records: thread 0's
 * is the slot's number itself. Those of threads that never served are empty;
 * how many did, says slot->threads.
 */
static inline unsigned recorder_place(unsigned slot, unsigned thread)
{
    return slot + thread * SLOTS_ALL;
}

/* ---- by the process of the slot ----*/

/*
 * The record to fill for the next request: all empty and PHASE_NONE, but for
 * pid, which stays that of the record's last use. One that is still open is
 * begun anew. Nobody sees it before its phase is set.
 */
struct record *recorder_open(struct recorder *r, unsigned place);
/* Round the writing of anything but the atomic fields. */
void record_write(struct record *rec);
void record_written(struct record *rec);
/* Goes on in the record just opened with what another one holds. */
void recorder_resume(struct record *rec, const struct record *from);
/* Copies a text, cut short to the room, terminated. */
void record_text(char *room, size_t size, struct slice text);
/* It is over: its phase is PHASE_NONE, the ring moves on; slow and failed ones
 * are kept longer. */
void recorder_close(struct recorder *r, unsigned place, bool slow, bool failed);

/* ---- by anybody ----*/

enum record_list { RECORDS_RECENT, RECORDS_SLOW, RECORDS_FAILED };

/*
 * Copies record i (0 is the newest) of a place's list. False past the last,
 * and for one that is just being written or was left half-written: so go on
 * to the list's size. RECENT 0 may be in progress: then its phase says so.
 */
bool recorder_read(const struct recorder *r, unsigned place,
                   enum record_list list, size_t i, struct record *out);
/*
 * By the master, of a place whose process is gone: the request that it was at.
 * False when it was at none. Its record is closed as failed with status 0;
 * *out still has its phase, and took_ns up to now.
 */
bool recorder_bury(struct recorder *r, unsigned place, struct record *out);

/* ---- quarantine: routes that have killed too many workers ----*/

/* Not NAMES_REST, whose routes have nothing in common: that does nothing. */
void recorder_quarantine(struct recorder *r, unsigned route, bool on);
/* One load. */
bool recorder_quarantined(const struct recorder *r, unsigned route);
/* All are free again: a reload. */
void recorder_absolve(struct recorder *r);

/* "sql", "queue" … */
const char *phase_name(enum phase p);

#endif
