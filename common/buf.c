#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"

enum { SMALLEST = 256 };

char *buf_grow(struct buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : SMALLEST;

    while (cap - b->len < more)
        cap *= 2;
    char *data = realloc(b->data, cap);
    if (data == NULL) {
        log_critical("Out of memory: %zu bytes for a buffer", cap);
        abort();
    }
    b->data = data;
    b->cap = cap;
    return b->data + b->len;
}

void buf_string(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_int(struct buf *b, int64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (n < 0)
        buf_byte(b, '-');
    buf_add(b, digits + at, sizeof digits - at);
}

void buf_format(struct buf *b, const char *format, ...)
{
    va_list args;
    va_list again;

    va_start(args, format);
    va_copy(again, args);
    char *at = buf_reserve(b, 128);
    int len = vsnprintf(at, b->cap - b->len, format, args);
    if (len >= 0 && (size_t)len >= b->cap - b->len) {
        at = buf_reserve(b, (size_t)len + 1);
        vsnprintf(at, b->cap - b->len, format, again);
    }
    va_end(again);
    va_end(args);
    if (len > 0)
        b->len += (size_t)len;
}

/*
 * What becomes of each ASCII character in a JSON string (RFC 8259, 7):
 * 0 stays as it is, 'u' is written \u00XX, any other letter follows a '\'.
 */
static const char json_escapes[128] = {
    [0 ... 7] = 'u', ['\b'] = 'b',  ['\t'] = 't', ['\n'] = 'n',
    [11] = 'u',      ['\f'] = 'f',  ['\r'] = 'r', [14 ... 31] = 'u',
    ['"'] = '"',     ['\\'] = '\\',
};

static void json_escape(struct buf *b, unsigned char c)
{
    if (json_escapes[c] == 'u') {
        buf_format(b, "\\u%04x", c);
    } else {
        buf_byte(b, '\\');
        buf_byte(b, json_escapes[c]);
    }
}

/*
 * Are these eight bytes plain: ASCII, no control character, no quote, no
 * backslash? Eight at a time, in one register: a byte's high bit is set in
 * `bad` when it is one of those (a borrow can set it for a plain byte behind
 * one that is not, which only costs a closer look).
 */
static bool eight_plain(const char *p)
{
    const uint64_t ones = 0x0101010101010101;
    uint64_t x;

    memcpy(&x, p, sizeof x);
    uint64_t quote = x ^ ones * '"';
    uint64_t slash = x ^ ones * '\\';
    uint64_t bad = x | (x - ones * 0x20) | (quote - ones) | (slash - ones);
    return (bad & ones * 0x80) == 0;
}

/* How many bytes from s.ptr[at] on can be copied as they are. */
static size_t json_plain(struct slice s, size_t at)
{
    size_t end = at;

    while (end < s.len) {
        if (s.len - end >= 8 && eight_plain(s.ptr + end)) {
            end += 8;
            continue;
        }
        unsigned char c = (unsigned char)s.ptr[end];
        if (c < 0x80 && json_escapes[c])
            break;
        size_t n = text_utf8_at(s, end);
        if (n == 0)
            break;
        end += n;
    }
    return end - at;
}

void buf_json(struct buf *b, struct slice s)
{
    size_t at = 0;

    buf_reserve(b, s.len + 2);
    buf_byte(b, '"');
    while (at < s.len) {
        size_t plain = json_plain(s, at);
        buf_add(b, s.ptr + at, plain);
        at += plain;
        if (at == s.len)
            break;
        unsigned char c = (unsigned char)s.ptr[at++];
        if (c < 0x80)
            json_escape(b, c);
        else
            buf_add(b, "\xEF\xBF\xBD", 3); /* U+FFFD */
    }
    buf_byte(b, '"');
}

/*
 * Most reals in a database are prices and averages: few decimals. If r/10^k
 * gives back the very same double, then "r shifted by k digits" names it,
 * because a correctly rounded division of two exact integers is what reading
 * the decimal text does. Some 20 ns instead of 400 for printf and strtod.
 */
static bool few_decimals(struct buf *b, double v)
{
    static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    double size = fabs(v);

    if (size >= 1e9) /* keeps r below 2^53 for every power above */
        return false;
    for (size_t k = 0; k < sizeof powers / sizeof *powers; k++) {
        int64_t r = llround(size * (double)powers[k]);
        if ((double)r / (double)powers[k] != size)
            continue;
        if (signbit(v))
            buf_byte(b, '-');
        buf_int(b, r / powers[k]);
        buf_byte(b, '.');
        int64_t rest = r % powers[k];
        for (size_t d = k; d > 1 && rest < powers[d - 1]; d--)
            buf_byte(b, '0');
        buf_int(b, rest);
        return true;
    }
    return false;
}

void buf_real(struct buf *b, double v)
{
    char text[40];

    if (!isfinite(v)) {
        buf_string(b, "null");
        return;
    }
    if (few_decimals(b, v))
        return;
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, v);
        if (strtod(text, NULL) == v)
            break;
    }
    buf_string(b, text);
    if (strpbrk(text, ".e") == NULL)
        buf_string(b, ".0"); /* a real stays one when it is read back */
}

void buf_percent(struct buf *b, struct slice s)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (letter || (c >= '0' && c <= '9') ||
            (c && strchr("-._~", c) != NULL)) {
            buf_byte(b, (char)c);
            continue;
        }
        buf_byte(b, '%');
        buf_byte(b, hex[c >> 4]);
        buf_byte(b, hex[c & 15]);
    }
}

const char *buf_text(struct buf *b)
{
    *buf_reserve(b, 1) = '\0';
    return b->data;
}

struct slice buf_view(const struct buf *b)
{
    return (struct slice){b->data, b->len};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

void buf_shrink(struct buf *b, size_t keep)
{
    b->len = 0;
    if (b->cap <= keep)
        return;
    free(b->data);
    b->data = NULL;
    b->cap = 0;
}

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){NULL, 0, 0};
}
