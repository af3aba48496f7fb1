/*
 * unixpath: the address of a socket that is a file, see unix(7). Pure.
 */
#ifndef PRONG_UNIXPATH_H
#define PRONG_UNIXPATH_H

#include <stdbool.h>
#include <sys/un.h>

#include "common/text.h"

/* Bytes of the longest path, beside its NUL. */
enum { UNIXPATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

/* The address is all of *out. False when the path is empty or longer than
 * UNIXPATH_MAX; then *out is untouched. */
bool unixpath_address(struct slice path, struct sockaddr_un *out);

#endif
