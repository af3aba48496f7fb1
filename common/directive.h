/*
 * directive: the "@word" lines of a block, applied to its endpoint one by one
 * as they are read, and checked against each other when the head of the block
 * is complete. Pure.
 */
#ifndef PRONG_DIRECTIVE_H
#define PRONG_DIRECTIVE_H

#include <stdbool.h>

#include "common/app.h"

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
    DIRECTIVE_COUNT
};

/* The head of a block while it is read. Zero but for the first three. */
struct head {
    struct arena *arena;
    struct endpoint *endpoint; /* file, line, method and path are set */
    bool job;                  /* the endpoint is only a vessel for a job */
    int line;                  /* of what is looked at: where a fault lies */
    int said[DIRECTIVE_COUNT]; /* the line of each; 0 when unsaid */
    int param_lines[APP_PARAMS_MAX];
};

/*
 * Applies one directive, `text` being what follows the '@' and head->line its
 * line. False with the reason, without place; the place is head->line.
 */
bool directive_apply(struct head *head, struct slice text, struct fault *fault);

/*
 * Ends the head: declares the path's other parameters and checks what only
 * all directives together show. Faults as above.
 */
bool directive_finish(struct head *head, struct fault *fault);

/* The longest @timeout, also that of app.conf. */
enum { DIRECTIVE_TIMEOUT_MAX_MS = 3600 * 1000 };

#endif
