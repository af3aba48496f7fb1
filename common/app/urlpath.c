#include <string.h>

#include "common/app/sqllex.h"

#include "common/app/urlpath.h"

static bool is_param(struct slice segment)
{
    return segment.len > 0 && segment.ptr[0] == '{';
}

static struct slice param_name(struct slice segment)
{
    return (struct slice){segment.ptr + 1, segment.len - 2};
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~", c));
}

static bool literal_check(struct slice segment, struct fault *fault)
{
    if (slice_is(segment, ".") || slice_is(segment, ".."))
        return fault_set(fault, "the path has a dot segment");
    for (size_t i = 0; i < segment.len; i++)
        if (!is_unreserved(segment.ptr[i]))
            return fault_set(fault,
                             "the path segment \"%.*s\" is neither one {name} "
                             "nor letters, digits and -._~",
                             (int)segment.len, segment.ptr);
    return true;
}

static bool segment_check(struct slice segment, struct fault *fault)
{
    if (segment.len == 0)
        return fault_set(fault, "the path has an empty segment");
    if (!is_param(segment))
        return literal_check(segment, fault);
    if (segment.ptr[segment.len - 1] != '}' ||
        !sqllex_is_name(param_name(segment)))
        return fault_set(fault, "the path segment \"%.*s\" is not a {name}",
                         (int)segment.len, segment.ptr);
    return true;
}

/* Behind the first '/', so that cutting at '/' gives the segments. */
static struct slice segments(struct slice path)
{
    return (struct slice){path.ptr + 1, path.len - 1};
}

struct slice urlpath_param(struct slice path, size_t n)
{
    struct slice rest = segments(path);

    while (rest.ptr) {
        struct slice segment = slice_cut(&rest, '/');
        if (is_param(segment) && n-- == 0)
            return param_name(segment);
    }
    return (struct slice){NULL, 0};
}

static bool names_differ(struct slice path, struct fault *fault)
{
    struct slice a;

    for (size_t i = 0; (a = urlpath_param(path, i)).ptr; i++)
        for (size_t k = 0; k < i; k++)
            if (slice_equal(a, urlpath_param(path, k)))
                return fault_set(fault, "the path names {%.*s} twice",
                                 (int)a.len, a.ptr);
    return true;
}

bool urlpath_check(struct slice path, struct fault *fault)
{
    struct slice rest;
    size_t count = 0;

    if (path.len == 0 || path.ptr[0] != '/')
        return fault_set(fault, "the path does not begin with '/'");
    if (path.len == 1)
        return true;
    for (rest = segments(path); rest.ptr; count++) {
        if (count == URLPATH_SEGMENTS_MAX)
            return fault_set(fault, "the path has more than %d segments",
                             URLPATH_SEGMENTS_MAX);
        if (!segment_check(slice_cut(&rest, '/'), fault))
            return false;
    }
    return names_differ(path, fault);
}

bool urlpath_same(struct slice a, struct slice b)
{
    struct slice x = segments(a);
    struct slice y = segments(b);

    while (x.ptr && y.ptr) {
        struct slice s = slice_cut(&x, '/');
        struct slice t = slice_cut(&y, '/');
        if (is_param(s) != is_param(t) || (!is_param(s) && !slice_equal(s, t)))
            return false;
    }
    return x.ptr == y.ptr; /* both are used up */
}
