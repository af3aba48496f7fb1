/*
 * idempotency: the Idempotency-Key field (draft-ietf-httpapi-idempotency-key-
 * header-07) of requests that write. The answer to the first request with a
 * key is stored in the same transaction as what it wrote; the same request
 * again gets that answer, and writes nothing. Requests that failed wrote
 * nothing and are not remembered: they may be tried again.
 *
 * Table, made by migrate:
 *   prong_idempotency(scope, key, request, created_at, status, type, headers,
 *                     body, PRIMARY KEY (scope, key)), indexed by created_at
 * `scope` is the endpoint and who asks (user, or else the token; nothing when
 * anybody may), so nobody is answered with another's; `request` is the SHA-256
 * of method, target and body; `created_at` Unix ms; `body` uncompressed. Rows
 * are removed by a job (keeper) after `idempotency_expiry` seconds. Bodies lie
 * behind a rowid, not in the tree of the keys (sqlite.org/withoutrowid.html):
 * 63 instead of 104 µs for one of 400 bytes among 100,000.
 */
#ifndef PRONG_IDEMPOTENCY_H
#define PRONG_IDEMPOTENCY_H

#include <stdbool.h>

#include "common/app/app.h"
#include "worker/db/db.h"
#include "worker/endpoint/token.h"
#include "worker/http/call.h"

enum { IDEMPOTENCY_KEY_MAX = 255 }; /* bytes, printable ASCII */

struct idempotency; /* the prepared statements; belongs to its db */

/* The script of CREATE … IF NOT EXISTS that migrate runs. */
extern const char idempotency_schema[];

/* Null with the reason when the table is not there, or another one. */
struct idempotency *idempotency_open(struct db *db, struct fault *fault);
/* Before db_close; null is allowed. */
void idempotency_close(struct idempotency *i);

/* The request has such a field (an empty one too). */
bool idempotency_asked(const struct request *req);
/*
 * Before it waits for its turn. False when the key is none that can be
 * accepted (empty, longer, not printable ASCII, twice): then *res is a 400.
 * A pair of double quotes round it (RFC 8941, 3.3.3) is no part of it.
 */
bool idempotency_valid(const struct request *req, struct response *res);

enum idempotent {
    IDEMPOTENT_NEW,    /* run it, then idempotency_store */
    IDEMPOTENT_KNOWN,  /* *res is the first answer, with "Idempotency-Replayed:
                          true"; nothing is to be written */
    IDEMPOTENT_OTHER,  /* the key was used for another request: *res is a 422 */
    IDEMPOTENT_FAILED, /* the database failed: *res says how */
};

/*
 * Inside the write transaction, before the first statement and before
 * If-Match is looked at. `e` and `who` make the scope; `who` not known: it is
 * the endpoint alone. KNOWN: the commit that stored the answer need not be
 * synced yet, so this one is to be sent no earlier than one that commits now.
 */
enum idempotent idempotency_find(struct idempotency *i, struct call *call,
                                 const struct endpoint *e,
                                 const struct identity *who);
/*
 * Inside the same transaction: the response is complete but for compression
 * (endpoint_finish with no encoder), its status below 400, its type that of a
 * form (accept.h) or null. Stored are status, type, headers and body as they
 * stand in it, of any size. Any result but DB_DONE: the request has failed.
 */
enum db_result idempotency_store(struct idempotency *i, const struct call *call,
                                 const struct endpoint *e,
                                 const struct identity *who);

#endif
