#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

static char *put_escaped(char *to, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    *to++ = '\\';
    if (c >= ' ') {
        *to++ = (char)c;
        return to;
    }
    to = stpcpy(to, "u00");
    *to++ = hex[c >> 4];
    *to++ = hex[c & 15];
    return to;
}

/* Copied in spans that need no escape. */
static char *put_text(char *to, const unsigned char *text, int len)
{
    const unsigned char *end = text + len, *from = text;

    *to++ = '"';
    for (; text < end; text++) {
        if (*text >= ' ' && *text != '"' && *text != '\\')
            continue;
        memcpy(to, from, (size_t)(text - from));
        to = put_escaped(to + (text - from), *text);
        from = text + 1;
    }
    memcpy(to, from, (size_t)(end - from));
    to += end - from;
    *to++ = '"';
    return to;
}

static char *put_integer(char *to, sqlite3_int64 value)
{
    char digits[20], *at = digits;
    sqlite3_uint64 rest = (sqlite3_uint64)value;

    if (value < 0) {
        *to++ = '-';
        rest = -rest;
    }
    do
        *at++ = (char)('0' + rest % 10);
    while (rest /= 10);
    while (at > digits)
        *to++ = *--at;
    return to;
}

/* The shorter of the two forms that reads back as the same number. */
static char *put_real(char *to, double value)
{
    int n = sprintf(to, "%.15g", value);

    if (strtod(to, NULL) < value || strtod(to, NULL) > value)
        n = sprintf(to, "%.17g", value);
    to += n;
    return strpbrk(to - n, ".e") ? to : stpcpy(to, ".0");
}

static char *put_value(char *to, sqlite3_stmt *row, int column)
{
    switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
        return put_integer(to, sqlite3_column_int64(row, column));
    case SQLITE_FLOAT: return put_real(to, sqlite3_column_double(row, column));
    case SQLITE_TEXT: {
        const unsigned char *text = sqlite3_column_text(row, column);

        return put_text(to, text, sqlite3_column_bytes(row, column));
    }
    default: return stpcpy(to, "null");
    }
}

char *json_row(char *to, sqlite3_stmt *row)
{
    int columns = sqlite3_column_count(row);

    for (int i = 0; i < columns; i++) {
        to = stpcpy(to, i ? ",\"" : "{\"");
        to = stpcpy(to, sqlite3_column_name(row, i));
        to = stpcpy(to, "\":");
        to = put_value(to, row, i);
    }
    *to++ = '}';
    return to;
}
