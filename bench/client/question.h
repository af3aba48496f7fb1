/*
 * question: the text of a request, each time with other numbers: {n} in path
 * and body is a number from low to high, {dd} a day of a month.
 */
#ifndef CLIENT_QUESTION_H
#define CLIENT_QUESTION_H

#include <stddef.h>
#include <stdint.h>

struct question {
    const char *method, *path;
    const char *body; /* JSON; empty: none */
    unsigned low, high;
    uint64_t random; /* the state, not 0 */
};

enum { QUESTION_MAX = 2048 };

/* Writes the next request to `to`, which has QUESTION_MAX bytes; its length.
 * Ends the process when it is longer. */
size_t question_next(struct question *q, char *to);

#endif
