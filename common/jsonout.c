#include <math.h>
#include <string.h>
#include <time.h>

#include "common/jsonout.h"

/* What stands before a value. */
static void begin(struct jsonout *j, const char *name)
{
    if (j->follows)
        buf_byte(j->out, ',');
    j->follows = true;
    if (name) {
        buf_json(j->out, slice_of(name));
        buf_byte(j->out, ':');
    }
}

void jsonout_open(struct jsonout *j, const char *name, char bracket)
{
    begin(j, name);
    buf_byte(j->out, bracket);
    j->follows = false;
}

void jsonout_close(struct jsonout *j, char bracket)
{
    buf_byte(j->out, bracket);
    j->follows = true;
}

void jsonout_int(struct jsonout *j, const char *name, int64_t value)
{
    begin(j, name);
    buf_int(j->out, value);
}

/* 12.500 is 12.5, 3.000 is 3. There is a point, and a digit before it. */
static void drop_zeros(struct buf *b)
{
    while (b->data[b->len - 1] == '0')
        b->len--;
    if (b->data[b->len - 1] == '.')
        b->len--;
}

void jsonout_real(struct jsonout *j, const char *name, double value, int digits)
{
    /* From 2^53 on a double has no decimals, and printf would show digits
     * that mean nothing. buf_real writes null for what is no number. */
    const double whole = 9007199254740992.0;

    begin(j, name);
    if (!(fabs(value) < whole)) {
        buf_real(j->out, value);
        return;
    }
    size_t start = j->out->len;
    buf_format(j->out, "%.*f", digits, value);
    if (digits > 0)
        drop_zeros(j->out);
    if (j->out->len - start == 2 && memcmp(j->out->data + start, "-0", 2) == 0)
        j->out->data[--j->out->len - 1] = '0';
}

void jsonout_text(struct jsonout *j, const char *name, struct slice value)
{
    begin(j, name);
    buf_json(j->out, value);
}

void jsonout_bool(struct jsonout *j, const char *name, bool value)
{
    begin(j, name);
    buf_string(j->out, value ? "true" : "false");
}

void jsonout_null(struct jsonout *j, const char *name)
{
    begin(j, name);
    buf_string(j->out, "null");
}

void jsonout_time(struct jsonout *j, const char *name, int64_t wall_ms)
{
    int64_t ms = wall_ms % 1000;
    time_t seconds = wall_ms / 1000;
    char text[40]; /* a year of ten digits is the longest there is */
    struct tm tm;

    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    if (wall_ms == 0 || gmtime_r(&seconds, &tm) == NULL) {
        jsonout_null(j, name);
        return;
    }
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    begin(j, name);
    buf_format(j->out, "\"%.*s.%03dZ\"", (int)len, text, (int)ms);
}
