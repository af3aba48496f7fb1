#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/hash.h"
#include "common/loop.h"
#include "common/subject.h"
#include "worker/endpoint/bearer.h"
#include "worker/endpoint/cachecontrol.h"
#include "worker/http/problem.h"

#include "worker/endpoint/ratelimit.h"

enum { WHO_MAX = 1 + sizeof(struct ip) };

static const uint64_t second_ns = 1000ULL * 1000 * 1000;

static const char *const names[] = {
    [RATE_BY_ADDRESS] = "address",
    [RATE_BY_USER] = "user",
    [RATE_BY_TOKEN] = "token",
};

/* ---- whose bucket --------------------------------------------------------*/

/* Users, tokens and addresses are told apart by the first byte. */
static struct slice put_who(char room[WHO_MAX], enum rate_by what,
                            const void *bytes, size_t len)
{
    room[0] = (char)what;
    if (len > 0)
        memcpy(room + 1, bytes, len);
    return (struct slice){room, 1 + len};
}

static struct slice who_asks(const struct ratelimit *l, enum rate_by by,
                             const struct call *call,
                             const struct identity *who, char room[WHO_MAX])
{
    struct ip ip;

    if (by == RATE_BY_USER && who->known && who->has_user)
        return put_who(room, RATE_BY_USER, &who->user_id, sizeof who->user_id);
    if (by != RATE_BY_ADDRESS && who->known) {
        uint64_t token = hash_seeded(bearer_of(call->req), l->kind);
        return put_who(room, RATE_BY_TOKEN, &token, sizeof token);
    }
    struct slice subject = subject_of(call->client ? call->client : "", &ip);
    return put_who(room, RATE_BY_ADDRESS, subject.ptr, subject.len);
}

/* ---- what is said --------------------------------------------------------*/

static uint64_t seconds(uint64_t ns)
{
    return (ns + second_ns - 1) / second_ns;
}

static void tell(struct response *res, const struct buckets_rule *rule,
                 enum rate_by by, const struct buckets_level *level)
{
    uint64_t window = seconds(rule->every_ns * rule->burst);

    buf_format(&res->aside,
               "RateLimit-Policy: \"%s\";q=%" PRIu64 ";w=%" PRIu64 "\r\n"
               "RateLimit: \"%s\";r=%" PRIu64 ";t=%" PRIu64 "\r\n",
               names[by], rule->burst, window, names[by], level->left,
               seconds(level->full_ns));
}

/* Of a request that was admitted. */
static bool is_hidden(const struct ratelimit *l, const struct call *call)
{
    return request_header(call->req, "authorization").ptr ? l->hidden_authorized
                                                          : l->hidden;
}

void ratelimit_refuse(struct call *call, uint64_t wait_ns, const char *what)
{
    char number[24];
    char detail[128];
    uint64_t wait = seconds(wait_ns);

    if (wait == 0)
        wait = 1;
    snprintf(number, sizeof number, "%" PRIu64, wait);
    snprintf(detail, sizeof detail, "%s; try again in %s s", what, number);
    response_header(call->res, "Retry-After", slice_of(number));
    problem(call->res, 429, detail);
}

/* ---- what is called ------------------------------------------------------*/

struct ratelimit ratelimit_of(const struct endpoint *e, struct buckets *b)
{
    char name[512];
    bool reads = e->method == METHOD_GET;

    if (!e->rate.on || b == NULL)
        return (struct ratelimit){.buckets = NULL};
    /* A reload that changes the numbers does not forgive anybody. */
    snprintf(name, sizeof name, "%s %s", method_name(e->method), e->path);
    return (struct ratelimit){
        .buckets = b,
        .kind = buckets_kind(b, slice_of(name)),
        .rule = {.every_ns =
                     (uint64_t)llround((double)second_ns / e->rate.per_second),
                 .burst = (uint64_t)e->rate.burst},
        .hidden = reads && cachecontrol_shares(e->http, false),
        .hidden_authorized = reads && cachecontrol_shares(e->http, true),
    };
}

struct buckets_rule ratelimit_a_minute(uint64_t times)
{
    return (struct buckets_rule){.every_ns = 60 * second_ns / times,
                                 .burst = times};
}

bool ratelimit_admits(const struct ratelimit *l, const struct endpoint *e,
                      struct call *call, const struct identity *who)
{
    struct buckets_level level;
    char room[WHO_MAX];

    if (l->buckets == NULL || call->inside)
        return true;
    struct slice subject = who_asks(l, e->rate.by, call, who, room);
    buckets_take(l->buckets, buckets_key(l->kind, subject), &l->rule,
                 loop_clock_ns(), &level);
    if (!level.admitted || !is_hidden(l, call))
        tell(call->res, &l->rule, e->rate.by, &level);
    if (level.admitted)
        return true;
    trace_count(call->trace, COUNT_REFUSED_RATE);
    ratelimit_refuse(call, level.wait_ns,
                     "More requests than are allowed here");
    return false;
}
