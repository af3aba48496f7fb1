/*
 * directive: the "@word" lines of a block, applied to its endpoint one by one
 * as they are read. Pure.
 */
#ifndef PRONG_DIRECTIVE_H
#define PRONG_DIRECTIVE_H

#include <stdbool.h>

#include "common/text.h"

enum directive {
    DIRECTIVE_PARAM,
    DIRECTIVE_AUTH,
    DIRECTIVE_ONE,
    DIRECTIVE_MANY,
    DIRECTIVE_NONE,
    DIRECTIVE_VALUE,
    DIRECTIVE_PAGE,
    DIRECTIVE_SORT,
    DIRECTIVE_CACHE,
    DIRECTIVE_HTTP,
    DIRECTIVE_EACH,
    DIRECTIVE_STATUS,
    DIRECTIVE_TIMEOUT,
    DIRECTIVE_RATE,
    DIRECTIVE_JSON,
    DIRECTIVE_WARM,
    DIRECTIVE_CORS,
    DIRECTIVE_SLOW,
    DIRECTIVE_COUNT
};

/* The longest @timeout, also that of app.conf. */
enum { DIRECTIVE_TIMEOUT_MAX_MS = 3600 * 1000 };

struct head;

/*
 * Applies one directive, `text` being what follows the '@' and head->line its
 * line. False with the reason, without place: that is head->line.
 */
bool directive_apply(struct head *head, struct slice text, struct fault *fault);

#endif
