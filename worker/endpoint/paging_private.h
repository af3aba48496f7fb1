/*
 * What the files of paging share: paging.c reads what a client wants,
 * paging_sql.c makes the statements, paging_links.c the links.
 */
#ifndef PRONG_PAGING_PRIVATE_H
#define PRONG_PAGING_PRIVATE_H

#include "worker/endpoint/paging.h"

/* The variants of a list by key. */
enum { KEY_FIRST, KEY_AFTER, KEY_BEFORE, KEY_VARIANTS };

/* How many there are in a list that null ends, or in none at all. */
size_t paging_length(const char **list);

#endif
