/*
 * schedule: "EVERY 5m" and "DAILY 03:30" (UTC), and when such a thing is due.
 * Pure: the times are the caller's, Unix milliseconds.
 */
#ifndef PRONG_SCHEDULE_H
#define PRONG_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

/* Exactly one of the two says something. */
struct schedule {
    int64_t every_ms; /* 0 when daily */
    int daily_minute; /* minute of the day, UTC */
};

/* Reads it; nothing may stand behind. The words are in capitals, the duration
 * is text_duration_ms's and at least a second. False with the reason. */
bool schedule_read(struct slice text, struct schedule *out,
                   struct fault *fault);
/* As it would be written: "EVERY 5m". */
void schedule_write(const struct schedule *s, char out[32]);

/*
 * When it is due next after it ran at last_ms (0: it never did, and now_ms is
 * when that was found out). EVERY: so long after the last, or after now when
 * it never ran. DAILY: the first such moment after the last run; so a server
 * that was down at that time catches up once when it is back. A last_ms that
 * lies after now_ms (the clock was set back) counts as now.
 */
int64_t schedule_next(const struct schedule *s, int64_t last_ms,
                      int64_t now_ms);

#endif
