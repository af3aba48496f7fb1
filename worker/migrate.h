/*
 * migrate: brings a database to the app's schema. Applied migrations are
 * remembered in the table prong_migrations (name, sha256, applied_at).
 */
#ifndef PRONG_MIGRATE_H
#define PRONG_MIGRATE_H

#include <stdbool.h>

#include "common/app/app.h"
#include "worker/db/db.h"

/*
 * Applies what is missing, all of it in one BEGIN IMMEDIATE transaction: it
 * is the lock that makes workers starting together do it once, and a failure
 * leaves the database as it was. Also makes the server's own tables (token.h,
 * idempotency.h, jobrun.h), in a database of a former version too; one of such
 * a name that lacks their columns is a fault. With `demo`, a database that had
 * no migrations before gets the app's demo.sql in the same transaction. A
 * migration that was changed after it had been applied is a fault. Faults read
 * "file:line: reason".
 *
 * The wait for SQLite's lock ends after 30 s; behind writers that never pause
 * it may be in vain, so whoever has a turnstile takes the turn before.
 */
bool migrate(struct db *db, const struct app *app, bool demo,
             struct fault *fault);

/*
 * Whether migrate would write, told without any lock; for whoever takes the
 * turn only then. It is to be called either way: only it warns of migrations
 * whose files are gone. False, with the fault, as migrate: *needed then says
 * nothing.
 */
bool migrate_needed(struct db *db, const struct app *app, bool *needed,
                    struct fault *fault);

/* What must hold on the migrated database before it is committed. */
struct migrate_proof {
    bool (*holds)(void *self, struct db *db, struct fault *fault);
    void *self;
};

/* The same; when the proof fails, the database is left as it was. It is not
 * asked when there was nothing to do. */
bool migrate_proved(struct db *db, const struct app *app, bool demo,
                    const struct migrate_proof *proof, struct fault *fault);

#endif
