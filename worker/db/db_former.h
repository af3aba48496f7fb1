/*
 * db_former: what a former database has left beside the file that took its
 * name. Private to db_claim, whose header says how it is done. Everything here
 * happens with the claim's lock, exclusively.
 */
#ifndef PRONG_DB_FORMER_H
#define PRONG_DB_FORMER_H

#include <stdbool.h>

#include "common/text.h"

struct claim;

/*
 * After it nothing lies beside the file but what belongs to it, and the record
 * says that it is the one at this name. False with the reason: somebody has it
 * open otherwise, or what is not its own cannot be moved.
 */
bool db_former_clear(struct claim *c, struct fault *fault);

/* A connection to the former file was closed: its WAL is removed when that was
 * the last one and all is folded. */
void db_former_folded(const struct claim *c);

#endif
