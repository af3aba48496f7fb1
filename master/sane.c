#include <string.h>

#include "common/networks.h"
#include "common/origin.h"
#include "master/address.h"

#include "master/sane.h"

bool sane_addresses(const struct settings *s, struct fault *fault)
{
    struct address ignored;

    for (size_t i = 0; i < s->bind.count; i++)
        if (!address_parse(s->bind.at[i], &ignored, fault))
            return false;
    return true;
}

static bool networks_sane(const struct texts *list, const char *key,
                          struct fault *fault)
{
    struct networks *n = networks_new(list, key, fault);
    bool sane = n != NULL;

    networks_free(n);
    return sane;
}

static bool origins_sane(const struct texts *list, struct fault *fault)
{
    struct fault reason;

    if (list->count == 1 && strcmp(list->at[0], "*") == 0)
        return true;
    for (size_t i = 0; i < list->count; i++)
        if (!origin_check(slice_of(list->at[i]), &reason))
            return fault_set(fault, "cors_origin: %s", reason.text);
    return true;
}

/* It becomes a field of answers. */
static bool policy_sane(const char *policy, struct fault *fault)
{
    for (const char *c = policy ? policy : ""; *c; c++)
        if (*c < ' ' || *c > '~')
            return fault_set(
                fault, "content_security_policy takes only printable ASCII");
    return true;
}

bool sane_lists(const struct settings *s, struct fault *fault)
{
    return networks_sane(&s->forwarded_allow_ips, "forwarded_allow_ips",
                         fault) &&
           networks_sane(&s->proxy_allow_ips, "proxy_allow_ips", fault) &&
           origins_sane(&s->cors_origin, fault) &&
           policy_sane(s->content_security_policy, fault);
}
