/*
 * backup_command: `prong backup APP FILE`. Its last line tells how it ended:
 * "FILE: 12.3 MB in 0.8 s, checked" on standard output, unless --quiet, or
 * "Error: reason" on standard error.
 */
#ifndef PRONG_BACKUP_COMMAND_H
#define PRONG_BACKUP_COMMAND_H

/* argv is main's, argv[1] being "backup". Returns the process's exit code:
 * EXIT_SUCCESS, EXIT_FAILURE, or EXIT_USAGE for words it does not take. */
int backup_command(int argc, char **argv);

#endif
