#include <string.h>

#include "worker/http/framing.h"

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

static bool is_name_char(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c && strchr("-._~!$&'()*+,;=", c) != NULL);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* A registered name, or an address in its dotted form. */
static bool name_valid(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool escape = s.ptr[i] == '%' && i + 2 < s.len &&
                      is_hex(s.ptr[i + 1]) && is_hex(s.ptr[i + 2]);
        if (!escape && !is_name_char(s.ptr[i]))
            return false;
        i += escape ? 2 : 0;
    }
    return true;
}

/* What stands between brackets: an IPv6 address. */
static bool literal_valid(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_hex(s.ptr[i]) && s.ptr[i] != ':' && s.ptr[i] != '.')
            return false;
    return s.len > 1;
}

static bool port_valid(struct slice s)
{
    int64_t port = 0;

    return s.len == 0 ||
           (s.ptr[0] != '-' && text_int64(s, &port) && port <= 65535);
}

bool framing_host(struct slice host)
{
    struct slice rest = host;
    struct slice name;

    if (host.len == 0 || host.ptr[0] != '[') {
        name = slice_cut(&rest, ':');
        return name_valid(name) && port_valid(rest);
    }
    rest.ptr++;
    rest.len--;
    name = slice_cut(&rest, ']');
    if (rest.ptr == NULL || !literal_valid(name) ||
        (rest.len > 0 && rest.ptr[0] != ':'))
        return false;
    return rest.len == 0 ||
           port_valid((struct slice){rest.ptr + 1, rest.len - 1});
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
