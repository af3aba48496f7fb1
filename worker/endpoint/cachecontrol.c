#include "common/text.h"

#include "worker/endpoint/cachecontrol.h"

bool cachecontrol_has(const char *text, const char *name)
{
    struct slice rest = slice_of(text);

    while (rest.ptr)
        if (slice_is_nocase(slice_trim(slice_cut(&rest, ',')), name))
            return true;
    return false;
}

/* Whether "name" or "name=value" stands in it. */
static bool names(const char *text, const char *name)
{
    struct slice rest = slice_of(text);

    while (rest.ptr) {
        struct slice value = slice_trim(slice_cut(&rest, ','));
        if (slice_is_nocase(slice_trim(slice_cut(&value, '=')), name))
            return true;
    }
    return false;
}

bool cachecontrol_shares(const char *text, bool authorized)
{
    if (names(text, "private") || names(text, "no-store"))
        return false;
    return names(text, "public") || names(text, "s-maxage") ||
           names(text, authorized ? "must-revalidate" : "max-age");
}

uint64_t cachecontrol_ms(const char *text, const char *name)
{
    struct slice rest = slice_of(text);
    int64_t seconds;

    while (rest.ptr) {
        struct slice value = slice_trim(slice_cut(&rest, ','));
        struct slice key = slice_cut(&value, '=');
        if (value.ptr && slice_is_nocase(slice_trim(key), name) &&
            text_int64(slice_trim(value), &seconds) && seconds > 0 &&
            seconds <= INT32_MAX)
            return (uint64_t)seconds * 1000;
    }
    return 0;
}
