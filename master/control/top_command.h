/*
 * top_command: `prong top APP`: how a running server fares, live in a
 * terminal, or once.
 */
#ifndef PRONG_TOP_COMMAND_H
#define PRONG_TOP_COMMAND_H

/* argv is main's, argv[1] being "top". Returns the process's exit code, as
 * ctl_command does. */
int top_command(int argc, char **argv);

#endif
