/*
 * ratelimit: `@rate` of an endpoint: how often one user, token or address may
 * ask, in all workers together (buckets.h).
 *
 * Answers of such an endpoint say how much is left, in the fields of
 * draft-ietf-httpapi-ratelimit-headers as of its 10th version (structured
 * fields, RFC 9651), and not in the older RateLimit-Limit, -Remaining and
 * -Reset: of those there are several readings (Reset in seconds or as a time
 * of day), and two sets that disagree are worse than one:
 *
 *     RateLimit-Policy: "user";q=20;w=2    20 requests, given back in 2 s
 *     RateLimit: "user";r=13;t=1           13 are left; all are in 1 s
 *
 * Not so answers that a cache of many people's may keep, as the endpoint's
 * @http says (cachecontrol.h): it would tell others what is left for this
 * client. The draft has clients ignore the fields of an answer that comes from
 * a cache, but what it says is still somebody else's affair. Whoever wants the
 * fields there says `private` in @http.
 *
 * One too many is answered 429 (RFC 6585, 4), and Retry-After says when the
 * next is allowed, which goes before what RateLimit says.
 *
 * By user: the user of a valid token, or that token, if it is nobody's. By
 * token: a valid token. Who shows none is counted by address; and who has no
 * address (a unix socket whose proxy does not tell) with all others like him.
 */
#ifndef PRONG_RATELIMIT_H
#define PRONG_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/app/app.h"
#include "common/segment/buckets.h"
#include "worker/endpoint/token.h"
#include "worker/http/call.h"

/* Of one endpoint. Plain data. */
struct ratelimit {
    struct buckets *buckets; /* null: no limit */
    uint64_t kind;
    struct buckets_rule rule;
    bool hidden;            /* not said: others may get the answer; */
    bool hidden_authorized; /* also to who shows a token */
};

/* Null buckets: nothing is limited. */
struct ratelimit ratelimit_of(const struct endpoint *e, struct buckets *b);

/* A setting of a number of times a minute, all of which may come at once. */
struct buckets_rule ratelimit_a_minute(uint64_t times);

/*
 * Counts the call and notes what is left in call->res->aside; to be asked once
 * for each call. False when it is one too many: the response is a complete
 * 429. The server's own calls are free.
 */
bool ratelimit_admits(const struct ratelimit *l, const struct endpoint *e,
                      struct call *call, const struct identity *who);

/* Makes the response a 429 for one who has to wait so long. */
void ratelimit_refuse(struct call *call, uint64_t wait_ns, const char *what);

#endif
