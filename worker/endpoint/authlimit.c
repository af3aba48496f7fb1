#include "common/log.h"
#include "common/loop.h"
#include "common/segment/episodes.h"
#include "common/subject.h"
#include "worker/endpoint/ratelimit.h"

#include "worker/endpoint/authlimit.h"

struct authlimit authlimit_of(struct buckets *b, int64_t a_minute)
{
    if (b == NULL || a_minute <= 0)
        return (struct authlimit){.buckets = b};
    return (struct authlimit){
        .buckets = b,
        .kind = buckets_kind(b, SLICE("wrong tokens")),
        .rule = ratelimit_a_minute((uint64_t)a_minute),
    };
}

/* 0: nobody is limited. */
static uint64_t key_of(const struct authlimit *l, const struct call *call)
{
    struct ip room;

    if (l->buckets == NULL || l->rule.burst == 0 || call->client == NULL)
        return 0;
    struct slice subject = subject_of(call->client, &room);
    return subject.ptr ? buckets_key(l->kind, subject) : 0;
}

bool authlimit_admits(const struct authlimit *l, struct call *call)
{
    struct buckets_level level;
    uint64_t key = key_of(l, call);

    if (key == 0)
        return true;
    buckets_look(l->buckets, key, &l->rule, loop_clock_ns(), &level);
    if (level.left > 0)
        return true;
    trace_count(call->trace, COUNT_REFUSED_TOKENS);
    ratelimit_refuse(call, level.wait_ns, "Too many wrong tokens were shown");
    return false;
}

static void tell(const struct authlimit *l, const struct call *call)
{
    const char *client = call->client ? call->client : "";

    if (l->buckets == NULL || !episodes_tell(l->buckets, "wrong token", client))
        return;
    if (*client)
        log_warning("Wrong token from ip=%s, request %.*s", client,
                    (int)call->res->id_len, call->res->id);
    else
        log_warning("Wrong token over a unix socket, request %.*s: whose it "
                    "is was not said (X-Forwarded-For), so it is not limited",
                    (int)call->res->id_len, call->res->id);
}

void authlimit_failed(const struct authlimit *l, struct call *call)
{
    struct buckets_level level;
    uint64_t key = key_of(l, call);

    trace_count(call->trace, COUNT_WRONG_TOKENS);
    tell(l, call);
    if (key == 0)
        return;
    buckets_take(l->buckets, key, &l->rule, loop_clock_ns(), &level);
    if (level.left == 0 && episodes_tell(l->buckets, "tokens", call->client))
        log_warning("Too many wrong tokens from ip=%s: it gets 429 until it "
                    "has waited",
                    call->client);
}
