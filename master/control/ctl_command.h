/*
 * ctl_command: `prong ctl APP COMMAND…`: an order to a running server, and
 * its answer on standard output; reasons why not on standard error.
 */
#ifndef PRONG_CTL_COMMAND_H
#define PRONG_CTL_COMMAND_H

enum { EXIT_NO_SERVER = 3 }; /* of ctl and top */

/* argv is main's, argv[1] being "ctl". Returns the process's exit code:
 * EXIT_SUCCESS, EXIT_FAILURE when the server refuses, EXIT_USAGE for words it
 * does not take, EXIT_NO_SERVER when none is there. */
int ctl_command(int argc, char **argv);

#endif
