/*
 * gate: who may call an endpoint (`@auth`), told by the bearer token of the
 * request (RFC 6750).
 */
#ifndef PRONG_GATE_H
#define PRONG_GATE_H

#include <stdbool.h>

#include "worker/endpoint/authlimit.h"
#include "worker/endpoint/plan.h"
#include "worker/endpoint/token.h"
#include "worker/http/call.h"

struct gate {
    struct tokens *tokens;
    struct authlimit limit;
};

/*
 * True when the call may go on; *who then says for whom, as far as the plan
 * wants to know (a public endpoint that binds nothing of it asks nobody).
 * Otherwise the response is a complete 401, 403, 429 (authlimit.h), or what the
 * database said.
 */
bool gate_pass(const struct gate *gate, const struct plan *plan,
               struct call *call, struct identity *who);

/*
 * The same for the server's own pages: true for whoever came in by
 * --admin-bind or shows an admin's token. There a page that the operator's
 * browser shows is refused (403): when it says of which origin it is, and when
 * it reaches this machine's own address by a name of its own (DNS rebinding).
 * The limit: by an address that others reach as well, such names are not told
 * from the operator's.
 */
bool gate_operator(const struct gate *gate, struct call *call);

/* Whether it matters who asks: if not, nobody is asked. */
bool gate_asks(const struct plan *plan);
/* Open to everybody, with or without a token. */
bool gate_is_public(const struct endpoint *e);

#endif
