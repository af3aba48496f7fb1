/*
 * lookout: what the keeper sees. It samples the system and the counters, puts
 * them on the board, judges the alerts by them and tells of those that turn,
 * and writes performance.jsonl. Used by the keeper alone: the board has one
 * writer.
 */
#ifndef PRONG_LOOKOUT_H
#define PRONG_LOOKOUT_H

#include "common/segment/heritage.h"

struct lookout;

/*
 * Goes on where a former keeper was: alerts that stand on the board stand. A
 * performance log that cannot be opened is logged and tried again with each
 * line. Null when there is no memory.
 */
struct lookout *lookout_new(const struct heritage *heritage);
/* Writes a last line, of the interval as far as it came. Null is allowed. */
void lookout_free(struct lookout *l);

/* Each BOARD_INTERVAL_MS. */
void lookout_sample(struct lookout *l);
/* Each performance_interval. */
void lookout_line(struct lookout *l);
/* Opens the performance log again (USR1). */
void lookout_reopen(struct lookout *l);

#endif
