/*
 * shm: memory that the master maps before it forks and that every child
 * shares. The only file that maps memory.
 */
#ifndef PRONG_SHM_H
#define PRONG_SHM_H

#include <stddef.h>

/* Zeroed, page-aligned, shared with children; null with errno set. */
void *shm_map(size_t size);
void shm_unmap(void *memory, size_t size);

#endif
