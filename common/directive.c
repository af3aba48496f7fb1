#include <string.h>

#include "common/clause.h"
#include "common/nearest.h"
#include "common/paramdecl.h"
#include "common/urlpath.h"

#include "common/directive.h"

enum {
    BARE = 1,   /* nothing stands behind the word */
    READS = 2,  /* only under GET */
    BODIES = 4, /* only where requests have a body */
    JOBS = 8,   /* in jobs too */
};

static const char *const NAMES[DIRECTIVE_COUNT] = {
    [DIRECTIVE_PARAM] = "param",     [DIRECTIVE_AUTH] = "auth",
    [DIRECTIVE_ONE] = "one",         [DIRECTIVE_MANY] = "many",
    [DIRECTIVE_NONE] = "none",       [DIRECTIVE_VALUE] = "value",
    [DIRECTIVE_PAGE] = "page",       [DIRECTIVE_SORT] = "sort",
    [DIRECTIVE_CACHE] = "cache",     [DIRECTIVE_HTTP] = "http",
    [DIRECTIVE_EACH] = "each",       [DIRECTIVE_STATUS] = "status",
    [DIRECTIVE_TIMEOUT] = "timeout", [DIRECTIVE_RATE] = "rate",
    [DIRECTIVE_JSON] = "json",       [DIRECTIVE_WARM] = "warm",
};

static const unsigned char TRAITS[DIRECTIVE_COUNT] = {
    [DIRECTIVE_ONE] = BARE,    [DIRECTIVE_MANY] = BARE,
    [DIRECTIVE_NONE] = BARE,   [DIRECTIVE_VALUE] = BARE,
    [DIRECTIVE_PAGE] = READS,  [DIRECTIVE_SORT] = READS,
    [DIRECTIVE_CACHE] = READS, [DIRECTIVE_WARM] = BARE | READS,
    [DIRECTIVE_EACH] = BODIES, [DIRECTIVE_TIMEOUT] = JOBS,
};

/* Pairs that one endpoint cannot have. */
static const unsigned char QUARRELS[][2] = {
    {DIRECTIVE_ONE, DIRECTIVE_MANY},   {DIRECTIVE_ONE, DIRECTIVE_NONE},
    {DIRECTIVE_ONE, DIRECTIVE_VALUE},  {DIRECTIVE_MANY, DIRECTIVE_NONE},
    {DIRECTIVE_MANY, DIRECTIVE_VALUE}, {DIRECTIVE_NONE, DIRECTIVE_VALUE},
    {DIRECTIVE_PAGE, DIRECTIVE_ONE},   {DIRECTIVE_PAGE, DIRECTIVE_NONE},
    {DIRECTIVE_PAGE, DIRECTIVE_VALUE}, {DIRECTIVE_SORT, DIRECTIVE_ONE},
    {DIRECTIVE_SORT, DIRECTIVE_NONE},  {DIRECTIVE_SORT, DIRECTIVE_VALUE},
    {DIRECTIVE_EACH, DIRECTIVE_ONE},   {DIRECTIVE_EACH, DIRECTIVE_VALUE},
};

static bool in_path(const struct endpoint *e, const char *name)
{
    struct slice param;

    for (size_t i = 0; (param = urlpath_param(slice_of(e->path), i)).ptr; i++)
        if (slice_is(param, name))
            return true;
    return false;
}

static bool is_declared(const struct endpoint *e, struct slice name)
{
    for (size_t i = 0; i < e->param_count; i++)
        if (slice_is(name, e->params[i].name))
            return true;
    return false;
}

/* Counted at once, so that whoever gives an endpoint back finds its regex. */
static void add_param(struct head *head, const struct param *p)
{
    struct endpoint *e = head->endpoint;

    e->params =
        arena_grow(head->arena, e->params, e->param_count, sizeof *e->params);
    e->params[e->param_count] = *p;
    head->param_lines[e->param_count++] = head->line;
}

