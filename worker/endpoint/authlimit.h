/*
 * authlimit: how many wrong tokens one address may show in a minute
 * (limit_auth_failures), in all workers together. Beyond that it gets a 429
 * before its token is looked up, but for tokens that were right when this
 * worker last saw them: who shares an address with a guesser and is known goes
 * on working, and a guesser learns nothing from that which he had not known.
 *
 * A missing token is no wrong one. Who has no address (a unix socket whose
 * proxy does not tell) is not limited, and the log says so: one who guesses
 * would lock out all others there, and a guess costs no more than one look at
 * an index, while 256 bits of chance are found by nobody (token.h). A limit by
 * parts of the token would meet no guesser, who shows each but once.
 */
#ifndef PRONG_AUTHLIMIT_H
#define PRONG_AUTHLIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/segment/buckets.h"
#include "worker/http/call.h"

/* Plain data. */
struct authlimit {
    struct buckets *buckets; /* null: nothing is limited or logged */
    uint64_t kind;
    struct buckets_rule rule; /* burst 0: no limit */
};

/* Null buckets or 0: there is no limit; with buckets it is logged still. */
struct authlimit authlimit_of(struct buckets *b, int64_t a_minute);

/* False when the address has to wait: the response is a complete 429. */
bool authlimit_admits(const struct authlimit *l, struct call *call);
/* A token that it showed was wrong: counted. The log is told of the address's
 * first, with the request's id, and once more as it reaches the limit, each
 * once an episode (episodes.h); all without an address are one. */
void authlimit_failed(const struct authlimit *l, struct call *call);

#endif
