#include <string.h>

#include "common/app/pattern.h"
#include "common/app/sqllex.h"
#include "common/app/value.h"

#include "common/app/paramdecl.h"

/* What a declaration may say beside name and type. */
enum word { REQUIRED, DEFAULT, MIN, MAX, IN, PATTERN, WORDS };

static const char *const WORD_NAMES[WORDS] = {
    [REQUIRED] = "required", [DEFAULT] = "default", [MIN] = "min",
    [MAX] = "max",           [IN] = "in",           [PATTERN] = "pattern",
};

/* What a declaration of each type may say. */
struct traits {
    bool limits;  /* min and max */
    bool length;  /* they bound a length */
    bool as_text; /* they compare as text */
    bool choices; /* in */
};

static struct traits traits_of(enum param_type type)
{
    static const struct traits traits[] = {
        [PARAM_INTEGER] = {.limits = true, .choices = true},
        [PARAM_REAL] = {.limits = true, .choices = true},
        [PARAM_TEXT] = {.limits = true, .length = true, .choices = true},
        [PARAM_BOOLEAN] = {.limits = false},
        [PARAM_DATE] = {.limits = true, .as_text = true, .choices = true},
        [PARAM_DATETIME] = {.limits = true, .as_text = true, .choices = true},
        [PARAM_JSON] = {.limits = false},
        [PARAM_BLOB] = {.limits = true, .length = true},
    };
    return traits[type];
}

struct decl {
    struct arena *arena;
    struct slice rest; /* what is left of the line */
    struct param *param;
    bool said[WORDS];
    size_t choice_count;
    struct slice pattern;
};

/* A bare word up to a blank or one of `stops`, or '…' or "…". */
static bool take_value(struct decl *d, const char *stops, struct slice *out,
                       struct fault *fault)
{
    struct slice *rest = &d->rest;

    *out = (struct slice){rest->ptr, 0};
    if (rest->len > 0 && (*rest->ptr == '\'' || *rest->ptr == '"')) {
        const char *end = memchr(rest->ptr + 1, *rest->ptr, rest->len - 1);
        if (end == NULL)
            return fault_set(fault, "an open %c", *rest->ptr);
        *out = (struct slice){rest->ptr + 1, (size_t)(end - rest->ptr) - 1};
        rest->len -= out->len + 2;
        rest->ptr = end + 1;
        *rest = slice_trim(*rest);
        return true;
    }
    while (out->len < rest->len && !strchr(stops, out->ptr[out->len]))
        out->len++;
    rest->ptr += out->len;
    rest->len -= out->len;
    *rest = slice_trim(*rest);
    return out->len > 0 || fault_set(fault, "a value is missing");
}

/* A value of the type, as a query string would have it. */
static bool fits(const struct param *p, struct slice text, struct value *out,
                 struct fault *fault)
{
    const struct raw raw = {.kind = RAW_TEXT, .text = text};
    struct buf bytes = {0};
    struct fault why;
    bool ok = value_parse(p, &raw, &bytes, out, &why);

    /* Of a blob only the length counts from here on. */
    buf_free(&bytes);
    return ok || fault_set(fault, "\"%.*s\" is no %s", (int)text.len, text.ptr,
                           param_type_name(p->type));
}

/* A value of the type, which is not needed otherwise. */
static bool is_value(const struct param *p, struct slice text,
                     struct fault *fault)
{
    struct value ignored;

    return fits(p, text, &ignored, fault);
}

/*
 * Limits of numbers and lengths are compared as doubles, which hold every
 * integer up to 2^53 and no further.
 */
static bool take_number(const struct param *p, struct slice value,
                        double *number, struct fault *fault)
{
    int64_t n = 0;

    if (p->type == PARAM_REAL)
        return text_real(value, number) || is_value(p, value, fault);
    if (!text_int64(value, &n))
        return fault_set(fault, "\"%.*s\" is no integer", (int)value.len,
                         value.ptr);
    if (n > (1LL << 53) || n < -(1LL << 53))
        return fault_set(fault, "a limit beyond 2^53");
    if (n < 0 && traits_of(p->type).length)
        return fault_set(fault, "a length cannot be negative");
    *number = (double)n;
    return true;
}

static bool take_limit(struct decl *d, const char **text, double *number,
                       struct fault *fault)
{
    struct param *p = d->param;
    struct slice value;

    if (!traits_of(p->type).limits)
        return fault_set(fault, "min and max do not apply to %s",
                         param_type_name(p->type));
    if (!take_value(d, " \t", &value, fault))
        return false;
    if (traits_of(p->type).as_text ? !is_value(p, value, fault)
                                   : !take_number(p, value, number, fault))
        return false;
    *text = arena_text(d->arena, value);
    return true;
}

static bool take_default(struct decl *d, struct fault *fault)
{
    struct slice value;

    if (!take_value(d, " \t", &value, fault) ||
        !is_value(d->param, value, fault))
        return false;
    d->param->fallback = arena_text(d->arena, value);
    return true;
}

static void add_choice(struct decl *d, const char *choice)
{
    d->param->choices = arena_grow(d->arena, d->param->choices, d->choice_count,
                                   sizeof(char *));
    d->param->choices[d->choice_count++] = choice;
}

static bool take_choices(struct decl *d, struct fault *fault)
{
    struct slice value;

    if (!traits_of(d->param->type).choices)
        return fault_set(fault, "in does not apply to %s",
                         param_type_name(d->param->type));
    for (;;) {
        if (!take_value(d, ", \t", &value, fault) ||
            !is_value(d->param, value, fault))
            return false;
        add_choice(d, arena_text(d->arena, value));
        if (d->rest.len == 0 || d->rest.ptr[0] != ',')
            break;
        d->rest.ptr++;
        d->rest.len--;
        d->rest = slice_trim(d->rest);
    }
    add_choice(d, NULL);
    return true;
}