static bool on_param(struct head *head, struct slice rest, struct fault *fault)
{
    struct endpoint *e = head->endpoint;
    struct param p;

    if (e->param_count == APP_PARAMS_MAX)
        return fault_set(fault, "more than %d parameters", APP_PARAMS_MAX);
    if (!paramdecl_parse(head->arena, rest, &p, fault))
        return false;
    bool again = is_declared(e, slice_of(p.name));
    p.in_path = in_path(e, p.name);
    p.required = p.required || p.in_path;
    add_param(head, &p);
    if (again)
        return fault_set(fault, "the parameter \"%s\" is declared twice",
                         p.name);
    if (p.in_path && p.fallback)
        return fault_set(fault,
                         "the parameter \"%s\" stands in the path and needs "
                         "no default",
                         p.name);
    return true;
}

static bool on_shape(struct endpoint *e, enum shape shape)
{
    e->shape = shape;
    e->shape_said = true;
    return true;
}

static bool on_cache(struct endpoint *e, struct slice rest, struct fault *fault)
{
    return (text_duration_ms(rest, &e->cache_ms) && e->cache_ms > 0) ||
           fault_set(fault, "@cache needs a duration, as 30m");
}

static bool on_timeout(struct endpoint *e, struct slice rest,
                       struct fault *fault)
{
    return (text_duration_ms(rest, &e->timeout_ms) && e->timeout_ms > 0 &&
            e->timeout_ms <= DIRECTIVE_TIMEOUT_MAX_MS) ||
           fault_set(fault, "@timeout needs a duration up to 1h, as 500ms");
}

static bool on_status(struct endpoint *e, struct slice rest,
                      struct fault *fault)
{
    int64_t status;

    if (!text_int64(rest, &status) || status < 200 || status > 299)
        return fault_set(fault, "@status is from 200 to 299");
    e->status = (int)status;
    return true;
}

static bool apply(struct head *head, enum directive word, struct slice rest,
                  struct fault *fault)
{
    struct arena *arena = head->arena;
    struct endpoint *e = head->endpoint;

    switch (word) {
    case DIRECTIVE_PARAM: return on_param(head, rest, fault);
    case DIRECTIVE_AUTH: return clause_auth(arena, rest, &e->auth, fault);
    case DIRECTIVE_ONE: return on_shape(e, SHAPE_ONE);
    case DIRECTIVE_MANY: return on_shape(e, SHAPE_MANY);
    case DIRECTIVE_NONE: return on_shape(e, SHAPE_NONE);
    case DIRECTIVE_VALUE: return on_shape(e, SHAPE_VALUE);
    case DIRECTIVE_PAGE: return clause_page(arena, rest, &e->page, fault);
    case DIRECTIVE_SORT: return clause_columns(arena, rest, &e->sort, fault);
    case DIRECTIVE_CACHE: return on_cache(e, rest, fault);
    case DIRECTIVE_HTTP: return clause_http(arena, rest, &e->http, fault);
    case DIRECTIVE_EACH: return clause_each(arena, rest, e, fault);
    case DIRECTIVE_STATUS: return on_status(e, rest, fault);
    case DIRECTIVE_TIMEOUT: return on_timeout(e, rest, fault);
    case DIRECTIVE_RATE: return clause_rate(rest, &e->rate, fault);
    case DIRECTIVE_JSON: return clause_columns(arena, rest, &e->json, fault);
    case DIRECTIVE_WARM: return e->warm = true;
    case DIRECTIVE_COUNT: break;
    }
    return false;
}

/* May this word stand here at all? */
static bool belongs(const struct head *head, enum directive word,
                    struct fault *fault)
{
    enum method method = head->endpoint->method;
    unsigned traits = TRAITS[word];

    if (head->job && !(traits & JOBS))
        return fault_set(fault, "a job takes only @timeout");
    if (head->said[word] && word != DIRECTIVE_PARAM)
        return fault_set(fault, "@%s is said twice", NAMES[word]);
    if ((traits & READS) && method != METHOD_GET)
        return fault_set(fault, "@%s is only for GET", NAMES[word]);
    if ((traits & BODIES) && (method == METHOD_GET || method == METHOD_DELETE))
        return fault_set(fault, "@%s is only for methods with a body",
                         NAMES[word]);
    return true;
}

