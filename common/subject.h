/*
 * subject: whom a limit by address counts as one: an IPv4 address; of IPv6 the
 * /64, which is the least that a customer is given (RFC 6177), and within
 * which he can take as many addresses as he likes. Pure.
 */
#ifndef PRONG_SUBJECT_H
#define PRONG_SUBJECT_H

#include "common/networks.h"
#include "common/text.h"

/* The bytes that tell it from others, in *room. A null ptr when the text is no
 * address, as the "" of a unix socket. */
struct slice subject_of(const char *address, struct ip *room);

#endif
