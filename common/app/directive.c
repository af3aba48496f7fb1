#include <string.h>

#include "common/app/clause.h"
#include "common/app/head.h"
#include "common/nearest.h"

#include "common/app/directive.h"

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
    [DIRECTIVE_CORS] = "cors",       [DIRECTIVE_SLOW] = "slow",
};

static const unsigned char TRAITS[DIRECTIVE_COUNT] = {
    [DIRECTIVE_ONE] = BARE,          [DIRECTIVE_MANY] = BARE,
    [DIRECTIVE_NONE] = BARE,         [DIRECTIVE_VALUE] = BARE,
    [DIRECTIVE_PAGE] = READS,        [DIRECTIVE_SORT] = READS,
    [DIRECTIVE_CACHE] = READS,       [DIRECTIVE_WARM] = BARE | READS,
    [DIRECTIVE_SLOW] = BARE | READS, [DIRECTIVE_EACH] = BODIES,
    [DIRECTIVE_TIMEOUT] = JOBS,
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
    case DIRECTIVE_PARAM: return head_param(head, rest, fault);
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
    case DIRECTIVE_SLOW: return e->slow = true;
    case DIRECTIVE_CORS: return clause_cors(arena, rest, &e->cors, fault);
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
