#include <string.h>

#include "worker/http/target.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Appends `raw` decoded to `text`, which has the room. */
static bool decode(struct slice raw, bool plus_is_blank, struct buf *text)
{
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '+' && plus_is_blank) {
            c = ' ';
        } else if (c == '%') {
            int high = i + 1 < raw.len ? hex_digit(raw.ptr[i + 1]) : -1;
            int low = i + 2 < raw.len ? hex_digit(raw.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            return false;
        text->data[text->len++] = c;
    }
    return true;
}

/* Takes back the last segment and its slash. */
static bool climb(struct buf *text, struct slice *segments, size_t *count)
{
    if (*count == 0)
        return false;
    text->len = (size_t)(segments[--*count].ptr - text->data) - 1;
    return true;
}

/* "." and ".." at the very end leave a folder: an empty last segment. */
static bool add_segment(struct slice raw, bool last, struct buf *text,
                        struct slice *segments, size_t *count)
{
    struct slice *s = &segments[*count];

    if (*count == TARGET_SEGMENTS_MAX)
        return false;
    buf_byte(text, '/');
    s->ptr = text->data + text->len;
    if (!decode(raw, false, text))
        return false;
    s->len = (size_t)(text->data + text->len - s->ptr);

    bool up = slice_is(*s, "..");
    if (!up && !slice_is(*s, ".")) {
        ++*count;
        return true;
    }
    text->len -= s->len + 1;
    if (up && !climb(text, segments, count))
        return false;
    return !last || add_segment(SLICE(""), false, text, segments, count);
}

bool target_path(struct slice raw, struct buf *text, struct slice *segments,
                 size_t *count)
{
    struct slice rest = raw;

    *count = 0;
    if (raw.len == 0 || raw.ptr[0] != '/')
        return false;
    buf_reserve(text, raw.len + 2);
    rest.ptr++;
    rest.len--;
    while (rest.ptr) {
        struct slice segment = slice_cut(&rest, '/');
        if (!add_segment(segment, rest.ptr == NULL, text, segments, count))
            return false;
    }
    return true;
}

static bool decode_into(struct slice raw, struct buf *text, struct slice *out)
{
    size_t start = text->len;

    if (!decode(raw, true, text))
        return false;
    *out = (struct slice){text->data + start, text->len - start};
    return true;
}

bool target_pairs(struct slice raw, struct buf *text, struct pair *pairs,
                  size_t *count)
{
    struct slice rest = raw;

    *count = 0;
    if (raw.len == 0)
        return true;
    buf_reserve(text, raw.len);
    while (rest.ptr) {
        struct slice value = slice_cut(&rest, '&');
        if (value.len == 0)
            continue;
        struct slice name = slice_cut(&value, '=');
        if (*count == TARGET_PAIRS_MAX ||
            !decode_into(name, text, &pairs[*count].name) ||
            !decode_into(value, text, &pairs[*count].value))
            return false;
        ++*count;
    }
    return true;
}
