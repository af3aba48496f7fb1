/*
 * token_actions: what `prong token add|list|revoke` does once its words have
 * been read. Belongs to token_command.c alone.
 */
#ifndef PRONG_TOKEN_ACTIONS_H
#define PRONG_TOKEN_ACTIONS_H

#include <stdbool.h>

#include "worker/db/db.h"

/* The command line; what was not said is null. */
struct token_words {
    const char *app;
    const char *id; /* of revoke: a number */
    const char *database;
    const char *user; /* of add: a number, token_is_role, token_expiry */
    const char *role;
    const char *name;
    const char *expires;
};

/* What would stand in @auth: a short word, not "public". */
bool token_is_role(const char *role);
/* "30d" from now as YYYY-MM-DDTHH:MM:SSZ; false when it is no duration or
 * beyond a hundred years. */
bool token_expiry(const char *duration, char text[32]);

/* On a migrated database; each returns the process's exit code. */
int token_add(struct db *db, const struct token_words *words);
int token_list(struct db *db, const struct token_words *words);
int token_revoke(struct db *db, const struct token_words *words);
/* "Error: reason" on standard error; returns EXIT_FAILURE. */
int token_complain(const char *reason);

#endif
