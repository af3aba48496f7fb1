/*
 * perfline: the line of performance.jsonl: what happened in an interval, as
 * one JSON object. Times in ms, rates in percent, memory in MB, as in
 * /api/monitoring/metrics. Pure.
 */
#ifndef PRONG_PERFLINE_H
#define PRONG_PERFLINE_H

#include <stdint.h>

#include "common/app/alerts.h"
#include "common/buf.h"
#include "common/segment/board.h"

struct perfline {
    int64_t wall_ms;     /* Unix time of its end */
    uint64_t took_ms;    /* its length */
    struct totals spent; /* what was counted in it */
    /* At its end: */
    uint64_t pss_kb;    /* of all processes */
    double cpu_percent; /* of one CPU */
    uint64_t connections;
    unsigned workers;     /* that serve */
    struct alert *alerts; /* ALERTS of them */
};

/* Appends the object and a newline. */
void perfline_write(struct buf *out, const struct perfline *line);

#endif
