#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "worker/http/cors.h"

struct cors {
    bool all;
    const char *const *origins; /* the app's or the settings' */
    size_t count;
};

struct cors_rules {
    struct cors rest;
    size_t count;
    struct cors of[]; /* each endpoint's */
};

/* Beside those that every page may read (fetch.spec.whatwg.org,
 * "CORS-safelisted response-header name"). */
static const char exposed[] =
    "Access-Control-Expose-Headers: Cache-Status, ETag, Link, Location, "
    "RateLimit, RateLimit-Policy, Retry-After, X-Request-ID, "
    "X-Total-Count\r\n";

bool cors_admits(const struct cors *rule, struct slice origin)
{
    if (rule == NULL || origin.ptr == NULL)
        return false;
    for (size_t i = 0; i < rule->count; i++)
        if (slice_is(origin, rule->origins[i]))
            return true;
    return rule->all;
}

void cors_answer(const struct cors *rule, const struct request *req,
                 struct response *res)
{
    struct slice origin;

    if (rule == NULL)
        return;
    if (rule->all) {
        buf_string(&res->headers, "Access-Control-Allow-Origin: *\r\n");
    } else {
        buf_string(&res->headers, "Vary: Origin\r\n");
        origin = request_header(req, "origin");
        if (!cors_admits(rule, origin))
            return;
        response_header(res, "Access-Control-Allow-Origin", origin);
    }
    if (request_verb(req) != VERB_OPTIONS)
        buf_string(&res->headers, exposed);
}

/* ---- rules ---------------------------------------------------------------*/

static struct cors rule_of(const char *const *origins, size_t count)
{
    struct cors rule = {.origins = origins, .count = count};

    for (size_t i = 0; i < count; i++)
        rule.all = rule.all || strcmp(origins[i], "*") == 0;
    if (count == 1 && strcmp(origins[0], "off") == 0)
        rule.count = 0;
    return rule;
}

static struct cors rule_of_endpoint(const struct endpoint *e,
                                    const struct cors *fallback)
{
    size_t count = 0;

    if (e->cors == NULL)
        return *fallback;
    while (e->cors[count])
        count++;
    return rule_of(e->cors, count);
}

static bool is_on(const struct cors *rule)
{
    return rule->all || rule->count > 0;
}

struct cors_rules *cors_rules_new(const struct app *app,
                                  const struct settings *settings)
{
    struct cors_rules *rules =
        calloc(1, sizeof *rules + app->endpoint_count * sizeof(struct cors));
    bool any;

    assert(rules != NULL);
    rules->rest =
        rule_of(settings->cors_origin.at, settings->cors_origin.count);
    rules->count = app->endpoint_count;
    any = is_on(&rules->rest);
    for (size_t i = 0; i < rules->count; i++) {
        rules->of[i] = rule_of_endpoint(&app->endpoints[i], &rules->rest);
        any = any || is_on(&rules->of[i]);
    }
    if (any)
        return rules;
    free(rules);
    return NULL;
}

void cors_rules_free(struct cors_rules *rules)
{
    free(rules);
}

static const struct cors *if_on(const struct cors *rule)
{
    return is_on(rule) ? rule : NULL;
}

const struct cors *cors_of(const struct cors_rules *rules, size_t endpoint)
{
    if (rules == NULL)
        return NULL;
    assert(endpoint < rules->count);
    return if_on(&rules->of[endpoint]);
}

const struct cors *cors_of_rest(const struct cors_rules *rules)
{
    return rules ? if_on(&rules->rest) : NULL;
}
