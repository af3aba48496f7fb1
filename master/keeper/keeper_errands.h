/*
 * keeper_errands: hands what workers ask of the keeper (errands.h) to those
 * who do it. What cannot be done is refused at once.
 */
#ifndef PRONG_KEEPER_ERRANDS_H
#define PRONG_KEEPER_ERRANDS_H

#include "master/keeper/keeper_backups.h"
#include "master/keeper/keeper_jobs.h"

/* Takes all there are. */
void keeper_errands(const struct heritage *h, struct keeper_jobs *jobs,
                    struct keeper_backups *backups);

#endif
