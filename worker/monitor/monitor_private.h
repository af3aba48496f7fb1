/*
 * monitor_private: what the pages of monitor share. monitor.c gathers and
 * adds up; each other file writes one kind of page.
 */
#ifndef PRONG_MONITOR_PRIVATE_H
#define PRONG_MONITOR_PRIVATE_H

#include "common/arena.h"
#include "common/jsonout.h"
#include "common/segment/heritage.h"
#include "common/segment/jobboard.h"
#include "common/segment/metrics.h"
#include "common/segment/recorder.h"
#include "worker/monitor/monitor.h"

/* ---- pages ---------------------------------------------------------------*/

/* A JSON document that nobody keeps: 200, its outer brace open. */
struct jsonout monitor_begin(struct call *call);
void monitor_end(struct jsonout *j);

double monitor_ms(uint64_t ns);
double monitor_mb(uint64_t kb);
/* {"avg":…,"p50":…,"p95":…,"p99":…,"max":…} in ms */
void monitor_times(struct jsonout *j, const char *name,
                   const struct distribution *d);
/* "hit_rate":…,"hits":…,"misses":…, … Hits and misses make up all cacheable
 * requests; what follows are parts of them. */
void monitor_outcomes(struct jsonout *j, const struct totals *t);

/* ---- time ----------------------------------------------------------------*/

/* When the server came to life, Unix time: the master, or else the oldest
 * process there is. 0: unknown. */
int64_t monitor_born_ms(const struct monitor *m);
/* Whole seconds since a Unix time in ms; 0 when it lies ahead. */
int64_t monitor_age(int64_t since_ms);
/*
 * What came in the last minute: *all less the keeper's sample of then; all of
 * it when the server is younger, or nothing was sampled. Returns the seconds
 * it covers. The maxima are read from the buckets.
 */
double monitor_minute(const struct monitor *m, const struct totals *all,
                      struct totals *minute);

/* ---- processes -----------------------------------------------------------*/

/* Sums over those that live. */
struct crew {
    uint32_t processes;
    uint32_t backlog; /* the longest that one of them saw: it is the same one */
    uint64_t pss_kb;
    uint64_t connections;
    uint64_t descriptors;
};

void monitor_crew(const struct monitor *m, struct crew *out);
/* The process of that slot or 0. */
int32_t monitor_pid(const struct monitor *m, size_t slot);

/* ---- routes --------------------------------------------------------------*/

/* One route and what was counted for it. */
struct tally {
    const char *name;   /* "GET /api/chefs/{id}", "static" … */
    const char *method; /* "GET"; "_OTHER" when it may be any */
    const char *path;   /* "/api/chefs/{id}", "static" … */
    struct totals totals;
};

/* One look at all cells, of which a page takes one: its figures agree. Routes
 * are those that had requests, the busiest first. What was counted for
 * endpoints that a reload has removed is only in the sums. */
struct tallies {
    struct arena *arena;
    struct tally **at;
    size_t count;
    struct totals all;
    uint64_t requests[SLOTS_ALL]; /* of all that were in that slot */
};

void tallies_take(struct tallies *t, const struct monitor *m);
void tallies_free(struct tallies *t);

/* ---- writes --------------------------------------------------------------*/

/* How long each piece of work waited for its turn, and how long each turn was
 * held, of all processes. */
void monitor_turns(const struct monitor *m, struct distribution *waits,
                   struct distribution *holds);

/* ---- requests ------------------------------------------------------------*/

/* Whether the record is of a request that its worker is at now. */
bool monitor_at_work(const struct monitor *m, unsigned slot,
                     const struct record *rec);
/* Threads of the slot's process that have served so far, at least 1. */
unsigned monitor_threads(const struct monitor *m, unsigned slot);
/* The oldest such request of a slot; false without any. */
bool monitor_present(const struct monitor *m, unsigned slot,
                     struct record *out);
/* "id", "endpoint" and "path", as all pages write them. */
void monitor_which(struct jsonout *j, const struct record *rec);
/* "phase", and in SQL "statement", of one that is at work. */
void monitor_phase(struct jsonout *j, const struct record *rec);
/* A text of a record, whatever state it was left in. */
struct slice monitor_text(const char *room, size_t size);

/* "workers":[…], each with what it is doing now. */
void monitor_workers(const struct monitor *m, struct jsonout *j);
/* "process_list":[…], what each process of ours costs. */
void monitor_processes(const struct monitor *m, struct jsonout *j);

/* ---- jobs ----------------------------------------------------------------*/

/* jobboard_read; what a keeper was at that is gone does not run. */
bool monitor_job(const struct monitor *m, int entry, struct job_figures *out);

#endif
