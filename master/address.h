/*
 * address: where to listen, from text, and back for the log. Knows the forms
 * of the setting `bind`; opens nothing.
 */
#ifndef PRONG_ADDRESS_H
#define PRONG_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "common/text.h"

/* Zeroed in whole before it is filled, so two of them compare by memcmp. */
struct address {
    struct sockaddr_storage sa;
    socklen_t len;
    int fd; /* "fd://N"; -1: to be bound */
};

enum { ADDRESS_NAME_MAX = 160 };

/*
 * "HOST", "HOST:PORT", "[V6]", "[V6]:PORT", "unix:PATH", "unix://PATH",
 * "fd://N" (which must be a listening socket). The port is 8000 when unsaid.
 * May ask the resolver. False with "Invalid address: …".
 */
bool address_parse(const char *text, struct address *out, struct fault *fault);

/* Whether the descriptor is a listening socket. */
bool address_listens(int fd);

/* The path of a unix address; null for others. */
const char *address_path(const struct address *a);

/* "http://127.0.0.1:8000", "http://[::1]:8000", "unix:/run/x": where the
 * socket really is. */
void address_name(int fd, char name[ADDRESS_NAME_MAX]);

#endif
