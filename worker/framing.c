#include <string.h>

#include "worker/framing.h"

bool framing_lines(const char *p, const char *end)
{
    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((lf ? lf : end) - p);
        const char *cr = memchr(p, '\r', len);
        if (lf == NULL)
            return cr == NULL || cr == end - 1;
        if (cr != lf - 1 || *p == ' ' || *p == '\t')
            return false;
        p = lf + 1;
    }
    return true;
}

bool framing_request_line(struct slice line, size_t target)
{
    struct slice rest = line;
    struct slice method = slice_cut(&rest, ' ');

    return rest.len == target + sizeof " HTTP/1.1" - 1 &&
           rest.ptr == method.ptr + method.len + 1 &&
           memcmp(rest.ptr + target, " HTTP/", 6) == 0;
}

static bool is_host_char(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c && strchr("-._~%!$&'()*+,;=:[]", c) != NULL);
}

bool framing_host(struct slice host)
{
    for (size_t i = 0; i < host.len; i++)
        if (!is_host_char(host.ptr[i]))
            return false;
    return true;
}

bool framing_cut_authority(struct slice *target)
{
    struct slice rest = *target;
    struct slice scheme = slice_cut(&rest, ':');

    if (!(slice_is_nocase(scheme, "http") || slice_is_nocase(scheme, "https")))
        return false;
    if (rest.len < 3 || rest.ptr[0] != '/' || rest.ptr[1] != '/')
        return false;
    rest.ptr += 2;
    rest.len -= 2;
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?')
        len++;
    if (len == 0 || !framing_host((struct slice){rest.ptr, len}))
        return false;
    *target = (struct slice){rest.ptr + len, rest.len - len};
    return true;
}
