/*
 * answer: the extent and the status of an HTTP/1.1 answer (RFC 9112) whose
 * body has a Content-Length, which is all that the servers here send.
 */
#ifndef CLIENT_ANSWER_H
#define CLIENT_ANSWER_H

#include <stddef.h>

/* Bytes of the answer that `text` begins with, head and body together; they
 * may be more than `len`: then the rest is still to come. 0: its head is not
 * whole yet. Ends the process when it is no such answer. */
size_t answer_extent(const char *text, size_t len, int *status);

#endif
