/*
 * token: API tokens. The database keeps the SHA-256 of each (hex, lower
 * case), never the token. Table:
 *   tokens(id INTEGER PRIMARY KEY, sha256 TEXT UNIQUE NOT NULL,
 *          user_id INTEGER, role TEXT NOT NULL, name TEXT NOT NULL,
 *          created_at TEXT NOT NULL, expires_at TEXT)
 * and, of those that everybody can read in the app's demo.sql (demo.h),
 *   prong_demo_tokens(sha256 TEXT PRIMARY KEY)
 */
#ifndef PRONG_TOKEN_H
#define PRONG_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "worker/db/db.h"

/* Who a request speaks for. */
struct identity {
    bool known;      /* a valid token was shown */
    bool has_user;   /* the token belongs to a user */
    int64_t user_id; /* when has_user */
    char role[32];   /* "user", "admin", … ; "" when not known */
    bool demo;       /* the token is one of demo.sql's */
};

struct tokens; /* the prepared look-up; belongs to its db */

/* The CREATE TABLE IF NOT EXISTS of both that migrate runs. */
extern const char token_schema[];

struct tokens *tokens_open(struct db *db, struct fault *fault);
void tokens_close(struct tokens *t);

/*
 * Looks a bearer token up. What the database said is remembered for some
 * tokens and believed while nobody has changed the table of tokens (tables.h)
 * and the token has not expired: then there is no SQL. DB_DONE with who->known
 * false when there is no such token or it has expired; any other result is a
 * failure of the database. Runs inside the present transaction, if there is
 * one; else it calls db_begin_read.
 */
enum db_result tokens_find(struct tokens *t, struct slice bearer,
                           struct identity *who);
/* Whether it is one of those that are remembered and still good; *who then says
 * whose. Asks nobody. */
bool tokens_remember(struct tokens *t, struct slice bearer,
                     struct identity *who);
/* Whether it was good when the database was last asked about it, whatever has
 * changed since: then it is no guess, also if it is good no more. */
bool tokens_met(struct tokens *t, struct slice bearer);

/*
 * The command `prong token add|list|revoke APP …`:
 *   add APP [--user ID] [--role user] [--name TEXT] [--expires 30d]
 *   list APP
 *   revoke APP ID
 * with --database PATH in each. A new token has 256 random bits, is printed
 * once and never stored. argv is main's, with "token" as argv[1]. Returns the
 * process's exit code: 0, 1 when it failed, 2 for bad usage.
 */
int token_command(int argc, char **argv);

#endif
