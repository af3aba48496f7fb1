/*
 * query: the statements of one request on one connection, SQLite alone: the
 * single-threaded mode without memory statistics, the same PRAGMAs as the
 * server, each statement prepared once.
 */
#ifndef LIMIT_QUERY_H
#define LIMIT_QUERY_H

#include <stdbool.h>
#include <stddef.h>

struct query;

/* What becomes of the rows. */
enum rows {
    ROWS_STEPPED, /* every column is read, nothing is written */
    ROWS_OBJECT,  /* the last one as a JSON object */
    ROWS_ARRAY,   /* all as a JSON array */
};

/*
 * Opens the database and prepares `count` statements. `bindings` ends with
 * null; each reads "name=text", the same text for ever, or
 * "name=prefix:low:high", another number of that range at each run: an
 * integer if the prefix is empty, else a text that begins with it. Ends the
 * process on failure.
 */
struct query *query_open(const char *database, char *const *statements,
                         int count, char *const *bindings);

/* NORMAL, as it is when unsaid, or FULL: each commit waits for the disk. */
void query_synchronous(struct query *q, const char *word);

/*
 * Runs all the statements once. Statements that read share one transaction,
 * which lasts until query_turn_ends; one that writes commits by itself. The
 * rows of the last statement are returned as JSON, valid until the next run.
 * They have QUERY_ROOM free bytes in front of them. Null: others kept the
 * database locked for QUERY_BUSY_MS, and nothing was written.
 */
char *query_run(struct query *q, enum rows rows, size_t *len);
enum { QUERY_ROOM = 512, QUERY_BUSY_MS = 5000 };

/* Ends the transaction that the reads since the last call shared. */
void query_turn_ends(struct query *q);

#endif
