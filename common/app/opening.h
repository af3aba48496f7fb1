/*
 * opening: the comment lines that open a block: "GET /path", "EVERY 5m name",
 * "DAILY 03:30 name". Pure; slices point into the line.
 */
#ifndef PRONG_OPENING_H
#define PRONG_OPENING_H

#include <stdbool.h>

#include "common/app/app.h"
#include "common/schedule.h"

enum opening_kind { OPENING_NONE, OPENING_ENDPOINT, OPENING_JOB };

struct opening {
    enum opening_kind kind; /* OPENING_NONE: a line of prose */
    enum method method;
    struct slice path;
    struct slice name;    /* of a job */
    struct schedule when; /* it runs */
};

/*
 * Reads a comment without its "--". A line opens a block when its first word
 * is a method (or any other word in capitals, so that HEAD and typing errors
 * do not pass for prose) and the second begins with '/', or when EVERY or
 * DAILY stands before a digit. False with the reason when such a line is
 * wrong.
 */
bool opening_parse(struct slice comment, struct opening *out,
                   struct fault *fault);

#endif
