/*
 * origin: the places from which pages come, as browsers name them in Origin
 * (RFC 6454, 6.2; fetch.spec.whatwg.org): scheme://host or scheme://host:port.
 * They are compared byte by byte, so one that no browser would send is
 * refused where it is written down. Pure.
 */
#ifndef PRONG_ORIGIN_H
#define PRONG_ORIGIN_H

#include <stdbool.h>

#include "common/text.h"

enum { ORIGIN_MAX = 300 }; /* bytes: a name of 253, a scheme and a port */

/*
 * Lower case, no path, not even "/", no user, no port that the scheme implies.
 * "null" is none: any sandboxed page has it. False with the reason.
 */
bool origin_check(struct slice text, struct fault *fault);

#endif
