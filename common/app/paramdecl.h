/*
 * paramdecl: one "@param name type …" line to a struct param. What it says
 * about values (default, limits, choices) is checked against the type here,
 * at load, so that nobody has to when requests come. Pure.
 */
#ifndef PRONG_PARAMDECL_H
#define PRONG_PARAMDECL_H

#include <stdbool.h>

#include "common/app/app.h"

/*
 * Parses what follows "@param". True: *out is complete, and out->matcher is
 * to be given back. False with the reason, without
 * place; then there is nothing to give back.
 */
bool paramdecl_parse(struct arena *arena, struct slice text, struct param *out,
                     struct fault *fault);

/* Whether a parameter may have this name: not what the server itself reads
 * from query strings, nor what `:auth.x` becomes. */
bool paramdecl_name(struct slice name, struct fault *fault);

#endif
