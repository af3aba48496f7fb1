#include <assert.h>
#include <math.h>
#include <string.h>

#include "worker/monitor/promtext.h"

/* Backslash, quote and newline are escaped; what is not UTF-8, which would
 * make a scraper refuse the whole page, becomes question marks. */
static void add_value(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.len;) {
        size_t len = text_utf8_at(s, i);
        char c = s.ptr[i];

        if (c == '\\' || c == '"')
            buf_byte(b, '\\');
        if (c == '\n')
            buf_string(b, "\\n");
        else if (len == 0)
            buf_byte(b, '?');
        else
            buf_add(b, s.ptr + i, len);
        i += len ? len : 1;
    }
}

static void add_labels(struct buf *b, const struct label *labels, size_t count)
{
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        buf_byte(b, i ? ',' : '{');
        buf_string(b, labels[i].name);
        buf_string(b, "=\"");
        add_value(b, slice_of(labels[i].value));
        buf_byte(b, '"');
    }
    buf_byte(b, '}');
}

/* "name_suffix{labels} " */
static void begin(struct promtext *p, const char *suffix,
                  const struct label *labels, size_t count)
{
    if (!p->begun) {
        buf_format(p->out, "# HELP %s %s\n", p->name, p->help);
        buf_format(p->out, "# TYPE %s %s\n", p->name, p->type);
        p->begun = true;
    }
    buf_string(p->out, p->name);
    buf_string(p->out, suffix);
    add_labels(p->out, labels, count);
    buf_byte(p->out, ' ');
}

static void end_int(struct promtext *p, uint64_t value)
{
    buf_int(p->out, (int64_t)value);
    buf_byte(p->out, '\n');
}

/* Whole numbers without a point, which buf_real would write. */
static void end_real(struct promtext *p, double value)
{
    if (floor(value) == value && fabs(value) < 9007199254740992.0)
        buf_int(p->out, (int64_t)value);
    else
        buf_real(p->out, value);
    buf_byte(p->out, '\n');
}

void promtext_family(struct promtext *p, const char *name, const char *type,
                     const char *help)
{
    p->name = name;
    p->type = type;
    p->help = help;
    p->begun = false;
}

void promtext_int(struct promtext *p, const struct label *labels, size_t count,
                  uint64_t value)
{
    begin(p, "", labels, count);
    end_int(p, value);
}

void promtext_real(struct promtext *p, const struct label *labels, size_t count,
                   double value)
{
    begin(p, "", labels, count);
    end_real(p, value);
}

void promtext_histogram(struct promtext *p, const struct label *labels,
                        size_t count, const struct bound *bounds,
                        const struct distribution *d)
{
    struct label with[PROMTEXT_LABELS_MAX];

    assert(count < PROMTEXT_LABELS_MAX);
    if (count > 0)
        memcpy(with, labels, count * sizeof *labels);
    for (; bounds->seconds; bounds++) {
        with[count] = (struct label){"le", bounds->seconds};
        begin(p, "_bucket", with, count + 1);
        end_int(p, distribution_below(d, bounds->ns));
    }
    with[count] = (struct label){"le", "+Inf"};
    begin(p, "_bucket", with, count + 1);
    end_int(p, d->count);
    begin(p, "_sum", labels, count);
    end_real(p, (double)d->sum_ns / 1e9);
    begin(p, "_count", labels, count);
    end_int(p, d->count);
}
