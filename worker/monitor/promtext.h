/*
 * promtext: Prometheus' text format, 0.0.4, into a buffer: families of
 * samples with labels
 * (prometheus.io/docs/instrumenting/exposition_formats/).
 *
 *     promtext_family(&p, "jobs_total", "counter", "Jobs done.");
 *     promtext_int(&p, labels, 1, 7);
 *
 * HELP and TYPE come once, before a family's first sample; a family without
 * any leaves no trace. The caller sees that all samples of a family follow
 * one another, and that no two have the same labels.
 */
#ifndef PRONG_PROMTEXT_H
#define PRONG_PROMTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/segment/histogram.h"

/* The value may be any text; it is escaped. */
struct label {
    const char *name;
    const char *value;
};

enum { PROMTEXT_LABELS_MAX = 8 };

/* An upper bound of a histogram's bucket, as text and in nanoseconds. */
struct bound {
    const char *seconds;
    uint64_t ns;
};

struct promtext {
    struct buf *out;
    const char *name, *type, *help; /* of the present family */
    bool begun;                     /* its HELP and TYPE are written */
};

/* Texts are borrowed until the next family. */
void promtext_family(struct promtext *p, const char *name, const char *type,
                     const char *help);
void promtext_int(struct promtext *p, const struct label *labels, size_t count,
                  uint64_t value);
void promtext_real(struct promtext *p, const struct label *labels, size_t count,
                   double value);
/* Cumulative buckets up to each of the bounds, which rise and end with null;
 * then +Inf, _sum in seconds and _count. */
void promtext_histogram(struct promtext *p, const struct label *labels,
                        size_t count, const struct bound *bounds,
                        const struct distribution *d);

#endif
