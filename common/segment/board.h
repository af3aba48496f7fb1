/*
 * board: what the keeper writes up for everybody to read, in the segment: the
 * state of the system, a minute of samples, the alerts. One writer, versioned:
 * a reader copies and looks at the version again (versioned.h).
 */
#ifndef PRONG_BOARD_H
#define PRONG_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/segment/metrics.h"

enum {
    BOARD_SAMPLES = 13, /* one each BOARD_INTERVAL_MS: a good minute */
    BOARD_INTERVAL_MS = 5000,
};

/* The machine and the server as a whole. */
struct board_system {
    int64_t wall_ms;    /* when it was taken, Unix time; 0: never yet */
    double cpu_percent; /* of one CPU, all our processes, since the last */
    double load[3];     /* getloadavg(3) */
    uint32_t cpus;      /* that this process may use */
    uint32_t processes; /* of ours */
    uint64_t pss_kb;    /* of them all */
    uint64_t memory_kb; /* of the machine */
    uint64_t available_kb;
    uint64_t disk_bytes; /* of the database's file system */
    uint64_t disk_free_bytes;
    uint64_t database_bytes;
    uint64_t wal_bytes;
    uint64_t descriptors; /* of all our processes */
};

/* Everything counted so far, at one moment. */
struct board_sample {
    uint64_t clock_ms; /* CLOCK_MONOTONIC; 0: none */
    struct totals totals;
    struct totals operators; /* of that, the operators' own pages */
};

enum alert_kind {
    ALERT_RESPONSE_TIME,  /* mean of the last minute, ms; above */
    ALERT_DB_QUERY_TIME,  /* mean of the last minute, ms; above */
    ALERT_MEMORY_USAGE,   /* PSS of all processes, MB; above */
    ALERT_CACHE_HIT_RATE, /* of cacheable requests of the last minute, percent;
                             below */
    ALERT_ERROR_RATE,     /* 5xx of the last minute, percent; above */
    ALERTS
};

struct alert {
    bool active;
    double value;     /* when last evaluated */
    double threshold; /* 0: switched off */
    int64_t since_ms; /* Unix time of its last rise or clearing; 0: never */
    uint64_t rises;   /* since the beginning */
};

/* The WAL, and what the keepers did about it since the beginning. Each field
 * by itself is what was put last, so a keeper that dies takes no count with
 * it, and the next one goes on with them. */
struct board_wal {
    uint64_t frames; /* in it, when last looked at */
    uint64_t copied; /* of them, into the database */
    uint64_t checkpoints;
    uint64_t sum_ns;  /* that they took */
    uint64_t last_ns; /* the last one */
};

struct board;

/* Bytes of its region, which is valid when zeroed. */
size_t board_size(void);

/* ---- by the keeper ----*/
void board_put_system(struct board *b, const struct board_system *s);
void board_put_sample(struct board *b, const struct board_sample *s);
void board_put_alert(struct board *b, enum alert_kind kind,
                     const struct alert *a);
void board_put_wal(struct board *b, const struct board_wal *w);

/* ---- by anybody; false while there is none ----*/
bool board_system(const struct board *b, struct board_system *out);
/* The youngest sample that is at least age_ms old at clock_ms, or else the
 * oldest there is. */
bool board_sample(const struct board *b, uint64_t clock_ms, uint64_t age_ms,
                  struct board_sample *out);
bool board_alert(const struct board *b, enum alert_kind kind,
                 struct alert *out);
/* All 0 at first. */
void board_wal(const struct board *b, struct board_wal *out);

/* "response_time" … */
const char *alert_name(enum alert_kind kind);

#endif
