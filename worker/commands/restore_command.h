/*
 * restore_command: `prong restore APP FILE`, for a server that is stopped.
 */
#ifndef PRONG_RESTORE_COMMAND_H
#define PRONG_RESTORE_COMMAND_H

/* argv is main's, argv[1] being "restore". Returns the process's exit code:
 * EXIT_SUCCESS, EXIT_FAILURE, or EXIT_USAGE for words it does not take. */
int restore_command(int argc, char **argv);

#endif
