/*
 * confine: the sandbox of a worker (sandbox.h). It goes on answering, reopens
 * its logs and its database, and starts threads; it writes nothing but in the
 * database's folder and where its logs are, reads beside these only web/, and
 * starts no program.
 */
#ifndef PRONG_CONFINE_H
#define PRONG_CONFINE_H

#include "common/segment/heritage.h"

/* Once everything is open, before there is a second thread; nothing when
 * --no-sandbox. `first`, of its generation: it says so in the log for all, with
 * a warning for each of these folders that is the app's or above it. */
void confine_worker(const struct heritage *h, bool first);

#endif
