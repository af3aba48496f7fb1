/*
 * rows: rows of a statement as JSON, CSV or NDJSON bytes. Integers and reals
 * are exact, NULL is null, text is escaped, blobs are base64. It knows no
 * HTTP.
 */
#ifndef PRONG_ROWS_H
#define PRONG_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "worker/db/db.h"
#include "worker/http/accept.h"
#include "worker/http/json.h"

enum { ROWS_COLUMNS_MAX = 64 }; /* so that a choice of columns is one word */

/* A choice of columns: bit i is column i. */
typedef uint64_t column_set;

/* What is known of a statement's columns, kept from run to run. */
struct columns;

/*
 * `json` ends with null, or is null: columns whose text is JSON to nest. It
 * is checked through `reader`, and text that is not JSON is written as a
 * string, so that an answer always parses.
 */
struct columns *columns_new(struct stmt *s, const char **json,
                            struct json *reader);
void columns_free(struct columns *c);
/* Looks again after SQLite prepared the statement anew (a schema change);
 * cheap otherwise. False when there are now more than ROWS_COLUMNS_MAX. */
bool columns_refresh(struct columns *c);
/* Another number when their names or their order are others. */
uint64_t columns_print(const struct columns *c);
size_t columns_count(const struct columns *c);
/* The set of all columns. */
column_set columns_all(const struct columns *c);
/* Adds the column of that name to the set; false when there is none. */
bool columns_find(const struct columns *c, struct slice name, column_set *set);

/* The present row as a JSON object, or as a line of CSV (RFC 4180). */
void rows_object(struct buf *out, const struct columns *c, column_set set);
void rows_csv(struct buf *out, const struct columns *c, column_set set);
/* The line of column names. */
void rows_csv_head(struct buf *out, const struct columns *c, column_set set);
/* One column of the present row as a JSON value. */
void rows_value(struct buf *out, const struct columns *c, int column);

#endif
