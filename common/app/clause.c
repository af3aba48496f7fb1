#include <string.h>

#include "common/app/sqllex.h"
#include "common/origin.h"

#include "common/app/clause.h"

enum {
    ROWS_MAX = 1000 * 1000, /* of a page, so that offsets stay exact */
    RATE_MAX = 1000 * 1000, /* requests a second, minute or hour */
    EACH_DEFAULT = 100,
    EACH_MAX = 100 * 1000,
};

/* Reads a whole number from 1 to `most`. */
static bool count(struct slice s, int64_t most, int64_t *out)
{
    return text_int64(s, out) && *out >= 1 && *out <= most;
}

static bool is_listed(const char **list, size_t length, struct slice name)
{
    for (size_t i = 0; i < length; i++)
        if (slice_is(name, list[i]))
            return true;
    return false;
}

bool clause_columns(struct arena *arena, struct slice text, const char ***out,
                    struct fault *fault)
{
    const char **list = NULL;
    size_t n = 0;

    for (struct slice rest = text; rest.ptr;) {
        struct slice name = slice_trim(slice_cut(&rest, ','));
        if (!sqllex_is_name(name))
            return fault_set(fault, "\"%.*s\" is no name of a column",
                             (int)name.len, name.ptr);
        if (is_listed(list, n, name))
            return fault_set(fault, "the column \"%.*s\" is named twice",
                             (int)name.len, name.ptr);
        list = arena_grow(arena, list, n, sizeof *list);
        list[n++] = arena_text(arena, name);
    }
    list = arena_grow(arena, list, n, sizeof *list);
    list[n] = NULL;
    *out = list;
    return true;
}

/* A leading '-' of each key is noted and taken off. */
static bool page_keys(struct arena *arena, struct slice text, struct page *out,
                      struct fault *fault)
{
    char *names = arena_alloc(arena, text.len + 1);
    size_t length = 0;
    size_t keys = 0;
    size_t falling = 0;

    for (struct slice rest = text; rest.ptr; keys++) {
        struct slice key = slice_cut(&rest, ',');
        bool falls = key.len > 0 && key.ptr[0] == '-';
        falling += falls;
        if (keys > 0)
            names[length++] = ',';
        memcpy(names + length, key.ptr + falls, key.len - falls);
        length += key.len - falls;
    }
    if (falling != 0 && falling != keys)
        return fault_set(fault, "the keys of @page rise or fall together");
    out->descending = falling > 0;
    return clause_columns(arena, (struct slice){names, length}, &out->keys,
                          fault);
}

bool clause_page(struct arena *arena, struct slice text, struct page *out,
                 struct fault *fault)
{
    struct slice rest = text;
    struct slice word = slice_word(&rest);

    *out = (struct page){.on = true};
    if (word.len >= 4 && memcmp(word.ptr, "key=", 4) == 0) {
        struct slice keys = {word.ptr + 4, word.len - 4};
        if (!page_keys(arena, keys, out, fault))
            return false;
        word = slice_word(&rest);
    }
    if (!count(word, ROWS_MAX, &out->size))
        return fault_set(fault, "@page needs a number of rows from 1 to %d",
                         ROWS_MAX);
    if (rest.len == 0) {
        out->max = out->size * 10 < 1000 ? out->size * 10 : 1000;
        out->max = out->max < out->size ? out->size : out->max;
        return true;
    }
    word = slice_word(&rest);
    if (!slice_is(word, "max") || !count(rest, ROWS_MAX, &out->max))
        return fault_set(fault, "@page n max m: m is from n to %d", ROWS_MAX);
    return out->max >= out->size ||
           fault_set(fault, "@page %lld is more than its max %lld",
                     (long long)out->size, (long long)out->max);
}

static bool rate_speed(struct slice text, struct rate *out)
{
    struct slice unit = text;
    struct slice number = slice_cut(&unit, '/');

    if (!count(number, RATE_MAX, &out->burst))
        return false;
    out->per_second = (double)out->burst;
    if (unit.ptr && slice_is(unit, "m"))
        out->per_second /= 60;
    else if (unit.ptr && slice_is(unit, "h"))
        out->per_second /= 3600;
    else if (!unit.ptr || !slice_is(unit, "s"))
        return false;
    return true;
}

