/*
 * forwarded: what a proxy says of who asks, in the fields of a request that
 * came from a peer that is believed (forwarded_allow_ips): Forwarded (RFC
 * 7239), X-Forwarded-For, and those by which https is told, as Gunicorn's
 * secure_scheme_headers has them: X-Forwarded-Proto: https,
 * X-Forwarded-Protocol: ssl, X-Forwarded-Ssl: on.
 *
 * Each proxy appends the address that it was called from. So the list is
 * followed from its right end, over addresses that are believed themselves, to
 * the first that is not: further left is only what that one claims. The
 * client is the left-most when all are believed, and it is not told when the
 * last hop is hidden ("unknown", "_name", or no address at all).
 *
 * Forwarded and X-Forwarded-For have no precedence, because a proxy that
 * writes the one hands on what a client put into the other: where both tell
 * something, they must agree, and so must all lines about the scheme. Lines of
 * the same name are one list. (Gunicorn and uvicorn read no Forwarded; where
 * their proxy sets nothing else, they take the proxy for the client. Of lines
 * about the scheme that disagree Gunicorn makes a 400, too.) To believe one of
 * the two would let whoever knows which one the proxy leaves alone be anybody.
 *
 * Pure. Half a microsecond when something is told; when it need not be asked,
 * request_may_be_forwarded knows.
 */
#ifndef PRONG_FORWARDED_H
#define PRONG_FORWARDED_H

#include <stdbool.h>

#include "common/networks.h"
#include "worker/http/request.h"

enum { FORWARDED_HOPS = 64 }; /* addresses of one list; more are refused */

enum scheme { SCHEME_UNSAID, SCHEME_HTTP, SCHEME_HTTPS };

struct forwarded {
    char client[IP_TEXT]; /* "" when it is not told */
    enum scheme scheme;
    struct slice request_id; /* X-Request-ID as it came; null ptr: none */
};

/* False when the fields contradict each other or cannot be read: *reason,
 * static, says why, and the request deserves a 400. */
bool forwarded_read(const struct networks *trusted, const struct request *req,
                    struct forwarded *out, const char **reason);

#endif
