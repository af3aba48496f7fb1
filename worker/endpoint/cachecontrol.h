/*
 * cachecontrol: what a Cache-Control field says (RFC 9111, 5.2), here that of
 * an endpoint's @http. Null text says nothing.
 */
#ifndef PRONG_CACHECONTROL_H
#define PRONG_CACHECONTROL_H

#include <stdbool.h>
#include <stdint.h>

/* "no-cache", without a value. */
bool cachecontrol_has(const char *text, const char *name);
/* "stale-if-error=60": its seconds as ms; 0 when it is not there, is no number
 * or more than 68 years. */
uint64_t cachecontrol_ms(const char *text, const char *name);
/* It says that a cache of many people's may keep the answer to a request, here
 * one with an Authorization or without (RFC 9111, 3 and 3.5). What a cache
 * keeps by heuristics, without being told that it may, does not count. */
bool cachecontrol_shares(const char *text, bool authorized);

#endif
