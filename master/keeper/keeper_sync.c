#include "common/loop.h"
#include "common/segment/shared.h"
#include "common/segment/syncs.h"
#include "worker/endpoint/turns.h"

#include "master/keeper/keeper_sync.h"

enum { LEAD_MS = 100 }; /* without looking at anything else */

/* More may have been committed while it synced. Whoever waits for that has
 * counted on the keeper, which is awake. */
void keeper_sync(const struct heritage *h, struct db *db)
{
    struct syncs *syncs = h->shared->syncs;
    uint64_t began_ns = loop_clock_ns();
    uint64_t end_ns = began_ns + LEAD_MS * UINT64_C(1000000);
    uint64_t upto;

    while (began_ns < end_ns && syncs_lead(syncs, h->number, &upto)) {
        bool ok = turns_sync(db);
        uint64_t now_ns = loop_clock_ns();
        syncs_led(syncs, h->number, now_ns - began_ns, ok, h->bells);
        began_ns = now_ns;
    }
}

bool keeper_sync_test(const struct heritage *h, struct db *db)
{
    if (syncs_broken(h->shared->syncs))
        return false;
    if (turns_sync(db))
        return true;
    syncs_break(h->shared->syncs, h->bells);
    return false;
}
