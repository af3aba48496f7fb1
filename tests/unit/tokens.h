/* tokens: a database with tokens in it. */
#ifndef PRONG_TEST_TOKENS_H
#define PRONG_TEST_TOKENS_H

#include "scratch.h"

#include "common/digest.h"
#include "worker/endpoint/token.h"

static inline struct db *open_tokens(const struct scratch *s)
{
    struct db *db = must_open(s->path, DB_CREATE);

    must_run(db, token_schema);
    return db;
}

static inline void insert(struct db *db, const char *token, const char *columns)
{
    char hex[DIGEST_HEX];
    char sql[512];

    digest_hex(slice_of(token), hex);
    snprintf(sql, sizeof sql,
             "INSERT INTO tokens(sha256, name, created_at, role, user_id,"
             " expires_at) VALUES ('%.64s', '', '2026-01-01', %s)",
             hex, columns);
    must_run(db, sql);
}

#endif
