#include "common/segment/names.h"

#include "worker/endpoint/kept.h"

/* "max-age=60, stale-while-revalidate=300": the seconds of one, as ms. */
static uint64_t directive_ms(const char *http, const char *name)
{
    struct slice rest = slice_of(http);
    int64_t seconds;

    while (rest.ptr) {
        struct slice value = slice_trim(slice_cut(&rest, ','));
        struct slice key = slice_cut(&value, '=');
        if (value.ptr && slice_is_nocase(slice_trim(key), name) &&
            text_int64(slice_trim(value), &seconds) && seconds > 0 &&
            seconds <= INT32_MAX)
            return (uint64_t)seconds * 1000;
    }
    return 0;
}

static bool has_directive(const char *http, const char *name)
{
    struct slice rest = slice_of(http);

    while (rest.ptr)
        if (slice_is_nocase(slice_trim(slice_cut(&rest, ',')), name))
            return true;
    return false;
}

/* RFC 9111, 4.2.4: what these say, no other directive allows. */
static bool forbids_stale(const char *http)
{
    return has_directive(http, "must-revalidate") ||
           has_directive(http, "proxy-revalidate") ||
           has_directive(http, "no-cache");
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
    p->while_ms = directive_ms(e->http, "stale-while-revalidate");
    p->error_ms = directive_ms(e->http, "stale-if-error");
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
