/*
 * childkeys: foreign keys whose child columns no index serves, so that each
 * change of a parent row scans the child (sqlite.org/foreignkeys.html, 3).
 */
#ifndef PRONG_CHILDKEYS_H
#define PRONG_CHILDKEYS_H

#include <stdio.h>

#include "common/app/app.h"
#include "worker/db/db.h"

/*
 * Prints a warning for each, with the place of its CREATE TABLE in the app's
 * migrations and the CREATE INDEX that is missing. Returns how many.
 */
int childkeys_warn(struct db *db, const struct app *app, FILE *to);

#endif
