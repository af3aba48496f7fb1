/*
 * appconf: the app.conf of an app folder. Pure but for the lookup of the
 * folder's own name.
 */
#ifndef PRONG_APPCONF_H
#define PRONG_APPCONF_H

#include <stdbool.h>

#include "common/app/app.h"

/*
 * Sets name, database, limits and alert rules of *app from `text`, the content
 * of `file`, and to their defaults where it says nothing. `root` is the app's
 * folder. False with "file:line: reason".
 */
bool appconf_parse(struct app *app, const char *root, const char *file,
                   struct slice text, struct fault *fault);

#endif
