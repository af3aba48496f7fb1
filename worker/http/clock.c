#include <stdio.h>

#include "worker/http/clock.h"

void clock_set(struct clock *c)
{
    /* Not strftime: its names of days follow the locale. */
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed",
                                   "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm tm;

    if (now == c->second)
        return;
    c->second = now;
    gmtime_r(&now, &tm);
    snprintf(c->date, sizeof c->date, "%s, %02d %s %04d %02d:%02d:%02d GMT",
             days[tm.tm_wday], tm.tm_mday % 100, months[tm.tm_mon],
             (tm.tm_year + 1900) % 10000, tm.tm_hour % 100, tm.tm_min % 100,
             tm.tm_sec % 100);
}

struct slice clock_date(const struct clock *c)
{
    return (struct slice){c->date, 29};
}
