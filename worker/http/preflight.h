/*
 * preflight: the question that a browser asks before it lets a page of another
 * site send more than a form could (fetch.spec.whatwg.org, "CORS-preflight
 * request"): OPTIONS with Origin and Access-Control-Request-Method.
 */
#ifndef PRONG_PREFLIGHT_H
#define PRONG_PREFLIGHT_H

#include "worker/http/call.h"
#include "worker/http/cors.h"
#include "worker/http/router.h"

/*
 * Answers it: 204 with those of the path's methods whose endpoints admit the
 * origin. False, and nothing done, when it is no such question or none does;
 * the browser then finds no leave in whatever it gets. In `router` the app's
 * endpoints are numbered from OWN_PATHS on.
 */
bool preflight_answer(const struct cors_rules *rules,
                      const struct router *router, struct call *call);

/*
 * The rule for an answer that is about the path and no endpoint's (405, a
 * preflight refused): one that admits the origin, else any of the path's, so
 * that the answer says what it varies by. Null when no endpoint has one.
 */
const struct cors *preflight_rule(const struct cors_rules *rules,
                                  const struct router *router,
                                  const struct call *call);

#endif
