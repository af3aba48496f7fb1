#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"

struct slice slice_of(const char *s)
{
    return (struct slice){s, s ? strlen(s) : 0};
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_is(struct slice a, const char *s)
{
    return slice_equal(a, slice_of(s));
}

bool slice_is_nocase(struct slice a, const char *s)
{
    return a.len == strlen(s) &&
           (a.len == 0 || strncasecmp(a.ptr, s, a.len) == 0);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct slice slice_cut(struct slice *rest, char sep)
{
    struct slice item = *rest;
    const char *at = rest->len ? memchr(rest->ptr, sep, rest->len) : NULL;

    if (at == NULL) {
        *rest = (struct slice){NULL, 0};
        return item;
    }
    item.len = (size_t)(at - item.ptr);
    rest->ptr = at + 1;
    rest->len -= item.len + 1;
    return item;
}

struct slice slice_word(struct slice *rest)
{
    struct slice word;

    *rest = slice_trim(*rest);
    word = (struct slice){rest->ptr, 0};
    while (word.len < rest->len && !is_blank(word.ptr[word.len]))
        word.len++;
    if (word.len > 0) {
        rest->ptr += word.len;
        rest->len -= word.len;
    }
    *rest = slice_trim(*rest);
    return word;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* How many digits stand at s[at…]. */
static size_t digits_at(struct slice s, size_t at)
{
    size_t n = 0;

    while (at + n < s.len && is_digit(s.ptr[at + n]))
        n++;
    return n;
}

bool text_int64(struct slice s, int64_t *out)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    size_t at = negative;
    uint64_t n = 0;
    uint64_t limit = (uint64_t)INT64_MAX + negative;

    if (at == s.len)
        return false;
    for (; at < s.len; at++) {
        unsigned digit = (unsigned char)s.ptr[at] - '0';
        if (digit > 9 || n > (limit - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

/* The grammar of RFC 8259, 6, but leading zeros are allowed ("007.5"). */
static bool looks_real(struct slice s)
{
    size_t at = s.len > 0 && s.ptr[0] == '-';
    size_t n = digits_at(s, at);

    if (n == 0)
        return false;
    at += n;
    if (at < s.len && s.ptr[at] == '.') {
        n = digits_at(s, at + 1);
        if (n == 0)
            return false;
        at += 1 + n;
    }
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        if (at < s.len && (s.ptr[at] == '+' || s.ptr[at] == '-'))
            at++;
        n = digits_at(s, at);
        if (n == 0)
            return false;
        at += n;
    }
    return at == s.len;
}

bool text_real(struct slice s, double *out)
{
    char copy[64]; /* a longer number says nothing that a double can hold */
    double value;

    if (s.len >= sizeof copy || !looks_real(s))
        return false;
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    value = strtod(copy, NULL);
    if (value - value != 0) /* overflowed to infinity */
        return false;
    *out = value;
    return true;
}

struct unit {
    const char *name;
    int64_t factor;
};

/* A count and one of the units; the unit may be "". */
static bool counted(struct slice s, const struct unit *units, int64_t *out)
{
    size_t n = digits_at(s, 0);
    struct slice unit = {s.ptr + n, s.len - n};
    int64_t count;

    if (!text_int64((struct slice){s.ptr, n}, &count))
        return false;
    for (; units->name; units++)
        if (slice_is_nocase(unit, units->name))
            return !__builtin_mul_overflow(count, units->factor, out);
    return false;
}

bool text_duration_ms(struct slice s, int64_t *out)
{
    static const struct unit units[] = {
        {"ms", 1},       {"s", 1000}, {"m", 60000}, {"h", 3600000},
        {"d", 86400000}, {"", 1000},  {NULL, 0},
    };
    return s.len > 0 && counted(s, units, out);
}

bool text_size(struct slice s, int64_t *out)
{
    static const struct unit units[] = {
        {"", 1},         {"K", 1 << 10},  {"M", 1 << 20},  {"G", 1 << 30},
        {"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {NULL, 0},
    };
    return s.len > 0 && counted(s, units, out);
}

/* Reads exactly `width` digits at s[at]; -1 when they are not there. */
static int fixed(struct slice s, size_t at, size_t width)
{
    int n = 0;

    if (at + width > s.len)
        return -1;
    for (size_t i = at; i < at + width; i++) {
        if (!is_digit(s.ptr[i]))
            return -1;
        n = n * 10 + (s.ptr[i] - '0');
    }
    return n;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

bool text_is_date(struct slice s)
{
    int year = fixed(s, 0, 4);
    int month = fixed(s, 5, 2);
    int day = fixed(s, 8, 2);

    return s.len == 10 && s.ptr[4] == '-' && s.ptr[7] == '-' && year >= 0 &&
           month >= 1 && month <= 12 && day >= 1 && day <= days_in(year, month);
}

/* "Z", "+09:00" or nothing. */
static bool is_zone(struct slice s)
{
    if (s.len == 0 || (s.len == 1 && s.ptr[0] == 'Z'))
        return true;
    if (s.len != 6 || (s.ptr[0] != '+' && s.ptr[0] != '-') || s.ptr[3] != ':')
        return false;
    int hour = fixed(s, 1, 2);
    int minute = fixed(s, 4, 2);
    return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59;
}

bool text_is_datetime(struct slice s)
{
    size_t at = 16;

    if (s.len < at || !text_is_date((struct slice){s.ptr, 10}) ||
        (s.ptr[10] != 'T' && s.ptr[10] != ' ') || s.ptr[13] != ':')
        return false;
    int hour = fixed(s, 11, 2);
    int minute = fixed(s, 14, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return false;
    if (at < s.len && s.ptr[at] == ':') {
        int second = fixed(s, at + 1, 2);
        if (second < 0 || second > 60) /* 60: a leap second */
            return false;
        at += 3;
        if (at < s.len && s.ptr[at] == '.') {
            size_t n = digits_at(s, at + 1);
            if (n == 0)
                return false;
            at += 1 + n;
        }
    }
    return is_zone((struct slice){s.ptr + at, s.len - at});
}

/* What the second byte may be, by the first: RFC 3629, 4 shuts out overlong
 * forms, surrogates, and what lies beyond U+10FFFF. */
static bool second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0: return second >= 0xA0 && second <= 0xBF;
    case 0xED: return second >= 0x80 && second <= 0x9F;
    case 0xF0: return second >= 0x90 && second <= 0xBF;
    case 0xF4: return second >= 0x80 && second <= 0x8F;
    default: return second >= 0x80 && second <= 0xBF;
    }
}

/* Length of the UTF-8 sequence at p, 0 when it is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    size_t length = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;

    if (p[0] < 0xC2 || p[0] > 0xF4 || length > left || !second_fits(p[0], p[1]))
        return 0;
    for (size_t k = 2; k < length; k++)
        if ((p[k] & 0xC0) != 0x80)
            return 0;
    return length;
}

size_t text_utf8_at(struct slice s, size_t at)
{
    const unsigned char *p = (const unsigned char *)s.ptr + at;

    return *p < 0x80 ? 1 : utf8_length(p, s.len - at);
}

bool text_is_utf8(struct slice s)
{
    size_t at = 0;

    while (at < s.len) {
        size_t n = text_utf8_at(s, at);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

bool fault_set(struct fault *f, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    return false;
}
