#include "common/app/routes.h"

#include "worker/http/preflight.h"

/* Two hours is the longest that Chromium keeps; its names are in lower case in
 * what it asks, and compare so. */
static const char leave[] =
    "Access-Control-Allow-Headers: authorization, content-type, "
    "idempotency-key, if-match, if-none-match, traceparent, tracestate, "
    "x-request-id\r\n"
    "Access-Control-Max-Age: 7200\r\n";

static const struct cors *rule_at(const struct cors_rules *rules,
                                  const struct router *router,
                                  const struct call *call, enum method method)
{
    size_t count;
    const struct slice *segments = request_segments(call->req, &count);
    unsigned ignored;
    int id = router_find(router, method, segments, count, &ignored);

    return id < OWN_PATHS ? NULL : cors_of(rules, (size_t)(id - OWN_PATHS));
}

/* The methods of the path that pages of the origin may use, and the rule of
 * one of them: for this origin they say the same. */
static unsigned find_methods(const struct cors_rules *rules,
                             const struct router *router, struct call *call,
                             struct slice origin)
{
    unsigned methods = 0;

    for (unsigned m = 0; m < METHOD_COUNT; m++) {
        const struct cors *rule = rule_at(rules, router, call, (enum method)m);
        if (!cors_admits(rule, origin))
            continue;
        methods |= 1U << m;
        call->cors = rule;
    }
    return methods;
}

bool preflight_answer(const struct cors_rules *rules,
                      const struct router *router, struct call *call)
{
    struct slice origin = request_header(call->req, "origin");
    char allow[64];

    if (rules == NULL || origin.ptr == NULL ||
        request_header(call->req, "access-control-request-method").ptr == NULL)
        return false;
    unsigned methods = find_methods(rules, router, call, origin);
    if (methods == 0)
        return false;
    call->res->status = 204;
    router_allow(methods, allow);
    response_header(call->res, "Access-Control-Allow-Methods", slice_of(allow));
    buf_string(&call->res->headers, leave);
    return true;
}

const struct cors *preflight_rule(const struct cors_rules *rules,
                                  const struct router *router,
                                  const struct call *call)
{
    struct slice origin = request_header(call->req, "origin");
    const struct cors *any = NULL;

    for (unsigned m = 0; rules && m < METHOD_COUNT; m++) {
        const struct cors *rule = rule_at(rules, router, call, (enum method)m);
        if (cors_admits(rule, origin))
            return rule;
        any = rule ? rule : any;
    }
    return any;
}
