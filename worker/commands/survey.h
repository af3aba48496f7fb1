/*
 * survey: what a database lacks of what migrate brings it to. Only looks, in
 * transactions of its own unless there is one.
 */
#ifndef PRONG_SURVEY_H
#define PRONG_SURVEY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/app/app.h"
#include "common/buf.h"
#include "worker/db/db.h"

/* One of the server's own tables beside that of the migrations. */
struct own_table {
    const char *name;
    const char *of;      /* whose it is, for messages */
    const char *columns; /* which it must have, as a JSON array */
    const char *schema;  /* the script of CREATE … IF NOT EXISTS */
};

enum { OWN_TABLES = 4 };
extern const struct own_table own_tables[OWN_TABLES];

struct survey {
    bool fresh;       /* never migrated before */
    bool needs_index; /* tokens are there, but cannot be found quickly */
    bool needs_own;   /* one of own_tables is not there */
    size_t missing;   /* migrations not applied */
};

/* False with the fault: the database cannot be read, a table is somebody
 * else's, a migration was changed after it had been applied. */
bool survey_take(struct db *db, const struct app *app, struct survey *out,
                 struct fault *fault);
/* The database lacks nothing. */
bool survey_is_empty(const struct survey *s);
/* One migration alone: counted in s->missing when it was not applied. False as
 * above. */
bool survey_migration(struct db *db, const struct script *m, struct survey *s,
                      struct fault *fault);

/*
 * Runs one statement with as many of `args` as it has parameters. DB_ROW with
 * the first column of the first row in *answer; DB_DONE without a row;
 * anything else is in *fault.
 */
enum db_result survey_ask(struct db *db, const char *sql,
                          const struct slice *args, struct buf *answer,
                          struct fault *fault);

#endif
