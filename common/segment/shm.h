/*
 * shm: memory that the master maps before it forks and that every child
 * shares. The only file that maps memory.
 */
#ifndef PRONG_SHM_H
#define PRONG_SHM_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed, page-aligned, shared with children; null with errno set. */
void *shm_map(size_t size);
/* Null is allowed. */
void shm_unmap(void *memory, size_t size);

/*
 * Zeroed memory with a descriptor (memfd_create(2)), which can be handed on:
 * close-on-exec, and its size is sealed. /proc shows the name. -1 with errno
 * set.
 */
int shm_create(const char *name, size_t size);
/*
 * Its size. False with errno set when the size is not sealed: whoever holds
 * such a file could cut it short, and our next access would be a SIGBUS.
 */
bool shm_size(int fd, size_t *size);
/* Maps it; every mapping shows the same bytes. Null with errno set. */
void *shm_attach(int fd, size_t size);

#endif
