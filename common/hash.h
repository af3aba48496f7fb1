/*
 * hash: XXH3, which this module alone includes. For tables and tags, not
 * against forgery: whoever must not be fooled compares the bytes as well.
 */
#ifndef PRONG_HASH_H
#define PRONG_HASH_H

#include <stdint.h>

#include "common/text.h"

/* 64 bits of the bytes; never 0, so that 0 can mean "none". */
uint64_t hash_of(struct slice bytes);
/* The same with a seed: another seed gives unrelated numbers; never 0. */
uint64_t hash_seeded(struct slice bytes, uint64_t seed);

#endif