static bool take_pattern(struct decl *d, struct fault *fault)
{
    if (d->param->type != PARAM_TEXT)
        return fault_set(fault, "pattern applies only to text");
    d->pattern = d->rest;
    d->rest.len = 0;
    return d->pattern.len > 0 || fault_set(fault, "the pattern is missing");
}

static bool take_word(struct decl *d, enum word word, struct fault *fault)
{
    struct param *p = d->param;

    switch (word) {
    case REQUIRED: p->required = true; return true;
    case DEFAULT: return take_default(d, fault);
    case MIN: return take_limit(d, &p->min, &p->min_number, fault);
    case MAX: return take_limit(d, &p->max, &p->max_number, fault);
    case IN: return take_choices(d, fault);
    case PATTERN: return take_pattern(d, fault);
    case WORDS: break;
    }
    return false;
}

static bool take_words(struct decl *d, struct fault *fault)
{
    while (d->rest.len > 0) {
        struct slice word = slice_word(&d->rest);
        enum word w = 0;
        while (w < WORDS && !slice_is(word, WORD_NAMES[w]))
            w++;
        if (w == WORDS)
            return fault_set(fault,
                             "unknown word \"%.*s\" in @param: required, "
                             "default, min, max, in or pattern",
                             (int)word.len, word.ptr);
        if (d->said[w])
            return fault_set(fault, "%s is said twice", WORD_NAMES[w]);
        d->said[w] = true;
        if (!take_word(d, w, fault))
            return false;
    }
    return true;
}

static bool take_type(struct decl *d, struct fault *fault)
{
    struct slice word = slice_word(&d->rest);

    if (word.len == 0)
        return fault_set(fault, "@param needs a name and a type");
    for (enum param_type t = 0; t <= PARAM_BLOB; t++) {
        if (slice_is(word, param_type_name(t))) {
            d->param->type = t;
            return true;
        }
    }
    return fault_set(fault,
                     "unknown type \"%.*s\": integer, real, text, boolean, "
                     "date, datetime, json or blob",
                     (int)word.len, word.ptr);
}

static bool limits_agree(const struct param *p)
{
    if (!p->min || !p->max)
        return true;
    return traits_of(p->type).as_text ? strcmp(p->min, p->max) <= 0
                                      : p->min_number <= p->max_number;
}

static bool default_agrees(const struct param *p, struct fault *fault)
{
    struct value v;
    struct fault why;

    if (p->fallback == NULL)
        return true;
    if (p->required)
        return fault_set(fault, "required and default exclude each other");
    if (!fits(p, slice_of(p->fallback), &v, fault))
        return false;
    if (!value_in_range(p, &v, &why))
        return fault_set(fault, "the default \"%s\" is beyond min or max",
                         p->fallback);
    if (!value_in_choices(p, &v, &why))
        return fault_set(fault, "the default \"%s\" is none of the choices",
                         p->fallback);
    return true;
}

static bool choices_agree(const struct param *p, struct fault *fault)
{
    struct value v;
    struct fault why;

    for (size_t i = 0; p->choices && p->choices[i]; i++) {
        if (!fits(p, slice_of(p->choices[i]), &v, fault))
            return false;
        if (!value_in_range(p, &v, &why))
            return fault_set(fault, "the choice \"%s\" is beyond min or max",
                             p->choices[i]);
    }
    return true;
}

static bool agrees(const struct param *p, struct fault *fault)
{
    if (!limits_agree(p))
        return fault_set(fault, "min %s is more than max %s", p->min, p->max);
    return default_agrees(p, fault) && choices_agree(p, fault);
}

/* Last of all, so that no other fault has to give the expression back. */
static bool compile(struct decl *d, struct fault *fault)
{
    struct param *p = d->param;

    if (!d->said[PATTERN])
        return true;
    p->matcher = pattern_new(d->pattern, fault);
    if (p->matcher == NULL)
        return false;
    if (p->fallback && !pattern_matches(p->matcher, slice_of(p->fallback))) {
        pattern_free(p->matcher);
        p->matcher = NULL;
        return fault_set(fault, "the default \"%s\" does not match the pattern",
                         p->fallback);
    }
    p->pattern = arena_text(d->arena, d->pattern);
    return true;
}

bool paramdecl_name(struct slice name, struct fault *fault)
{
    static const char *const reserved[] = {
        "limit", "offset", "cursor", "sort", "fields", "count", "auth",
    };
    bool taken = name.len >= 5 && memcmp(name.ptr, "auth_", 5) == 0;

    if (!sqllex_is_name(name))
        return fault_set(fault, "\"%.*s\" is no name for a parameter",
                         (int)name.len, name.ptr);
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        taken = taken || slice_is(name, reserved[i]);
    if (taken)
        return fault_set(fault, "the parameter name \"%.*s\" is reserved",
                         (int)name.len, name.ptr);
    return true;
}

bool paramdecl_parse(struct arena *arena, struct slice text, struct param *out,
                     struct fault *fault)
{
    struct decl d = {.arena = arena, .rest = text, .param = out};
    struct slice name = slice_word(&d.rest);

    *out = (struct param){.name = NULL};
    if (name.len == 0)
        return fault_set(fault, "@param needs a name and a type");
    if (!paramdecl_name(name, fault) || !take_type(&d, fault) ||
        !take_words(&d, fault) || !agrees(out, fault))
        return false;
    out->name = arena_text(arena, name);
    return compile(&d, fault);
}
