#include <time.h>

#include "common/loop.h"

#include "worker/db/db_private.h"

#include "worker/db/db.h"

static bool is_late(const struct db *db, uint64_t now_ms)
{
    return db->deadline_ms && !db->unstoppable && now_ms >= db->deadline_ms;
}

int db_on_tick(void *self)
{
    struct db *db = self;

    if (db->beat)
        db->beat(db->beat_self);
    return db_is_cancelled(db) ||
           (db->deadline_ms && is_late(db, loop_clock_ms()));
}

static void sleep_ms(uint64_t ms)
{
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

/*
 * SQLite's busy handler: `count` waits were made before this one; 0 gives up.
 * The waits are those of sqlite3_busy_timeout, capped lower, so that a turn
 * at the lock is not missed for long.
 */
int db_on_busy(void *self, int count)
{
    static const uint8_t waits[] = {1, 2, 5, 10, 15, 20, 25, 25, 25, 50};
    size_t last = sizeof waits - 1;
    struct db *db = self;
    uint64_t now = loop_clock_ms();

    if (count == 0)
        db->busy_since_ms = now;
    uint64_t waited_ms = now - db->busy_since_ms;
    if (waited_ms >= db->patience_ms || is_late(db, now))
        return 0;
    if (db->beat)
        db->beat(db->beat_self);
    uint64_t wait = waits[(size_t)count < last ? (size_t)count : last];
    uint64_t left = db->patience_ms - waited_ms;
    if (db->deadline_ms && !db->unstoppable && db->deadline_ms - now < left)
        left = db->deadline_ms - now;
    uint64_t since_ns = loop_clock_ns();
    sleep_ms(wait < left ? wait : left);
    db->waited_ns += loop_clock_ns() - since_ns;
    return 1;
}

uint64_t db_waited_ns(struct db *db)
{
    uint64_t waited = db->waited_ns;

    db->waited_ns = 0;
    return waited;
}
