/*
 * console: the operator's side of a running master: where its control socket
 * lies (control.h), and what each order does (order_line.h, orders.h). What
 * changes something is logged, with who asked for it.
 *
 * Master only; one a supervisor, which calls it at each turn of its loop.
 */
#ifndef PRONG_CONSOLE_H
#define PRONG_CONSOLE_H

#include <stdint.h>

struct console;
struct supervisor;

/* Null with errno set: the server then runs without. */
struct console *console_new(struct supervisor *s);
/* The supervisor has ended. Null is allowed. */
void console_free(struct console *c);

/* The socket, which the next master is to get, and its path; -1: there is
 * none. Null is allowed. */
int console_socket(const struct console *c, const char **path);
/* The former master is gone: its socket is ours. Null is allowed. */
void console_promote(struct console *c);

/* At the end of each turn. Null is allowed. */
void console_turn(struct console *c);
/* When the next turn is due at the latest, CLOCK_MONOTONIC. */
uint64_t console_next_ms(const struct console *c);

#endif
