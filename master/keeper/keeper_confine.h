/*
 * keeper_confine: the sandbox of the keeper (sandbox.h). It writes in the
 * database's folder, where its logs are, and where backups go; and when there
 * is such a place, it starts this same program to make one, which is then held
 * to the same.
 *
 * There is none when the app's alerts run a command: that is the operator's,
 * may do whatever the keeper's user may, and would inherit the sandbox (mail
 * needs the group of its queue, a pager the network). Then the keeper is held
 * to what its user may do.
 */
#ifndef PRONG_KEEPER_CONFINE_H
#define PRONG_KEEPER_CONFINE_H

#include "common/segment/heritage.h"

/* Once everything is open. Makes the folder for backups where it is not. */
void keeper_confine(const struct heritage *h);

#endif
