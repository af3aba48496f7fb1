#include <string.h>

#include "common/jsontext.h"

#include "common/paramvalue.h"

static bool is_integer(struct slice s)
{
    int64_t ignored;
    return text_int64(s, &ignored);
}

static bool is_real(struct slice s)
{
    double ignored;
    return text_real(s, &ignored);
}

static bool is_boolean(struct slice s)
{
    return slice_is(s, "true") || slice_is(s, "false") || slice_is(s, "1") ||
           slice_is(s, "0");
}

/* RFC 4648, 4, with its padding. */
static bool is_base64(struct slice s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = s.len;

    for (int i = 0; i < 2 && len > 0 && s.ptr[len - 1] == '='; i++)
        len--;
    for (size_t i = 0; i < len; i++)
        if (!memchr(digits, s.ptr[i], sizeof digits - 1))
            return false;
    return s.len % 4 == 0;
}

static bool (*const FITS[])(struct slice s) = {
    [PARAM_INTEGER] = is_integer,  [PARAM_REAL] = is_real,
    [PARAM_TEXT] = text_is_utf8,   [PARAM_BOOLEAN] = is_boolean,
    [PARAM_DATE] = text_is_date,   [PARAM_DATETIME] = text_is_datetime,
    [PARAM_JSON] = jsontext_valid, [PARAM_BLOB] = is_base64,
};

static const struct paramvalue_traits TRAITS[] = {
    [PARAM_INTEGER] = {.limits = true, .choices = true},
    [PARAM_REAL] = {.limits = true, .choices = true},
    [PARAM_TEXT] = {.limits = true, .length = true, .choices = true},
    [PARAM_BOOLEAN] = {.limits = false},
    [PARAM_DATE] = {.limits = true, .as_text = true, .choices = true},
    [PARAM_DATETIME] = {.limits = true, .as_text = true, .choices = true},
    [PARAM_JSON] = {.limits = false},
    [PARAM_BLOB] = {.limits = true, .length = true},
};

bool paramvalue_fits(enum param_type type, struct slice value)
{
    return FITS[type](value);
}

struct paramvalue_traits paramvalue_traits(enum param_type type)
{
    return TRAITS[type];
}

static double characters(struct slice s)
{
    double n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += (s.ptr[i] & 0xC0) != 0x80;
    return n;
}

static double decoded_bytes(struct slice s)
{
    size_t n = s.len / 4 * 3;

    for (size_t i = 1; i <= 2 && i <= s.len; i++)
        n -= s.ptr[s.len - i] == '=';
    return (double)n;
}

/* What min and max compare: the number, or the length of a text or blob. */
static double measure(const struct param *p, struct slice value)
{
    double n = 0;

    if (p->type == PARAM_TEXT)
        return characters(value);
    if (p->type == PARAM_BLOB)
        return decoded_bytes(value);
    text_real(value, &n);
    return n;
}

bool paramvalue_in_limits(const struct param *p, const char *value)
{
    if (TRAITS[p->type].as_text)
        return (!p->min || strcmp(value, p->min) >= 0) &&
               (!p->max || strcmp(value, p->max) <= 0);
    return (!p->min || measure(p, slice_of(value)) >= p->min_number) &&
           (!p->max || measure(p, slice_of(value)) <= p->max_number);
}

bool paramvalue_in_choices(const struct param *p, const char *value)
{
    double wanted = measure(p, slice_of(value));
    bool numeric = p->type == PARAM_INTEGER || p->type == PARAM_REAL;

    for (size_t i = 0; p->choices && p->choices[i]; i++)
        if (strcmp(p->choices[i], value) == 0 ||
            (numeric && measure(p, slice_of(p->choices[i])) == wanted))
            return true;
    return p->choices == NULL;
}
