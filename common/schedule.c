#include <inttypes.h>
#include <stdio.h>

#include "common/schedule.h"

enum { EVERY_MIN_MS = 1000 };

static const int64_t MINUTE_MS = 60000;
static const int64_t DAY_MS = 86400000;

/* ---- reading and writing -------------------------------------------------*/

/* The number that two digits make; -1 when they are none. */
static int two_digits(const char *s)
{
    if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
        return -1;
    return (s[0] - '0') * 10 + (s[1] - '0');
}

/* "03:30" */
static bool minute_of_day(struct slice s, int *out)
{
    if (s.len != 5 || s.ptr[2] != ':')
        return false;
    int hour = two_digits(s.ptr);
    int minute = two_digits(s.ptr + 3);
    *out = hour * 60 + minute;
    return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59;
}

static bool read_every(struct slice s, struct schedule *out,
                       struct fault *fault)
{
    return (text_duration_ms(s, &out->every_ms) &&
            out->every_ms >= EVERY_MIN_MS) ||
           fault_set(fault, "EVERY needs a duration from 1s, as 5m");
}

static bool read_daily(struct slice s, struct schedule *out,
                       struct fault *fault)
{
    return minute_of_day(s, &out->daily_minute) ||
           fault_set(fault, "DAILY needs a time of day, as 03:30");
}

bool schedule_read(struct slice text, struct schedule *out, struct fault *fault)
{
    struct slice rest = text;
    struct slice word = slice_word(&rest);
    struct slice when = slice_word(&rest);

    *out = (struct schedule){0};
    if (rest.len > 0)
        return fault_set(fault, "unexpected text behind the schedule: %.*s",
                         (int)rest.len, rest.ptr);
    if (slice_is(word, "EVERY"))
        return read_every(when, out, fault);
    if (slice_is(word, "DAILY"))
        return read_daily(when, out, fault);
    return fault_set(fault, "a schedule is written EVERY 5m or DAILY 03:30");
}

/* In the largest unit that divides it. */
static void write_every(int64_t ms, char out[32])
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {
        {86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;

    while (ms % units[i].ms != 0)
        i++; /* ends at the latest with 1 ms */
    snprintf(out, 32, "EVERY %" PRId64 "%s", ms / units[i].ms, units[i].name);
}

void schedule_write(const struct schedule *s, char out[32])
{
    if (s->every_ms)
        write_every(s->every_ms, out);
    else
        snprintf(out, 32, "DAILY %02d:%02d", s->daily_minute / 60,
                 s->daily_minute % 60);
}

/* ---- when ----------------------------------------------------------------*/

/* Behind `since`, not at it. */
static int64_t next_daily(int minute, int64_t since_ms)
{
    int64_t midnight = since_ms - since_ms % DAY_MS;
    int64_t today = midnight + minute * MINUTE_MS;

    return today > since_ms ? today : today + DAY_MS;
}

int64_t schedule_next(const struct schedule *s, int64_t last_ms, int64_t now_ms)
{
    int64_t since = last_ms == 0 || last_ms > now_ms ? now_ms : last_ms;

    if (s->every_ms == 0)
        return next_daily(s->daily_minute, since);
    return s->every_ms > INT64_MAX - since ? INT64_MAX : since + s->every_ms;
}
