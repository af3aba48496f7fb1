/*
 * requestid: names for requests: 16 hex digits, unique among workers and
 * restarts as far as 64 random bits go. No secret: they are for finding a
 * request in logs.
 */
#ifndef PRONG_REQUESTID_H
#define PRONG_REQUESTID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"
#include "worker/http/response.h"

struct requestids {
    uint64_t next; /* random at first */
};

void requestids_init(struct requestids *ids);
/* Writes the next id; returns its length. */
size_t requestid_next(struct requestids *ids, char out[RESPONSE_ID]);
/* Whether an id that a proxy sent can be taken over: 1 to RESPONSE_ID
 * letters, digits, '-', '_' and '.'. */
bool requestid_valid(struct slice id);

#endif
