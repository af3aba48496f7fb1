/*
 * urlpath: the paths of endpoints, "/api/chefs/{id}": literal segments of
 * RFC 3986's unreserved characters, or one whole {name}. Pure.
 */
#ifndef PRONG_URLPATH_H
#define PRONG_URLPATH_H

#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"

enum { URLPATH_SEGMENTS_MAX = 32 };

/* False with the reason, when it is not a path as above. */
bool urlpath_check(struct slice path, struct fault *fault);

/* The name of the n-th {name} from 0; a null ptr when there are fewer. */
struct slice urlpath_param(struct slice path, size_t n);

/* Whether both match the same requests: the names of parameters aside. */
bool urlpath_same(struct slice a, struct slice b);

#endif
