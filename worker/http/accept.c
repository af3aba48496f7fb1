#include "worker/http/accept.h"

static const char *const names[] = {
    [FORM_JSON] = "application/json",
    [FORM_CSV] = "text/csv",
    [FORM_NDJSON] = "application/x-ndjson",
};

const char *form_type(enum form form)
{
    static const char *const types[] = {
        [FORM_JSON] = "application/json",
        [FORM_CSV] = "text/csv; charset=utf-8",
        [FORM_NDJSON] = "application/x-ndjson",
    };
    return types[form];
}

/* q of the parameters behind a media range, in thousandths; 1000 unsaid. */
static int quality(struct slice params)
{
    while (params.ptr) {
        struct slice value = slice_trim(slice_cut(&params, ';'));
        struct slice name = slice_cut(&value, '=');
        double q;
        if (!slice_is_nocase(slice_trim(name), "q"))
            continue;
        if (!text_real(slice_trim(value), &q) || q < 0 || q > 1)
            return 0;
        return (int)(q * 1000);
    }
    return 1000;
}

/* How closely a range names a form: 3 exactly, 2 its type, 1 anything. */
static int closeness(struct slice range, enum form form)
{
    struct slice own = slice_of(names[form]);
    struct slice type = slice_cut(&own, '/');
    struct slice subtype = range;

    if (slice_is_nocase(range, names[form]))
        return 3;
    if (slice_is(range, "*/*"))
        return 1;
    struct slice wanted = slice_cut(&subtype, '/');
    return slice_is(subtype, "*") && slice_equal(wanted, type) ? 2 : 0;
}

enum form accept_form(struct slice accept)
{
    int best[FORM_COUNT] = {0};
    int close[FORM_COUNT] = {0};
    enum form chosen = FORM_JSON;

    /* The two that nearly every client sends are decided without a walk. */
    if (accept.len == 0 || slice_is(accept, "*/*"))
        return FORM_JSON;
    while (accept.ptr) {
        struct slice params = slice_cut(&accept, ',');
        struct slice range = slice_trim(slice_cut(&params, ';'));
        int q = quality(params);
        for (unsigned f = 0; f < FORM_COUNT; f++) {
            int how = closeness(range, (enum form)f);
            if (how > close[f]) {
                close[f] = how;
                best[f] = q;
            }
        }
    }
    for (unsigned f = 0; f < FORM_COUNT; f++)
        if (best[f] > best[chosen])
            chosen = (enum form)f;
    return chosen;
}
