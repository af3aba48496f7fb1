/*
 * clock: the Date header (RFC 9110, 5.6.7), made anew only when the second
 * changes.
 */
#ifndef PRONG_CLOCK_H
#define PRONG_CLOCK_H

#include <time.h>

#include "common/text.h"

struct clock {
    time_t second;
    char date[40]; /* "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL */
};

/* Reads the wall clock; to be called once a turn of the loop. */
void clock_set(struct clock *c);
struct slice clock_date(const struct clock *c);

#endif
