/*
 * json: the present row of a statement as a JSON object, in the plain way:
 * names and values copied in turn. Blobs are not handled.
 */
#ifndef LIMIT_JSON_H
#define LIMIT_JSON_H

#include <sqlite3.h>

/* Writes at `to` and returns the end; the caller sees to it that there is
 * room. Nothing is terminated. */
char *json_row(char *to, sqlite3_stmt *row);

#endif
