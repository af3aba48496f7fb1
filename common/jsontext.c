#include <string.h>

#include "common/jsontext.h"

struct reader {
    const char *at;
    const char *end;
};

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c);
}

static void blanks(struct reader *r)
{
    while (r->at < r->end && is_one_of(*r->at, " \t\r\n"))
        r->at++;
}

/* Passes `c` and the blanks around it, when it is what comes next. */
static bool take(struct reader *r, char c)
{
    blanks(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    blanks(r);
    return true;
}

static bool hex4(struct reader *r)
{
    for (int i = 0; i < 4; i++, r->at++)
        if (r->at == r->end || !is_one_of(*r->at, "0123456789abcdefABCDEF"))
            return false;
    return true;
}

static bool escape(struct reader *r)
{
    if (r->at == r->end)
        return false;
    char c = *r->at++;
    return c == 'u' ? hex4(r) : is_one_of(c, "\"\\/bfnrt");
}

static bool string(struct reader *r)
{
    if (r->at == r->end || *r->at++ != '"')
        return false;
    while (r->at < r->end) {
        unsigned char c = (unsigned char)*r->at++;
        if (c == '"')
            return true;
        if (c < 0x20 || (c == '\\' && !escape(r)))
            return false;
    }
    return false;
}

/* A number or a word: up to whatever cannot belong to one. */
static bool scalar(struct reader *r)
{
    struct slice s = {r->at, 0};
    size_t digit;
    double ignored;

    while (r->at < r->end && !is_one_of(*r->at, " \t\r\n,:]}")) {
        r->at++;
        s.len++;
    }
    if (slice_is(s, "true") || slice_is(s, "false") || slice_is(s, "null"))
        return true;
    digit = s.len > 0 && s.ptr[0] == '-';
    if (s.len > digit + 1 && s.ptr[digit] == '0' && s.ptr[digit + 1] >= '0' &&
        s.ptr[digit + 1] <= '9')
        return false; /* text_real lets leading zeros pass, JSON does not */
    return text_real(s, &ignored);
}

static bool value(struct reader *r, int depth);

static bool member(struct reader *r, int depth)
{
    return string(r) && take(r, ':') && value(r, depth);
}

/* The rest of an array or object, up to and with `close`. */
static bool items(struct reader *r, char close, int depth)
{
    if (depth > JSONTEXT_DEPTH_MAX)
        return false;
    if (take(r, close))
        return true;
    do {
        if (!(close == '}' ? member(r, depth) : value(r, depth)))
            return false;
    } while (take(r, ','));
    return take(r, close);
}

static bool value(struct reader *r, int depth)
{
    if (take(r, '['))
        return items(r, ']', depth + 1);
    if (take(r, '{'))
        return items(r, '}', depth + 1);
    if (r->at < r->end && *r->at == '"')
        return string(r);
    return scalar(r);
}

bool jsontext_valid(struct slice s)
{
    struct reader r = {s.ptr, s.ptr + s.len};

    if (!text_is_utf8(s))
        return false;
    blanks(&r);
    if (!value(&r, 0))
        return false;
    blanks(&r);
    return r.at == r.end;
}
