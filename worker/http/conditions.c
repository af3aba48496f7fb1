#include <assert.h>
#include <string.h>

#include "worker/http/conditions.h"

/* What the tags of a list are compared with. */
struct own {
    struct slice etag; /* null ptr: nothing is there */
    bool either;       /* the gzip form's tag is as good */
};

enum found {
    ABSENT, /* no such field */
    MISSED, /* one that does not name what is there */
    LISTED, /* one that does */
};

/* The fields that decide; a null ptr means absent. */
struct fields {
    enum found match;
    enum found none_match;
    struct slice modified_since;
    struct slice unmodified_since;
    struct slice if_range;
    struct slice range;
};

/* ---- entity tags (section 8.8.3) ----------------------------------------*/

struct tag {
    struct slice text; /* with its quotes, without "W/" */
    bool weak;
};

/* The tag at the front of the list; false when something else stands there. */
static bool tag_cut(struct slice *list, struct tag *out)
{
    struct slice s = *list;

    out->weak = s.len > 2 && memcmp(s.ptr, "W/", 2) == 0;
    if (out->weak)
        s = (struct slice){s.ptr + 2, s.len - 2};
    if (s.len < 2 || s.ptr[0] != '"')
        return false;
    const char *end = memchr(s.ptr + 1, '"', s.len - 1);
    if (end == NULL)
        return false;
    out->text = (struct slice){s.ptr, (size_t)(end - s.ptr) + 1};
    *list = (struct slice){end + 1, s.len - out->text.len};
    return true;
}

/* The next tag; what is none is passed over up to the next comma. */
static bool tag_next(struct slice *list, struct tag *out)
{
    while (list->ptr) {
        *list = slice_trim(*list);
        if (tag_cut(list, out))
            return true;
        slice_cut(list, ',');
    }
    return false;
}

/* Takes the place of the closing quote. */
static const char gzip_ending[] = "-gz\"";

static bool is_gzip_tag(struct slice tag, struct slice etag)
{
    size_t stem = etag.len - 1;

    return etag.len >= 2 && tag.len == stem + strlen(gzip_ending) &&
           memcmp(tag.ptr, etag.ptr, stem) == 0 &&
           memcmp(tag.ptr + stem, gzip_ending, strlen(gzip_ending)) == 0;
}

/* Is what is there on the list? Strong comparison never matches a weak tag. */
static bool list_names(struct slice list, const struct own *own, bool strong)
{
    struct tag tag;

    if (own->etag.ptr == NULL)
        return false;
    if (slice_is(slice_trim(list), "*"))
        return true;
    while (tag_next(&list, &tag)) {
        if (strong && tag.weak)
            continue;
        if (slice_equal(tag.text, own->etag) ||
            (own->either && is_gzip_tag(tag.text, own->etag)))
            return true;
    }
    return false;
}

struct slice conditions_gzip_tag(char out[CONDITIONS_TAG], struct slice etag)
{
    size_t stem = etag.len - 1;

    assert(etag.len >= 2 && stem + sizeof gzip_ending <= CONDITIONS_TAG);
    memcpy(out, etag.ptr, stem);
    memcpy(out + stem, gzip_ending, sizeof gzip_ending);
    return (struct slice){out, stem + strlen(gzip_ending)};
}

/* ---- the request's fields -----------------------------------------------*/

/* All six begin so: most fields of a request are passed over here. */
static bool may_decide(struct slice name)
{
    int first = name.len ? name.ptr[0] | 0x20 : 0;

    return first == 'i' || first == 'r';
}

static void list_add(enum found *found, struct slice line,
                     const struct own *own, bool strong)
{
    if (*found != LISTED)
        *found = list_names(line, own, strong) ? LISTED : MISSED;
}

static void field_keep(struct fields *f, struct pair field)
{
    const struct {
        const char *name;
        struct slice *value;
    } wanted[] = {
        {"if-modified-since", &f->modified_since},
        {"if-unmodified-since", &f->unmodified_since},
        {"if-range", &f->if_range},
        {"range", &f->range},
    };
    for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++)
        if (!wanted[k].value->ptr &&
            slice_is_nocase(field.name, wanted[k].name))
            *wanted[k].value = slice_trim(field.value);
}

static struct fields fields_of(const struct request *req, const struct own *own)
{
    struct fields f = {.match = ABSENT};
    struct pair field;

    for (size_t i = 0; request_field(req, i, &field); i++) {
        if (!may_decide(field.name))
            continue;
        if (slice_is_nocase(field.name, "if-none-match"))
            list_add(&f.none_match, field.value, own, false);
        else if (slice_is_nocase(field.name, "if-match"))
            list_add(&f.match, field.value, own, true);
        else
            field_keep(&f, field);
    }
    return f;
}

bool conditions_present(const struct request *req)
{
    struct pair field;

    for (size_t i = 0; request_field(req, i, &field); i++)
        if (may_decide(field.name) &&
            (slice_is_nocase(field.name, "if-match") ||
             slice_is_nocase(field.name, "if-none-match") ||
             slice_is_nocase(field.name, "if-unmodified-since")))
            return true;
    return false;
}

/* ---- dates --------------------------------------------------------------*/

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

/* ---- verdicts -----------------------------------------------------------*/

static bool modified_after(const struct validators *v, struct slice date)
{
    time_t then;

    return conditions_read_date(date, &then) && v->seconds > then;
}

/* The very text we sent, or any date that is not before the change. */
static bool unmodified_since(const struct validators *v, struct slice date)
{
    time_t then;

    return slice_is(date, v->modified) ||
           (conditions_read_date(date, &then) && v->seconds <= then);
}

/* Section 13.2.2, in its order: an entity tag silences the date beside it.
 * Without validators there is no date to compare with. */
static int preconditions(const struct fields *f, const struct validators *v)
{
    if (f->match == MISSED)
        return 412;
    if (f->match == ABSENT && v && f->unmodified_since.ptr &&
        modified_after(v, f->unmodified_since))
        return 412;
    if (f->none_match != ABSENT)
        return f->none_match == LISTED ? 304 : 200;
    if (v && f->modified_since.ptr && unmodified_since(v, f->modified_since))
        return 304;
    return 200;
}

int conditions_tag(const struct request *req, struct slice etag)
{
    const struct own own = {.etag = etag, .either = false};
    struct fields f = fields_of(req, &own);

    return preconditions(&f, NULL);
}

bool conditions_match(const struct request *req, struct slice etag)
{
    const struct own own = {.etag = etag, .either = true};
    struct fields f = fields_of(req, &own);

    return f.match != MISSED && f.none_match != LISTED;
}

/* ---- ranges (section 14) ------------------------------------------------*/

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
    const struct own own = {.etag = slice_of(v->etag), .either = false};
    struct fields f = fields_of(req, &own);

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