static bool at_peace(const struct head *head, enum directive word,
                     struct fault *fault)
{
    for (size_t i = 0; i < sizeof QUARRELS / sizeof *QUARRELS; i++) {
        unsigned a = QUARRELS[i][0];
        unsigned b = QUARRELS[i][1];
        if ((word == a && head->said[b]) || (word == b && head->said[a]))
            return fault_set(fault, "@%s does not go with @%s", NAMES[a],
                             NAMES[b]);
    }
    return true;
}

static bool unknown(struct slice word, struct fault *fault)
{
    const char *meant = nearest(word, NAMES, DIRECTIVE_COUNT);

    if (meant == NULL)
        return fault_set(fault, "unknown directive @%.*s", (int)word.len,
                         word.ptr);
    return fault_set(fault, "unknown directive @%.*s: did you mean @%s?",
                     (int)word.len, word.ptr, meant);
}

bool directive_apply(struct head *head, struct slice text, struct fault *fault)
{
    struct slice rest = text;
    struct slice name = slice_word(&rest);
    enum directive word = 0;

    while (word < DIRECTIVE_COUNT && !slice_is(name, NAMES[word]))
        word++;
    if (word == DIRECTIVE_COUNT)
        return unknown(name, fault);
    if (!belongs(head, word, fault) || !at_peace(head, word, fault))
        return false;
    if ((TRAITS[word] & BARE) && rest.len > 0)
        return fault_set(fault, "nothing may stand behind @%s", NAMES[word]);
    head->said[word] = head->line;
    return apply(head, word, rest, fault);
}

/* The path's parameters that no @param declares are required texts. */
static bool declare_path(struct head *head, struct fault *fault)
{
    struct endpoint *e = head->endpoint;
    struct slice name;

    head->line = e->line;
    for (size_t i = 0; (name = urlpath_param(slice_of(e->path), i)).ptr; i++) {
        struct param p = {
            .type = PARAM_TEXT, .required = true, .in_path = true};
        if (is_declared(e, name))
            continue;
        if (!paramdecl_name(name, fault))
            return false;
        if (e->param_count == APP_PARAMS_MAX)
            return fault_set(fault, "more than %d parameters", APP_PARAMS_MAX);
        p.name = arena_text(head->arena, name);
        add_param(head, &p);
    }
    return true;
}

static bool check_auth(struct head *head, struct fault *fault)
{
    const struct endpoint *e = head->endpoint;

    head->line = e->line;
    if (e->method == METHOD_GET || e->auth)
        return true;
    return fault_set(fault,
                     "%s %s names no @auth: say `-- @auth public` to leave it "
                     "open",
                     method_name(e->method), e->path);
}

static bool check_warm(struct head *head, struct fault *fault)
{
    const struct endpoint *e = head->endpoint;

    head->line = head->said[DIRECTIVE_WARM];
    if (!e->warm)
        return true;
    if (e->auth && strcmp(e->auth, "public") != 0)
        return fault_set(fault, "@warm does not go with @auth %s", e->auth);
    for (size_t i = 0; i < e->param_count; i++)
        if (e->params[i].required)
            return fault_set(fault,
                             "@warm does not go with the required parameter "
                             "\"%s\"",
                             e->params[i].name);
    return true;
}

bool directive_finish(struct head *head, struct fault *fault)
{
    struct endpoint *e = head->endpoint;

    if (head->job)
        return true;
    if (!declare_path(head, fault) || !check_auth(head, fault) ||
        !check_warm(head, fault))
        return false;
    for (size_t i = 0; i < e->param_count; i++)
        e->params[i].of_each = e->each && !e->params[i].in_path;
    head->line = head->said[DIRECTIVE_SORT];
    return !e->sort || !e->page.keys ||
           fault_set(fault, "@sort does not go with @page key=…");
}
