/*
 * check_command: `prong check APP`: everything that --check-config looks at,
 * and then, when a server runs on the app's database, what a reload would
 * change there. Takes the flags of the server, and reads prong.conf as it
 * does, because they say what is checked.
 */
#ifndef PRONG_CHECK_COMMAND_H
#define PRONG_CHECK_COMMAND_H

#include <stdio.h>

#include "common/app/app.h"

/* argv is main's, argv[1] being "check"; `check` is check_app (the worker's
 * check.h), which returns the number of errors. Returns the process's exit
 * code: EXIT_SUCCESS, EXIT_FAILURE when the app or a reload of it would not
 * do, EXIT_USAGE for settings that cannot be. */
int check_command(int argc, char **argv,
                  int (*check)(const struct app *app, FILE *to));

#endif
