#include <stdio.h>

#include "common/segment/bells.h"
#include "common/segment/errands.h"
#include "common/segment/shared.h"

#include "master/keeper/keeper_errands.h"

static void refuse(const struct heritage *h, int number, const char *why,
                   bool busy)
{
    struct errand_end end = {.busy = busy};

    snprintf(end.text, sizeof end.text, "%s", why);
    int slot = errands_end(h->shared->errands, number, false, &end);
    if (slot >= 0)
        bells_ring(h->bells, (unsigned)slot);
}

void keeper_errands(const struct heritage *h, struct keeper_jobs *jobs,
                    struct keeper_backups *backups)
{
    struct errand e;
    struct fault fault;
    int number;

    while ((number = errands_next(h->shared->errands, &e)) >= 0) {
        switch (e.kind) {
        case ERRAND_JOB:
            if (!keeper_jobs_want(jobs, number, e.what))
                refuse(h, number, "there is no such job", false);
            break;
        case ERRAND_BACKUP:
            if (!keeper_backups_want(backups, number, e.what, &fault))
                refuse(h, number, fault.text, keeper_backups_busy(backups));
            break;
        }
    }
}
