/*
 * kept: answers in the shared cache: under which key, how long they are good,
 * and whether they still are.
 *
 * An answer is kept with the versions of all tables that its statements read
 * (tables.h) and of its own endpoint (so that it can be cleared). It is good
 * while those stand and its time is not over. Whoever asks after a write was
 * acknowledged finds other versions, whatever else he is: another worker,
 * another connection, another coding, a 304. Only *time* can be forgiven
 * (stale-while-revalidate and stale-if-error of @http, RFC 5861), never a
 * write.
 */
#ifndef PRONG_KEPT_H
#define PRONG_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/app/app.h"
#include "common/segment/cache.h"
#include "common/segment/shared.h"
#include "worker/db/db.h"
#include "worker/endpoint/question.h"
#include "worker/http/answer.h"

enum { KEPT_TABLES_MAX = 2 * DB_TABLES_MAX }; /* of all statements */

struct kept; /* one a worker */

struct kept_config {
    const struct shared *shared; /* shared->cache is not null */
    struct db *db;
    struct encoder *encoder;
    size_t entry_max; /* bytes of key and value */
};

/* How long an endpoint's answers are good, and what else they depend on. */
struct kept_policy {
    bool on;           /* @cache, and its tables are known */
    bool ages;         /* it differs from time to time, whatever its tables */
    uint64_t fresh_ms; /* @cache */
    uint64_t while_ms; /* stale-while-revalidate, behind that */
    uint64_t error_ms; /* stale-if-error */
    unsigned tables[KEPT_TABLES_MAX]; /* numbers: the endpoint's own first */
    unsigned count;
    unsigned version; /* of the plan when its tables were looked up */
};

/* An answer that was found; private to kept but for `state`. */
enum kept_state {
    KEPT_NONE,
    KEPT_OUTDATED, /* from before a write */
    KEPT_EXPIRED,  /* good, but its time is over */
    KEPT_FRESH,
};

struct kept_found {
    enum kept_state state;
    struct cache_view view;
    struct answer answer; /* slices into shared memory */
    int64_t left_ms;      /* of its time; negative when expired */
    bool while_allowed;   /* stale-while-revalidate allows it now */
    bool error_allowed;   /* stale-if-error does */
};

struct kept *kept_new(const struct kept_config *config);
void kept_free(struct kept *k); /* null is allowed */

/* Reads @cache and @http of a plan. */
void kept_policy(struct kept_policy *p, const struct plan *plan,
                 struct names *names);
/* To be called when the plan has run, before kept_store: somebody may have
 * changed the schema, and what it reads are other tables then. */
void kept_refresh(struct kept_policy *p, const struct plan *plan,
                  struct names *names);

/* The key of a question; valid until the next call. */
struct cache_key kept_key(struct kept *k, const struct question *q);

/* Looks it up. Counts nothing but which table outdated it. */
void kept_find(struct kept *k, const struct cache_key *key, uint64_t now_ms,
               struct kept_found *out);
/*
 * Answers with what kept_find found last. False when it was overwritten
 * meanwhile: then the response has neither headers nor body. Compresses, and
 * keeps that too, for the first client who wants it so.
 */
bool kept_give(struct kept *k, const struct cache_key *key,
               const struct kept_found *found, struct call *call);

/* What is to be kept. */
struct kept_item {
    const struct cache_key *key;
    const struct answer *answer; /* with its gzip form if that was made */
    enum form form;              /* of its type */
};

/* Keeps an answer just read from the database, if its tables stood still
 * since db_moment. */
bool kept_store(struct kept *k, const struct kept_policy *p,
                const struct kept_item *item, uint64_t now_ms);

/* Cache-Status (RFC 9211) for what trace->cache and ->stored say. */
void kept_say(struct call *call, int64_t left_ms);

#endif
