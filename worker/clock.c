#include <stdio.h>

#include "worker/clock.h"

void clock_set(struct clock *c)
{
    /* Not strftime: its names of days follow the locale. */
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm tm;

    if (now == c->second)
        return;
    c->second = now;
    gmtime_r(&now, &tm);
    snprintf(c->date, sizeof c->date, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
             days + 3 * tm.tm_wday, tm.tm_mday % 100, months + 3 * tm.tm_mon,
             (tm.tm_year + 1900) % 10000, tm.tm_hour % 100, tm.tm_min % 100,
             tm.tm_sec % 100);
}

struct slice clock_date(const struct clock *c)
{
    return (struct slice){c->date, 29};
}
