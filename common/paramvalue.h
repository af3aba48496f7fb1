/*
 * paramvalue: what values each type of parameter takes, in the notation of
 * query strings and annotations. Pure.
 */
#ifndef PRONG_PARAMVALUE_H
#define PRONG_PARAMVALUE_H

#include <stdbool.h>

#include "common/app.h"

/* What a declaration of this type may say. */
struct paramvalue_traits {
    bool limits;  /* min and max */
    bool length;  /* they bound a length */
    bool as_text; /* they compare as text */
    bool choices; /* in */
};
struct paramvalue_traits paramvalue_traits(enum param_type type);

/* Whether the text is a value of the type at all. */
bool paramvalue_fits(enum param_type type, struct slice value);

/* Whether a value that fits the type also keeps to min and max … */
bool paramvalue_in_limits(const struct param *p, const char *value);
/* … and is one of the choices, when there are any. Numbers compare as
 * numbers. */
bool paramvalue_in_choices(const struct param *p, const char *value);

#endif
