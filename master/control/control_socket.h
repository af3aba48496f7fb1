/*
 * control_socket: where the operators' socket of a server lies.
 */
#ifndef PRONG_CONTROL_SOCKET_H
#define PRONG_CONTROL_SOCKET_H

#include "common/arena.h"

/* `said`, the setting control_socket, or else the database's path with .ctl
 * behind it. */
const char *control_socket_path(struct arena *arena, const char *said,
                                const char *database);

#endif
