#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/app/pattern.h"
#include "common/app/value.h"
#include "common/digest.h"

static bool is_typed_json(enum raw_kind kind)
{
    return kind != RAW_TEXT;
}

static bool read_integer(const struct raw *raw, struct value *v,
                         struct fault *why)
{
    v->kind = VALUE_INT;
    if (raw->kind == RAW_INTEGER)
        v->integer = raw->integer;
    else if (is_typed_json(raw->kind) || !text_int64(raw->text, &v->integer))
        return fault_set(why, "must be an integer");
    v->real = (double)v->integer;
    return true;
}

static bool read_real(const struct raw *raw, struct value *v, struct fault *why)
{
    v->kind = VALUE_REAL;
    if (raw->kind == RAW_REAL && isfinite(raw->real)) /* not 1e999 */
        v->real = raw->real;
    else if (raw->kind == RAW_INTEGER)
        v->real = (double)raw->integer;
    else if (is_typed_json(raw->kind) || !text_real(raw->text, &v->real))
        return fault_set(why, "must be a number");
    return true;
}

static bool read_boolean(const struct raw *raw, struct value *v,
                         struct fault *why)
{
    static const char *const words[][2] = {
        {"true", "false"}, {"1", "0"}, {"yes", "no"}, {"on", "off"}};

    v->kind = VALUE_INT;
    v->integer = raw->integer;
    if (raw->kind == RAW_BOOLEAN)
        return true;
    for (size_t i = 0; raw->kind == RAW_TEXT && i < 4; i++) {
        v->integer = slice_is_nocase(raw->text, words[i][0]);
        if (v->integer || slice_is_nocase(raw->text, words[i][1]))
            return true;
    }
    return fault_set(why, "must be true or false");
}

static bool read_string(const struct raw *raw, struct value *v,
                        struct fault *why)
{
    v->kind = VALUE_TEXT;
    v->text = raw->text;
    if (raw->kind != RAW_TEXT && raw->kind != RAW_STRING)
        return fault_set(why, "must be a string");
    if (!text_is_utf8(raw->text))
        return fault_set(why, "must be UTF-8");
    return true;
}

static bool read_date(const struct raw *raw, struct value *v, struct fault *why)
{
    if (read_string(raw, v, why) && text_is_date(v->text))
        return true;
    return fault_set(why, "must be a date, YYYY-MM-DD");
}

static bool read_datetime(const struct raw *raw, struct value *v,
                          struct fault *why)
{
    if (read_string(raw, v, why) && text_is_datetime(v->text))
        return true;
    return fault_set(why, "must be a date and time, YYYY-MM-DDTHH:MM:SSZ");
}

static bool read_blob(const struct raw *raw, struct buf *scratch,
                      struct value *v, struct fault *why)
{
    size_t start = scratch->len;

    v->kind = VALUE_BLOB;
    if ((raw->kind != RAW_TEXT && raw->kind != RAW_STRING) ||
        !digest_unbase64(scratch, raw->text))
        return fault_set(why, "must be base64");
    v->text = (struct slice){scratch->data + start, scratch->len - start};
    return true;
}

/* Arrays, objects and strings of a JSON body; JSON text from a URL. */
static bool read_json(const struct raw *raw, struct buf *scratch,
                      struct value *v)
{
    size_t start = scratch->len;

    v->kind = VALUE_TEXT;
    v->text = raw->text;
    if (raw->kind == RAW_NESTED || raw->kind == RAW_TEXT)
        return true;
    if (raw->kind == RAW_STRING)
        buf_json(scratch, raw->text);
    else if (raw->kind == RAW_INTEGER)
        buf_int(scratch, raw->integer);
    else if (raw->kind == RAW_REAL)
        buf_real(scratch, raw->real);
    else
        buf_string(scratch, raw->integer ? "true" : "false");
    v->text = (struct slice){scratch->data + start, scratch->len - start};
    return true;
}

bool value_parse(const struct param *p, const struct raw *raw,
                 struct buf *scratch, struct value *v, struct fault *why)
{
    switch (p->type) {
    case PARAM_INTEGER: return read_integer(raw, v, why);
    case PARAM_REAL: return read_real(raw, v, why);
    case PARAM_BOOLEAN: return read_boolean(raw, v, why);
    case PARAM_DATE: return read_date(raw, v, why);
    case PARAM_DATETIME: return read_datetime(raw, v, why);
    case PARAM_JSON: return read_json(raw, scratch, v);
    case PARAM_BLOB: return read_blob(raw, scratch, v, why);
    case PARAM_TEXT:
    default: return read_string(raw, v, why);
    }
}

