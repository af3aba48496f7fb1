#include <string.h>

#include "common/origin.h"

static bool is_of(struct slice s, const char *more)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || !strchr(more, c)))
            return false;
    }
    return s.len > 0;
}

static bool is_scheme(struct slice s)
{
    return is_of(s, "+-.") && s.ptr[0] >= 'a' && s.ptr[0] <= 'z';
}

/* A name, an IPv4 address, or an IPv6 address in its brackets. */
static bool is_host(struct slice s)
{
    if (s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
        return is_of((struct slice){s.ptr + 1, s.len - 2}, ":.");
    return is_of(s, "-._");
}

/* Browsers leave out the port that goes without saying. */
static bool is_port(struct slice scheme, struct slice port)
{
    int64_t number;

    if (!text_int64(port, &number) || number < 1 || number > 65535 ||
        port.ptr[0] == '0')
        return false;
    return !(number == 80 && slice_is(scheme, "http")) &&
           !(number == 443 && slice_is(scheme, "https"));
}

/* What stands behind the scheme, cut at the colon of its port. */
static struct slice cut_host(struct slice *rest)
{
    const char *end = rest->len && rest->ptr[0] == '['
                          ? memchr(rest->ptr, ']', rest->len)
                          : NULL;
    size_t skip = end ? (size_t)(end - rest->ptr) : 0;
    struct slice tail = {rest->ptr + skip, rest->len - skip};
    struct slice host = slice_cut(&tail, ':');

    host = (struct slice){rest->ptr, skip + host.len};
    *rest = tail;
    return host;
}

static bool is_origin(struct slice text)
{
    const char *mark = memmem(text.ptr, text.len, "://", 3);

    if (mark == NULL || text.len > ORIGIN_MAX)
        return false;
    struct slice scheme = {text.ptr, (size_t)(mark - text.ptr)};
    struct slice rest = {mark + 3, text.len - scheme.len - 3};
    struct slice host = cut_host(&rest);
    return is_scheme(scheme) && is_host(host) &&
           (rest.ptr == NULL || is_port(scheme, rest));
}

bool origin_check(struct slice text, struct fault *fault)
{
    return is_origin(text) ||
           fault_set(fault,
                     "\"%.*s\" is no origin as browsers send it, as "
                     "https://app.example.com or http://localhost:3000",
                     (int)text.len, text.ptr);
}
