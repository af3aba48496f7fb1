/*
 * head: the comments above a block's SQL while they are read: which
 * directives were said where, the parameters, the description. It lives on
 * its reader's stack. Pure.
 */
#ifndef PRONG_HEAD_H
#define PRONG_HEAD_H

#include <stdbool.h>

#include "common/app/app.h"
#include "common/app/directive.h"

/* Zero but for the first three, when it begins. */
struct head {
    struct arena *arena;
    struct endpoint *endpoint; /* file, line, method and path are set */
    bool job;                  /* the endpoint is only a vessel for a job */
    int line;                  /* of what is looked at: where a fault lies */
    int said[DIRECTIVE_COUNT]; /* the line of each; 0 when unsaid */
    int param_lines[APP_PARAMS_MAX];
    struct slice *remarks; /* lines of the description */
    size_t remark_count;
};

/* One trimmed line of the description, not copied yet. */
void head_remark(struct head *head, struct slice line);

/* What follows "@param". False with the reason, without place: that is
 * head->line. */
bool head_param(struct head *head, struct slice text, struct fault *fault);

/*
 * Ends the head: sets the description, declares the path's other parameters
 * and checks what only all directives together show. Faults as above.
 */
bool head_finish(struct head *head, struct fault *fault);

#endif
