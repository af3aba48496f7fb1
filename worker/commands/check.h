/*
 * check: `--check-config`. Prepares every statement of the app on its
 * database and explains it.
 */
#ifndef PRONG_CHECK_H
#define PRONG_CHECK_H

#include <stdio.h>

#include "common/app/app.h"

/*
 * Prints one "file:line: error: …" or "file:line: warning: …" per finding to
 * `to`, warnings followed by the plan line and the CREATE INDEX that would
 * mend it; and a "file:line: note: …" about each @cache that cannot do what
 * one might think. Works on a copy in memory: the schema made from the app's
 * migrations, with the real database's row counts and statistics when there
 * is one, so that it never writes and never waits. Returns the number of
 * errors.
 */
int check_app(const struct app *app, FILE *to);

#endif
