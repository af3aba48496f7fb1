/*
 * sqlfile: annotated SQL text to declarations. Pure: text in, data out; it
 * opens no file and no database, so it can be fuzzed. The notation is the
 * README's "The app language".
 */
#ifndef PRONG_SQLFILE_H
#define PRONG_SQLFILE_H

#include <stdbool.h>

#include "common/app/app.h"

/* What one file or several declare. The caller sets the first two. */
struct sqlfile {
    struct arena *arena; /* in which everything declared lives */
    int64_t timeout_ms;  /* of what names none */
    struct endpoint *endpoints;
    size_t endpoint_count;
    struct job *jobs;
    size_t job_count;
};

/*
 * Parses `text`, the content of `file` (a name for messages, kept by what is
 * declared). On success appends to *out and returns true. Otherwise false
 * with "file:line: reason"; *out may then hold part of it and is only good
 * for sqlfile_release.
 */
bool sqlfile_parse(struct sqlfile *out, const char *file, struct slice text,
                   struct fault *fault);

/* Gives back what no arena holds: the compiled patterns. */
void sqlfile_release(struct sqlfile *f);

#endif
