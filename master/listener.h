/*
 * listener: the listening sockets. Bound by the master, inherited by every
 * worker. Non-blocking, close-on-exec, TCP_NODELAY (accepted sockets inherit
 * it on Linux, which saves a system call a connection).
 *
 * A set belongs to one generation. Sets of several generations share a socket
 * whose address both want, so a reload never closes it and no connection in
 * its backlog is lost.
 */
#ifndef PRONG_LISTENER_H
#define PRONG_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/settings/settings.h"
#include "common/text.h"
#include "master/handover.h"

struct listeners;

/*
 * Opens every address of settings->bind, then those of settings->admin_bind:
 * "HOST", "HOST:PORT", "[V6]:PORT", "unix:PATH" (a stale socket file is
 * replaced, a live one is "Connection in use"), "fd://N" (taken over); for
 * operators also "PORT", on 127.0.0.1. Tries an address in use five times, a
 * second apart, as Gunicorn does. Null with the reason.
 */
struct listeners *listeners_open(const struct settings *s, struct fault *fault);
/*
 * For HUP: the set that *s asks for, sharing what `present` (null is allowed)
 * has and opening the rest, each tried once. `present` is unchanged whatever
 * happens: close it when the new set has proved itself, or else the new one.
 */
struct listeners *listeners_next(const struct listeners *present,
                                 const struct settings *s, struct fault *fault);
/*
 * The set of sockets that another master handed over, for listeners_next to
 * share; they are taken over whatever happens. Null with the reason when one
 * is no listening socket.
 */
struct listeners *listeners_take(const struct handed_socket *sockets,
                                 size_t count, struct fault *fault);
/* What is to be handed over; the array and its texts are the set's. Null
 * gives none. */
const struct handed_socket *listeners_hand(const struct listeners *l,
                                           size_t *count);
/* Another master has the same sockets: from now on their files are left when
 * ours are closed. Or they are not, because that one is gone: then those that
 * were left are removed, too, as far as they are still the same and
 * nobody listens there. */
void listeners_leave_files(bool leave);
/* Master only: closes what no other set shares; removes unix socket files
 * that it made, or took over. Null is allowed. */
void listeners_close(struct listeners *l);

/* The last *admin_count of them are the operators'. Null gives none. */
const int *listeners_fds(const struct listeners *l, size_t *count,
                         size_t *admin_count);
/* "http://127.0.0.1:8000,unix:/run/x" for the log; with the port the kernel
 * chose where it was given as 0. */
const char *listeners_names(const struct listeners *l);
/* The operators', "" without any. */
const char *listeners_admin_names(const struct listeners *l);
/* Logs where one can connect now, as far as `before` (null: nowhere) was
 * elsewhere. Null is allowed. */
void listeners_log(const struct listeners *l, const struct listeners *before);

#endif
