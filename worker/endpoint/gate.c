#include <string.h>

#include "common/networks.h"
#include "worker/endpoint/bearer.h"
#include "worker/endpoint/demo.h"
#include "worker/endpoint/gate.h"
#include "worker/endpoint/run.h"
#include "worker/http/framing.h"
#include "worker/http/problem.h"

/* With its challenge (RFC 6750, 3). */
static bool refuse(struct call *call, int status, const char *challenge,
                   const char *detail)
{
    response_header(call->res, "WWW-Authenticate", slice_of(challenge));
    problem(call->res, status, detail);
    return false;
}

bool gate_is_public(const struct endpoint *e)
{
    return e->auth == NULL || strcmp(e->auth, "public") == 0;
}

/* A token that nobody has looked at gives nobody a bucket of his own. */
static bool counts_by_token(const struct rate *rate)
{
    return rate->on && rate->by != RATE_BY_ADDRESS;
}

bool gate_asks(const struct plan *plan)
{
    return plan->needs_user || !gate_is_public(plan->e) ||
           counts_by_token(&plan->e->rate);
}

/* Any token is a user; an admin is everything. */
static bool has_role(const struct identity *who, const char *role)
{
    return strcmp(role, "user") == 0 || strcmp(who->role, role) == 0 ||
           strcmp(who->role, "admin") == 0;
}

static bool look_up(const struct gate *gate, struct call *call,
                    struct slice token, struct identity *who)
{
    enum db_result result = tokens_find(gate->tokens, token, who);

    if (result != DB_DONE) {
        run_failed(call, result, NULL);
        return false;
    }
    if (who->known)
        return true;
    authlimit_failed(&gate->limit, call);
    return refuse(call, 401, "Bearer error=\"invalid_token\"",
                  "The token is unknown or has expired");
}

static bool admit(struct call *call, const struct identity *who)
{
    return demo_admits(call, who) ||
           refuse(call, 401, "Bearer error=\"invalid_token\"",
                  "Demo tokens open nothing for others than this machine");
}

/* After a change of any token all are looked up again. */
static bool may_ask(const struct gate *gate, struct call *call,
                    struct slice token)
{
    return tokens_met(gate->tokens, token) ||
           authlimit_admits(&gate->limit, call);
}

/* False when it was refused: without a token, if one is `needed`, or with one
 * that opens nothing. */
static bool show_token(const struct gate *gate, struct call *call, bool needed,
                       struct identity *who)
{
    struct slice token = bearer_of(call->req);

    if (token.ptr == NULL)
        return !needed ||
               refuse(call, 401, "Bearer", "A bearer token is needed");
    return (tokens_remember(gate->tokens, token, who) ||
            (may_ask(gate, call, token) && look_up(gate, call, token, who))) &&
           admit(call, who);
}

static bool demand_role(struct call *call, const struct identity *who,
                        const char *role)
{
    return has_role(who, role) ||
           refuse(call, 403, "Bearer error=\"insufficient_scope\"",
                  "The token's role may not do this");
}

bool gate_pass(const struct gate *gate, const struct plan *plan,
               struct call *call, struct identity *who)
{
    bool public = gate_is_public(plan->e);

    if (!gate_asks(plan))
        return true;
    return show_token(gate, call, !public, who) &&
           (public || demand_role(call, who, plan->e->auth));
}

static bool forbid(struct call *call, const char *detail)
{
    problem(call->res, 403, detail);
    return false;
}

/* Without a token a page that the operator's browser shows could send what it
 * likes to --admin-bind; but the browser says of which origin it is, in all
 * that can change anything (fetch.spec.whatwg.org, 3.1). */
static bool comes_from_page(const struct request *req)
{
    enum request_verb verb = request_verb(req);

    return verb != VERB_GET && verb != VERB_HEAD &&
           request_header(req, "origin").ptr != NULL;
}

/* Host, and what goes before it: "http://HOST/path" as the target (RFC 9112,
 * 3.2.2). */
static struct slice authority_of(const struct request *req)
{
    struct slice whole = request_target(req);
    struct slice path = whole;

    if (!framing_cut_authority(&path))
        return request_header(req, "host");
    slice_cut(&whole, ':');
    return (struct slice){whole.ptr + 2, whole.len - path.len - 2};
}

/* A name that somebody's DNS resolves: no address, and not localhost, which is
 * resolved at home (RFC 6761, 6.3). Browsers always send one. */
static bool is_foreign_name(struct slice authority)
{
    struct slice name = slice_cut(&authority, ':');
    struct ip ignored;

    if (name.len > 0 && name.ptr[name.len - 1] == '.')
        name.len--;
    return name.len > 0 && name.ptr[0] != '[' &&
           !slice_is_nocase(name, "localhost") && !ip_parse(name, &ignored);
}

/* The connection counts, not what it says of others: to a page whose name has
 * become this machine's address all is its own origin, so it may send
 * X-Forwarded-For, and loopback addresses are believed by default. */
static bool comes_by_name(const struct call *call)
{
    struct ip peer;

    return call->peer && ip_parse(slice_of(call->peer), &peer) &&
           ip_is_loopback(&peer) && is_foreign_name(authority_of(call->req));
}

static bool admit_by_socket(struct call *call)
{
    if (comes_by_name(call))
        return forbid(call, "Use an address, not a name, on the admin socket");
    return !comes_from_page(call->req) ||
           forbid(call, "Pages of other origins may not do this without a "
                        "token");
}

bool gate_operator(const struct gate *gate, struct call *call)
{
    struct identity who = {.known = false};

    if (call->admin)
        return admit_by_socket(call);
    return show_token(gate, call, true, &who) &&
           demand_role(call, &who, "admin");
}
