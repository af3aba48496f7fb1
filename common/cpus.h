/*
 * cpus: how many processors this process may use, for `--workers auto`. Asks
 * the kernel each time; any process may call it.
 *
 * Sees the affinity mask (taskset, cpusets) and the quota of control groups
 * v2 (cpu.max of its own group and of each above it). Not handled: quotas of
 * control groups v1, which Debian 12 does not mount.
 */
#ifndef PRONG_CPUS_H
#define PRONG_CPUS_H

#include <stdint.h>

#include "common/text.h"

/* At least 1. A quota counts in whole processors, rounded up. */
int64_t cpus_usable(void);

/* What a cpu.max line ("150000 100000", "max 100000") grants, rounded up; 0
 * when it sets no limit or is none. Pure. */
int64_t cpus_of_quota(struct slice line);

#endif
