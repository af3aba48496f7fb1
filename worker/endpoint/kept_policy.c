#include "common/segment/names.h"

#include "worker/endpoint/cachecontrol.h"

#include "worker/endpoint/kept.h"

/* RFC 9111, 4.2.4: what these say, no other directive allows. */
static bool forbids_stale(const char *http)
{
    return cachecontrol_has(http, "must-revalidate") ||
           cachecontrol_has(http, "proxy-revalidate") ||
           cachecontrol_has(http, "no-cache");
}

/* False when there are too many. */
static bool add_table(struct kept_policy *p, unsigned table)
{
    unsigned i = 0;

    while (i < p->count && p->tables[i] != table)
        i++;
    if (i == KEPT_TABLES_MAX)
        return false;
    p->tables[i] = table;
    p->count += i == p->count;
    return true;
}

static bool add_reads(struct kept_policy *p, const struct plan *plan)
{
    bool known = true;

    for (size_t s = 0; s < plan->step_count; s++) {
        const struct table_set *reads = stmt_reads(plan->steps[s].stmt);
        known = known && !reads->more;
        for (unsigned i = 0; i < reads->count; i++)
            known = known && add_table(p, reads->at[i]);
    }
    return known;
}

static bool is_impure(const struct plan *plan)
{
    for (size_t i = 0; i < plan->step_count; i++)
        if (stmt_impure(plan->steps[i].stmt))
            return true;
    return false;
}

void kept_policy(struct kept_policy *p, const struct plan *plan,
                 struct names *names)
{
    const struct endpoint *e = plan->e;

    *p = (struct kept_policy){.on = false};
    if (e->cache_ms == 0 || e->method != METHOD_GET)
        return;
    p->version = plan_version(plan);
    add_table(p, names_endpoint(names, method_name(e->method), e->path));
    p->on = add_reads(p, plan);
    p->ages = is_impure(plan);
    p->fresh_ms = (uint64_t)e->cache_ms;
    if (e->http == NULL || forbids_stale(e->http))
        return;
    p->while_ms = cachecontrol_ms(e->http, "stale-while-revalidate");
    p->error_ms = cachecontrol_ms(e->http, "stale-if-error");
}

void kept_refresh(struct kept_policy *p, const struct plan *plan,
                  struct names *names)
{
    if (p->version == plan_version(plan))
        return;
    for (size_t i = 0; i < plan->step_count; i++)
        stmt_relearn(plan->steps[i].stmt);
    kept_policy(p, plan, names);
}
