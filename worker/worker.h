/*
 * worker: one process, one loop, one database connection. Sets up, says
 * ready, serves, drains, and returns an exit code.
 */
#ifndef PRONG_WORKER_H
#define PRONG_WORKER_H

#include "common/segment/heritage.h"

int worker_main(const struct heritage *heritage);

#endif
