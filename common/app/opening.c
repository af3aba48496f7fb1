#include "common/app/sqllex.h"
#include "common/app/urlpath.h"

#include "common/app/opening.h"

static bool is_capitals(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 'A' || s.ptr[i] > 'Z')
            return false;
    return s.len > 0;
}

static bool is_method(struct slice word)
{
    for (enum method m = 0; m < METHOD_COUNT; m++)
        if (slice_is_nocase(word, method_name(m)))
            return true;
    return is_capitals(word);
}

static bool endpoint(struct slice word, struct slice rest, struct opening *out,
                     struct fault *fault)
{
    out->kind = OPENING_ENDPOINT;
    out->path = slice_word(&rest);
    while (out->method < METHOD_COUNT &&
           !slice_is(word, method_name(out->method)))
        out->method++;
    if (out->method == METHOD_COUNT)
        return fault_set(fault,
                         "unknown method %.*s: GET, POST, PUT, PATCH or DELETE",
                         (int)word.len, word.ptr);
    if (rest.len > 0)
        return fault_set(fault, "unexpected text behind the path: %.*s",
                         (int)rest.len, rest.ptr);
    return urlpath_check(out->path, fault);
}

/* The words up to the name are the schedule. */
static bool job(struct slice comment, struct opening *out, struct fault *fault)
{
    struct slice rest = comment;

    out->kind = OPENING_JOB;
    slice_word(&rest);
    struct slice time = slice_word(&rest);
    size_t len = (size_t)(time.ptr + time.len - comment.ptr);
    out->name = rest;
    if (!schedule_read((struct slice){comment.ptr, len}, &out->when, fault))
        return false;
    return sqllex_is_name(rest) ||
           fault_set(fault, "\"%.*s\" is no name for a job", (int)rest.len,
                     rest.ptr);
}

bool opening_parse(struct slice comment, struct opening *out,
                   struct fault *fault)
{
    struct slice rest = comment;
    struct slice word = slice_word(&rest);

    *out = (struct opening){.kind = OPENING_NONE};
    if (rest.len == 0)
        return true;
    bool digit = rest.ptr[0] >= '0' && rest.ptr[0] <= '9';
    if (rest.ptr[0] == '/' && is_method(word))
        return endpoint(word, rest, out, fault);
    if (digit && (slice_is(word, "EVERY") || slice_is(word, "DAILY")))
        return job(comment, out, fault);
    return true;
}
