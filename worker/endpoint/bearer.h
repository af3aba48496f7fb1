/*
 * bearer: the token that a request shows as "Authorization: Bearer token"
 * (RFC 6750, 2.1). Pure.
 */
#ifndef PRONG_BEARER_H
#define PRONG_BEARER_H

#include "worker/http/request.h"

/* Part of the request; a null ptr when it shows none. */
struct slice bearer_of(const struct request *req);

#endif