static bool rate_by(struct slice text, enum rate_by *out)
{
    static const char *const names[] = {
        [RATE_BY_ADDRESS] = "address",
        [RATE_BY_USER] = "user",
        [RATE_BY_TOKEN] = "token",
    };

    for (enum rate_by by = 0; by <= RATE_BY_TOKEN; by++) {
        if (slice_is(text, names[by])) {
            *out = by;
            return true;
        }
    }
    return false;
}

bool clause_rate(struct slice text, struct rate *out, struct fault *fault)
{
    struct slice rest = text;
    struct slice word = slice_word(&rest);

    *out = (struct rate){.on = true};
    if (!rate_speed(word, out))
        return fault_set(fault, "@rate needs a number of requests in a "
                                "second, minute or hour, as 10/s 10/m 10/h");
    word = slice_word(&rest);
    if (slice_is(word, "burst")) {
        if (!count(slice_word(&rest), RATE_MAX, &out->burst))
            return fault_set(fault, "burst needs a number from 1 to %d",
                             RATE_MAX);
        word = slice_word(&rest);
    }
    if (slice_is(word, "by")) {
        if (!rate_by(slice_word(&rest), &out->by))
            return fault_set(fault, "by needs user, token or address");
        word = slice_word(&rest);
    }
    return word.len == 0 ||
           fault_set(fault, "unknown word \"%.*s\" in @rate: burst or by",
                     (int)word.len, word.ptr);
}

bool clause_each(struct arena *arena, struct slice text, struct endpoint *out,
                 struct fault *fault)
{
    struct slice rest = text;
    struct slice name = slice_word(&rest);
    struct slice word = slice_word(&rest);

    if (!sqllex_is_name(name))
        return fault_set(fault, "@each needs the name of an array");
    out->each = arena_text(arena, name);
    out->each_max = EACH_DEFAULT;
    if (word.len == 0)
        return true;
    return (slice_is(word, "max") && count(rest, EACH_MAX, &out->each_max)) ||
           fault_set(fault, "@each name max n: n is from 1 to %d", EACH_MAX);
}

bool clause_auth(struct arena *arena, struct slice text, const char **out,
                 struct fault *fault)
{
    if (!sqllex_is_name(text))
        return fault_set(fault, "@auth needs public, user, admin or a role");
    *out = arena_text(arena, text);
    return true;
}

bool clause_http(struct arena *arena, struct slice text, const char **out,
                 struct fault *fault)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] == 0x7F)
            return fault_set(fault, "@http takes only printable ASCII");
    if (text.len == 0)
        return fault_set(fault, "@http needs the text of Cache-Control");
    *out = arena_text(arena, text);
    return true;
}

/* "*" says all there is to say, and so does "off". */
static bool check_lone(struct slice word, size_t place, struct slice rest,
                       struct fault *fault)
{
    if (!slice_is(word, "*") && !slice_is(word, "off"))
        return origin_check(word, fault);
    return (place == 0 && rest.len == 0) ||
           fault_set(fault, "\"%.*s\" stands alone behind @cors", (int)word.len,
                     word.ptr);
}

bool clause_cors(struct arena *arena, struct slice text, const char ***out,
                 struct fault *fault)
{
    const char **list = NULL;
    size_t n = 0;
    struct slice rest = text;

    for (struct slice word; (word = slice_word(&rest)).len > 0;) {
        if (!check_lone(word, n, rest, fault))
            return false;
        list = arena_grow(arena, list, n, sizeof *list);
        list[n++] = arena_text(arena, word);
    }
    if (n == 0)
        return fault_set(fault, "@cors needs origins, * or off");
    list = arena_grow(arena, list, n, sizeof *list);
    list[n] = NULL;
    *out = list;
    return true;
}
