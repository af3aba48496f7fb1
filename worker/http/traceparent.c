#include <string.h>

#include "worker/http/traceparent.h"

/* Where the fields begin, and where version 00 ends. */
enum { TRACE = 3, PARENT = 36, FLAGS = 53, END = 55 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two digits; -1 when they are none. */
static int byte_read(const char *p)
{
    int high = hex_digit(p[0]);
    int low = hex_digit(p[1]);

    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool id_read(const char *from, char *out, size_t len)
{
    bool nought = true;

    for (size_t i = 0; i < len; i++) {
        if (hex_digit(from[i]) < 0)
            return false;
        nought = nought && from[i] == '0';
    }
    memcpy(out, from, len);
    out[len] = '\0';
    return !nought;
}

bool traceparent_read(struct slice field, struct traceparent *out)
{
    struct slice s = slice_trim(field);
    struct traceparent t;

    if (s.len < END || s.ptr[TRACE - 1] != '-' || s.ptr[PARENT - 1] != '-' ||
        s.ptr[FLAGS - 1] != '-')
        return false;
    int version = byte_read(s.ptr);
    int flags = byte_read(s.ptr + FLAGS);
    if (version < 0 || version == 0xff || flags < 0)
        return false;
    if (s.len > END && (version == 0 || s.ptr[END] != '-'))
        return false;
    if (!id_read(s.ptr + TRACE, t.trace, sizeof t.trace - 1) ||
        !id_read(s.ptr + PARENT, t.parent, sizeof t.parent - 1))
        return false;
    t.flags = (uint8_t)(version == 0 ? flags : flags & TRACEPARENT_SAMPLED);
    *out = t;
    return true;
}
