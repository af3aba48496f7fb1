/*
 * nearest: the word of a list that somebody probably meant. Pure.
 */
#ifndef PRONG_NEAREST_H
#define PRONG_NEAREST_H

#include <stddef.h>

#include "common/text.h"

/*
 * The word with the fewest letters inserted, dropped, replaced or swapped
 * with their neighbour; null when that would change half of it or more.
 */
const char *nearest(struct slice word, const char *const *words, size_t count);

#endif
