/*
 * endpoint: answers requests for the app's endpoints. Who may ask, with what
 * values, the SQL in its transaction, the rows in the form asked for, and
 * every failure as a problem document. It knows no socket and no loop.
 */
#ifndef PRONG_ENDPOINT_H
#define PRONG_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/app.h"
#include "worker/call.h"
#include "worker/db.h"

struct endpoints;

/* Prepares every endpoint of the app on the connection, which stays the
 * caller's. Null with "file:line: reason". */
struct endpoints *endpoints_open(const struct app *app, struct db *db,
                                 struct fault *fault);
/* Before db_close; null is allowed. */
void endpoints_close(struct endpoints *es);

/* Answers with endpoint number `index` of the app. */
void endpoints_answer(struct endpoints *es, size_t index, struct call *call);

#endif
