#include "common/log.h"
#include "common/loop.h"
#include "common/shared.h"
#include "common/syncs.h"
#include "worker/db.h"

#include "master/keeper_sync.h"

enum { LEAD_MS = 100 }; /* without looking at anything else */

static bool sync_once(struct db *db)
{
    if (db_sync(db))
        return true;
    log_critical("The WAL of %s cannot be synced: %s. What was written last "
                 "may not be on the disk. Nothing more is written until the "
                 "server is started anew",
                 db_path(db), db_message(db));
    return false;
}

/* More may have been committed while it synced. Whoever waits for that has
 * counted on the keeper, which is awake. */
void keeper_sync(const struct heritage *h, struct db *db)
{
    struct syncs *syncs = h->shared->syncs;
    uint64_t began_ns = loop_clock_ns();
    uint64_t end_ns = began_ns + LEAD_MS * UINT64_C(1000000);
    uint64_t upto;

    while (began_ns < end_ns && syncs_lead(syncs, h->number, &upto)) {
        bool ok = sync_once(db);
        uint64_t now_ns = loop_clock_ns();
        syncs_led(syncs, h->number, now_ns - began_ns, ok, h->bells);
        began_ns = now_ns;
    }
}

void keeper_sync_test(const struct heritage *h, struct db *db)
{
    if (!syncs_broken(h->shared->syncs) && !sync_once(db))
        syncs_break(h->shared->syncs, h->bells);
}
