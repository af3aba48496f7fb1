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
