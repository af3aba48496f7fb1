/*
 * arguments: collects a request's values for an endpoint's parameters from
 * path, query and body (JSON or form), checks them all, and reports all
 * faults together.
 */
#ifndef PRONG_ARGUMENTS_H
#define PRONG_ARGUMENTS_H

#include <stddef.h>

#include "common/app/app.h"
#include "common/app/value.h"
#include "common/buf.h"
#include "worker/http/json.h"
#include "worker/http/request.h"

/*
 * What was read. Memory is reused from request to request; slices in the
 * values live until the next arguments_read or a change of the request.
 */
struct arguments {
    struct buf values; /* sets × param_count of struct value */
    size_t sets;       /* 1; with @each the number of elements */
    size_t width;      /* param_count */
    struct buf text;   /* bytes that values point into */
    struct buf errors; /* problem_error's list; empty: all is well */
};

/* Reads into *a; 0, or the status of a refusal (400, 411, 415) with its
 * detail in *fault. With 400 and a non-empty a->errors these are the parts. */
int arguments_read(struct arguments *a, struct json *reader,
                   const struct endpoint *e, const struct request *req,
                   struct fault *fault);
void arguments_free(struct arguments *a);

/* The value of parameter `param` in set `set`. */
const struct value *arguments_value(const struct arguments *a, size_t set,
                                    size_t param);

#endif
