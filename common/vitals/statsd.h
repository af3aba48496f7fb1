/*
 * statsd: figures in the notation of statsd, "name:value|type|@rate", lines
 * gathered into datagrams (etsy's metric_types.md; "|#tags" behind them is
 * DogStatsD's). It knows no socket.
 */
#ifndef PRONG_STATSD_H
#define PRONG_STATSD_H

#include <stdint.h>

#include "common/buf.h"
#include "common/segment/histogram.h"
#include "common/text.h"

enum {
    /* Bytes of a datagram, so that it fits one Ethernet frame. */
    STATSD_DATAGRAM = 1432,
    /* Of the times of one look, at most so many are sent. */
    STATSD_SAMPLES = 32,
};

typedef void statsd_send(void *self, struct slice datagram);

/* Zeroed before statsd_init; its texts are the caller's and outlive it. */
struct statsd {
    struct slice prefix; /* with the dots behind it taken off */
    struct slice tags;
    struct buf line;
    struct buf datagram;
    statsd_send *send;
    void *self;
};

/* `prefix` and `tags` may be null. */
void statsd_init(struct statsd *s, const char *prefix, const char *tags);
void statsd_free(struct statsd *s);

/* So many more of them; nothing for none, as nobody counts what is not. */
void statsd_count(struct statsd *s, const char *name, uint64_t more);
void statsd_gauge(struct statsd *s, const char *name, uint64_t value);
/*
 * Times, in milliseconds. Of more than STATSD_SAMPLES every n-th in the order
 * of their length is sent, each as a sample of rate 1/n: so counts add up to
 * the number of all, and quantiles are right both where samples are weighted
 * by their rate (DogStatsD, statsd_exporter) and where they are not (etsy).
 */
void statsd_times(struct statsd *s, const char *name,
                  const struct distribution *times);
/* Sends what is gathered. */
void statsd_flush(struct statsd *s);

#endif
