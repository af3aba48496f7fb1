/*
 * problem: error answers as application/problem+json (RFC 9457), and the one
 * table from SQLite's results to HTTP.
 */
#ifndef PRONG_PROBLEM_H
#define PRONG_PROBLEM_H

#include "worker/db/db.h"
#include "worker/http/response.h"

enum { PROBLEM_ERRORS = 16 * 1024 };

/*
 * Replaces what the response holds by
 *   {"type":"about:blank","title":…,"status":…,"detail":…,"request_id":…}
 */
void problem(struct response *r, int status, const char *detail);

/*
 * With a list of faults: problem_begin, then problem_errors with what
 * problem_error collected in a buffer of the caller's:
 *   "errors":[{"pointer":"/name","detail":"…"}]
 * A list of PROBLEM_ERRORS bytes takes no more: a small body can hold very
 * many faults.
 */
void problem_begin(struct response *r, int status, const char *detail);
void problem_errors(struct response *r, struct slice errors);
void problem_error(struct buf *errors, const char *pointer, const char *detail);

/* The status for a failed statement: 409, 422, 400, 504, 503, 507 …, 500. */
int problem_status(enum db_result result);
/* The whole answer for it, with Retry-After where that helps. `message` is
 * shown only for DB_RAISED, whose text the app's author wrote for clients. */
void problem_sql(struct response *r, enum db_result result,
                 const char *message);

#endif