/* Characters of UTF-8 text: bytes that do not continue one. */
static int64_t characters(struct slice s)
{
    int64_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    return n;
}

static int compare_text(struct slice a, const char *b)
{
    struct slice other = slice_of(b);
    size_t shared = a.len < other.len ? a.len : other.len;
    int order = memcmp(a.ptr, b, shared);

    return order ? order : (a.len > other.len) - (a.len < other.len);
}

static bool check_number(const struct param *p, double n, struct fault *why)
{
    if (p->min && n < p->min_number)
        return fault_set(why, "must be at least %s", p->min);
    if (p->max && n > p->max_number)
        return fault_set(why, "must be at most %s", p->max);
    return true;
}

/* 64-bit integers beyond 2^53 do not survive a comparison as double. */
static bool check_integer(const struct param *p, int64_t n, struct fault *why)
{
    int64_t limit;

    if (p->min && text_int64(slice_of(p->min), &limit) && n < limit)
        return fault_set(why, "must be at least %s", p->min);
    if (p->max && text_int64(slice_of(p->max), &limit) && n > limit)
        return fault_set(why, "must be at most %s", p->max);
    return true;
}

static bool check_length(const struct param *p, int64_t n, struct fault *why)
{
    const char *unit = p->type == PARAM_BLOB ? "bytes" : "characters";

    if (p->min && (double)n < p->min_number)
        return fault_set(why, "must have at least %s %s", p->min, unit);
    if (p->max && (double)n > p->max_number)
        return fault_set(why, "must have at most %s %s", p->max, unit);
    return true;
}

static bool check_order(const struct param *p, struct slice s,
                        struct fault *why)
{
    if (p->min && compare_text(s, p->min) < 0)
        return fault_set(why, "must not be before %s", p->min);
    if (p->max && compare_text(s, p->max) > 0)
        return fault_set(why, "must not be after %s", p->max);
    return true;
}

bool value_in_range(const struct param *p, const struct value *v,
                    struct fault *why)
{
    switch (p->type) {
    case PARAM_INTEGER: return check_integer(p, v->integer, why);
    case PARAM_REAL: return check_number(p, v->real, why);
    case PARAM_TEXT: return check_length(p, characters(v->text), why);
    case PARAM_BLOB: return check_length(p, (int64_t)v->text.len, why);
    case PARAM_DATE:
    case PARAM_DATETIME: return check_order(p, v->text, why);
    case PARAM_BOOLEAN:
    case PARAM_JSON:
    default: return true;
    }
}

static bool is_choice(const struct param *p, const struct value *v,
                      const char *choice)
{
    int64_t integer;
    double real;

    if (p->type == PARAM_INTEGER)
        return text_int64(slice_of(choice), &integer) && integer == v->integer;
    if (p->type == PARAM_REAL)
        return text_real(slice_of(choice), &real) && real == v->real;
    return slice_is(v->text, choice);
}

bool value_in_choices(const struct param *p, const struct value *v,
                      struct fault *why)
{
    size_t at;

    if (p->choices == NULL)
        return true;
    for (const char **c = p->choices; *c; c++)
        if (is_choice(p, v, *c))
            return true;
    at = (size_t)snprintf(why->text, sizeof why->text, "must be one of");
    for (const char **c = p->choices; *c && at < sizeof why->text; c++)
        at += (size_t)snprintf(why->text + at, sizeof why->text - at, "%s %s",
                               c == p->choices ? "" : ",", *c);
    return false;
}

static bool check_pattern(const struct param *p, const struct value *v,
                          struct fault *why)
{
    return p->matcher == NULL || pattern_matches(p->matcher, v->text) ||
           fault_set(why, "must match %s", p->pattern);
}

bool value_read(const struct param *p, const struct raw *raw,
                struct buf *scratch, struct value *out, struct fault *why)
{
    if (raw->kind == RAW_NULL) {
        out->kind = VALUE_NULL;
        return !p->required || fault_set(why, "is required");
    }
    return value_parse(p, raw, scratch, out, why) &&
           value_in_range(p, out, why) && value_in_choices(p, out, why) &&
           check_pattern(p, out, why);
}
