#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/segment/metrics.h"

#include "master/control/top_figures.h"

#define NUMBER(name)                                                           \
    {                                                                          \
#name, offsetof(struct top_figures, name)                              \
    }

static const struct number {
    const char *name;
    size_t field;
} numbers[] = {
    NUMBER(clock_ns),    NUMBER(requests),  NUMBER(errors),
    NUMBER(hits),        NUMBER(cacheable), NUMBER(bytes_out),
    NUMBER(accepted),    NUMBER(uptime_ms), NUMBER(generation),
    NUMBER(wanted),      NUMBER(ready),     NUMBER(draining),
    NUMBER(connections), NUMBER(backlog),   NUMBER(writes_waiting),
    NUMBER(memory_kb),   NUMBER(max_ns),
};

/* ---- reading ------------------------------------------------------------- */

static bool to_count(struct slice text, uint64_t *out)
{
    int64_t value;

    if (!text_int64(text, &value) || value < 0)
        return false;
    *out = (uint64_t)value;
    return true;
}

static bool read_bucket(struct slice rest, struct distribution *d)
{
    uint64_t index;
    uint64_t count;

    if (!to_count(slice_word(&rest), &index) || index >= HISTOGRAM_BUCKETS ||
        !to_count(slice_trim(rest), &count))
        return false;
    d->bucket[index] = count;
    d->count += count;
    return true;
}

static bool read_line(struct slice line, struct top_figures *out)
{
    struct slice name = slice_word(&line);
    struct slice value = slice_trim(line);

    if (slice_is(name, "app"))
        snprintf(out->app, sizeof out->app, "%.*s", (int)value.len, value.ptr);
    if (slice_is(name, "state"))
        snprintf(out->state, sizeof out->state, "%.*s", (int)value.len,
                 value.ptr);
    if (slice_is(name, "bucket"))
        return read_bucket(value, &out->request);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (slice_is(name, numbers[i].name))
            return to_count(
                value, (uint64_t *)(void *)((char *)out + numbers[i].field));
    return true;
}

/* The text up to the next empty line. */
static struct slice cut_part(struct slice *rest)
{
    struct slice part = {rest->ptr, 0};

    while (rest->ptr && rest->len > 0) {
        struct slice line = slice_cut(rest, '\n');
        if (line.len == 0)
            break;
        part.len = (size_t)(line.ptr + line.len - part.ptr);
    }
    return part;
}

bool top_figures_read(struct slice text, struct top_figures *out)
{
    *out = (struct top_figures){.clock_ns = 0};
    struct slice head = cut_part(&text);

    while (head.ptr)
        if (!read_line(slice_cut(&head, '\n'), out))
            return false;
    out->request.max_ns = out->max_ns;
    out->workers = cut_part(&text);
    out->requests_table = cut_part(&text);
    return out->clock_ns > 0;
}

/* ---- between two --------------------------------------------------------- */

static bool is_later(const struct top_figures *before,
                     const struct top_figures *now)
{
    return now->clock_ns > before->clock_ns &&
           now->uptime_ms >= before->uptime_ms &&
           now->requests >= before->requests;
}

static void quantiles(struct top_rates *r, const struct top_figures *before,
                      const struct top_figures *now)
{
    struct distribution d = now->request;

    distribution_subtract(&d, &before->request);
    r->p50_ms = (double)distribution_quantile(&d, 0.5) / 1e6;
    r->p95_ms = (double)distribution_quantile(&d, 0.95) / 1e6;
    r->p99_ms = (double)distribution_quantile(&d, 0.99) / 1e6;
}

void top_rates_between(struct top_rates *r, const struct top_figures *before,
                       const struct top_figures *now)
{
    *r = (struct top_rates){.seconds = 0};
    if (!is_later(before, now))
        return;
    uint64_t requests = now->requests - before->requests;
    uint64_t errors = now->errors - before->errors;
    uint64_t cacheable = now->cacheable - before->cacheable;
    r->seconds = before->clock_ns > 0
                     ? (double)(now->clock_ns - before->clock_ns) / 1e9
                     : (double)now->uptime_ms / 1e3;
    if (!(r->seconds > 0))
        r->seconds = 1;
    r->requests = (double)requests / r->seconds;
    r->errors = (double)errors / r->seconds;
    r->bytes_out = (double)(now->bytes_out - before->bytes_out) / r->seconds;
    r->accepted = (double)(now->accepted - before->accepted) / r->seconds;
    r->error_percent = metrics_percent(errors, requests);
    r->hit_percent = metrics_percent(now->hits - before->hits, cacheable);
    r->cacheable = cacheable > 0;
    quantiles(r, before, now);
}
