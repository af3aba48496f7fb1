#include <inttypes.h>

#include "common/vitals/statsd.h"

void statsd_init(struct statsd *s, const char *prefix, const char *tags)
{
    s->prefix = slice_of(prefix);
    while (s->prefix.len > 0 && s->prefix.ptr[s->prefix.len - 1] == '.')
        s->prefix.len--;
    s->tags = slice_of(tags);
}

void statsd_free(struct statsd *s)
{
    buf_free(&s->line);
    buf_free(&s->datagram);
}

void statsd_flush(struct statsd *s)
{
    if (s->datagram.len > 0)
        s->send(s->self, buf_view(&s->datagram));
    buf_clear(&s->datagram);
}

static void begin(struct statsd *s, const char *name)
{
    buf_clear(&s->line);
    buf_slice(&s->line, s->prefix);
    if (s->prefix.len > 0)
        buf_byte(&s->line, '.');
    buf_string(&s->line, name);
    buf_byte(&s->line, ':');
}

static void end(struct statsd *s)
{
    if (s->tags.len > 0) {
        buf_string(&s->line, "|#");
        buf_slice(&s->line, s->tags);
    }
    if (s->datagram.len + 1 + s->line.len > STATSD_DATAGRAM)
        statsd_flush(s);
    if (s->datagram.len > 0)
        buf_byte(&s->datagram, '\n');
    buf_slice(&s->datagram, buf_view(&s->line));
}

void statsd_count(struct statsd *s, const char *name, uint64_t more)
{
    if (more == 0)
        return;
    begin(s, name);
    buf_format(&s->line, "%" PRIu64 "|c", more);
    end(s);
}

void statsd_gauge(struct statsd *s, const char *name, uint64_t value)
{
    begin(s, name);
    buf_format(&s->line, "%" PRIu64 "|g", value);
    end(s);
}

/* It stands for so many. The rate is rounded down, so that whoever takes the
 * whole part of its inverse gets that number again. */
static void add_sample(struct statsd *s, const char *name, uint64_t ns,
                       uint64_t weight)
{
    begin(s, name);
    buf_format(&s->line, "%.3f|ms", (double)ns / 1e6);
    if (weight > 1)
        buf_format(&s->line, "|@0.%012" PRIu64,
                   UINT64_C(1000000000000) / weight);
    end(s);
}

void statsd_times(struct statsd *s, const char *name,
                  const struct distribution *times)
{
    uint64_t count = times->count;
    uint64_t weight = (count + STATSD_SAMPLES - 1) / STATSD_SAMPLES;

    for (uint64_t at = 0; at < count; at += weight) {
        uint64_t rest = count - at;
        uint64_t stands_for = weight < rest ? weight : rest;
        double rank = (double)at + (double)stands_for / 2;
        add_sample(s, name, distribution_quantile(times, rank / (double)count),
                   stands_for);
    }
}
