#include "common/sqllex.h"
#include "common/urlpath.h"

#include "common/opening.h"

enum { EVERY_MIN_MS = 1000 };

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

/* "03:30" */
static bool minute_of_day(struct slice s, int *out)
{
    int64_t hour;
    int64_t minute;

    if (s.len != 5 || s.ptr[2] != ':' ||
        !text_int64((struct slice){s.ptr, 2}, &hour) ||
        !text_int64((struct slice){s.ptr + 3, 2}, &minute))
        return false;
    *out = (int)(hour * 60 + minute);
    return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59;
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

static bool job(struct slice rest, struct opening *out, struct fault *fault)
{
    out->kind = OPENING_JOB;
    out->name = rest;
    return sqllex_is_name(rest) ||
           fault_set(fault, "\"%.*s\" is no name for a job", (int)rest.len,
                     rest.ptr);
}

static bool every(struct slice rest, struct opening *out, struct fault *fault)
{
    if (!text_duration_ms(slice_word(&rest), &out->every_ms) ||
        out->every_ms < EVERY_MIN_MS)
        return fault_set(fault, "EVERY needs a duration from 1s, as 5m");
    return job(rest, out, fault);
}

static bool daily(struct slice rest, struct opening *out, struct fault *fault)
{
    if (!minute_of_day(slice_word(&rest), &out->daily_minute))
        return fault_set(fault, "DAILY needs a time of day, as 03:30");
    return job(rest, out, fault);
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
    if (digit && slice_is(word, "EVERY"))
        return every(rest, out, fault);
    if (digit && slice_is(word, "DAILY"))
        return daily(rest, out, fault);
    return true;
}
