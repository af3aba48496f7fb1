#include <string.h>

#include "worker/conditions.h"

/* The fields that decide; a null ptr means absent. */
struct fields {
    struct slice match;
    struct slice none_match;
    struct slice modified_since;
    struct slice unmodified_since;
    struct slice if_range;
    struct slice range;
};

static struct fields fields_of(const struct request *req)
{
    struct fields f = {.match = {NULL, 0}};
    const struct {
        const char *name;
        struct slice *value;
    } wanted[] = {
        {"if-match", &f.match},
        {"if-none-match", &f.none_match},
        {"if-modified-since", &f.modified_since},
        {"if-unmodified-since", &f.unmodified_since},
        {"if-range", &f.if_range},
        {"range", &f.range},
    };
    struct pair field;
    for (size_t i = 0; request_field(req, i, &field); i++) {
        /* All six begin so: most fields of a request are passed over here. */
        int first = field.name.len ? field.name.ptr[0] | 0x20 : 0;
        if (first != 'i' && first != 'r')
            continue;
        for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++)
            if (!wanted[k].value->ptr &&
                slice_is_nocase(field.name, wanted[k].name))
                *wanted[k].value = slice_trim(field.value);
    }
    return f;
}

void conditions_date(time_t seconds, char out[CONDITIONS_DATE])
{
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(out, CONDITIONS_DATE, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

bool conditions_read_date(struct slice text, time_t *out)
{
    static const char *const forms[] = {
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
    };
    char copy[64];
    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {.tm_isdst = 0};
        const char *end = strptime(copy, forms[i], &tm);
        if (end && *end == '\0') {
            *out = timegm(&tm);
            return true;
        }
    }
    return false;
}

/*
 * Is `etag` in the list, or is that "*"? Strong comparison never matches a
 * weak tag. Our tags hold no comma, so cutting at commas, even inside
 * somebody else's tag, cannot make a false match.
 */
static bool etag_listed(struct slice list, const char *etag, bool strong)
{
    while (list.ptr) {
        struct slice tag = slice_trim(slice_cut(&list, ','));
        if (slice_is(tag, "*"))
            return true;
        if (!strong && tag.len > 2 && memcmp(tag.ptr, "W/", 2) == 0)
            tag = (struct slice){tag.ptr + 2, tag.len - 2};
        if (slice_is(tag, etag))
            return true;
    }
    return false;
}

/* Section 13.2.2, in its order: an entity tag silences the date beside it. */
static int preconditions(const struct fields *f, const struct validators *v)
{
    time_t then;
    if (f->match.ptr) {
        if (!etag_listed(f->match, v->etag, true))
            return 412;
    } else if (f->unmodified_since.ptr) {
        if (conditions_read_date(f->unmodified_since, &then) &&
            v->seconds > then)
            return 412;
    }
    if (f->none_match.ptr)
        return etag_listed(f->none_match, v->etag, false) ? 304 : 200;
    if (f->modified_since.ptr &&
        (slice_is(f->modified_since, v->modified) ||
         (conditions_read_date(f->modified_since, &then) &&
          v->seconds <= then)))
        return 304;
    return 200;
}

/* Reads digits; a number too large for any file stays that large. */
static bool digits_read(struct slice s, int64_t *out)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        n = n > INT64_MAX / 10 - 1 ? INT64_MAX : n * 10 + (s.ptr[i] - '0');
    }
    *out = n;
    return s.len > 0;
}

/* "bytes=a-b", "bytes=a-", "bytes=-n" */
static int range_read(struct slice text, int64_t size, struct span *part)
{
    int64_t first = 0, last = INT64_MAX;
    struct slice unit = slice_cut(&text, '=');
    if (!text.ptr || !slice_is_nocase(unit, "bytes"))
        return 200;
    struct slice from = slice_trim(slice_cut(&text, '-'));
    if (!text.ptr)
        return 200;
    struct slice to = slice_trim(text);
    if ((to.len && !digits_read(to, &last)) ||
        (from.len && !digits_read(from, &first)) || last < first ||
        (!from.len && !to.len))
        return 200;
    if (!from.len) { /* the last so many */
        first = last < size ? size - last : 0;
        last = INT64_MAX;
    }
    if (first >= size)
        return 416;
    *part = (struct span){first, (last < size ? last + 1 : size) - first};
    return 206;
}

int conditions_judge(const struct request *req, const struct validators *v,
                     int64_t size, struct span *part)
{
    struct fields f = fields_of(req);
    *part = (struct span){0, size};
    int verdict = preconditions(&f, v);
    if (verdict != 200 || !f.range.ptr || request_verb(req) != VERB_GET)
        return verdict;
    /* If-Range: only if the client's other parts are of this same file. */
    if (f.if_range.ptr && !slice_is(f.if_range, v->etag) &&
        !slice_is(f.if_range, v->modified))
        return verdict;
    return range_read(f.range, size, part);
}
