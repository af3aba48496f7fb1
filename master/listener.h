/*
 * listener: the listening sockets. Bound by the master, inherited by every
 * worker. Non-blocking, close-on-exec, TCP_NODELAY (accepted sockets inherit
 * it on Linux, which saves a system call a connection).
 */
#ifndef PRONG_LISTENER_H
#define PRONG_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/settings.h"
#include "common/text.h"

struct listeners;

/*
 * Opens every address of settings->bind: "HOST", "HOST:PORT", "[V6]:PORT",
 * "unix:PATH" (a stale socket file is replaced, a live one is "Connection in
 * use"), "fd://N". Tries an address in use five times, a second apart, as
 * Gunicorn does. Null with the reason.
 */
struct listeners *listeners_open(const struct settings *s,
                                 struct fault *fault);
/*
 * For HUP: keeps sockets whose address is still wanted, opens new ones,
 * closes the rest. On a fault nothing has changed.
 */
bool listeners_change(struct listeners *l, const struct settings *s,
                      struct fault *fault);
/* Closes all; removes unix socket files that it made. */
void listeners_close(struct listeners *l);

const int *listeners_fds(const struct listeners *l, size_t *count);
/* "http://127.0.0.1:8000,unix:/run/x" for the log. */
const char *listeners_names(const struct listeners *l);

#endif
