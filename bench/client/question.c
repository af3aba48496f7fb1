#include <err.h>
#include <stdio.h>
#include <string.h>

#include "question.h"

/* xorshift64* (Marsaglia 2003, Vigna 2016); the same numbers in each run */
static unsigned pick(struct question *q, unsigned low, unsigned high)
{
    q->random ^= q->random >> 12;
    q->random ^= q->random << 25;
    q->random ^= q->random >> 27;
    uint64_t n = q->random * UINT64_C(0x2545F4914F6CDD1D) >> 32;
    return low + (unsigned)(n * (high - low + 1) >> 32);
}

/* `text` with its numbers; QUESTION_MAX is more than any case has. */
static size_t fill(struct question *q, const char *text, char *to)
{
    char *at = to;

    while (*text && at - to < QUESTION_MAX / 4)
        if (strncmp(text, "{n}", 3) == 0) {
            at += sprintf(at, "%u", pick(q, q->low, q->high));
            text += 3;
        } else if (strncmp(text, "{dd}", 4) == 0) {
            at += sprintf(at, "%02u", pick(q, 1, 28));
            text += 4;
        } else {
            *at++ = *text++;
        }
    if (*text)
        errx(2, "too long: %s", text);
    *at = '\0';
    return (size_t)(at - to);
}

size_t question_next(struct question *q, char *to)
{
    char path[QUESTION_MAX], body[QUESTION_MAX];

    fill(q, q->path, path);
    if (!*q->body)
        return (size_t)sprintf(to, "%s %s HTTP/1.1\r\nHost: bench\r\n\r\n",
                               q->method, path);
    size_t len = fill(q, q->body, body);
    return (size_t)sprintf(to,
                           "%s %s HTTP/1.1\r\nHost: bench\r\n"
                           "Content-Type: application/json\r\n"
                           "Content-Length: %zu\r\n\r\n%s",
                           q->method, path, len, body);
}
