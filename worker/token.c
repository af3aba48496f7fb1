#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/digest.h"

#include "worker/token.h"

const char token_schema[] =
    "CREATE TABLE IF NOT EXISTS tokens("
    "id INTEGER PRIMARY KEY, sha256 TEXT UNIQUE NOT NULL, user_id INTEGER,"
    " role TEXT NOT NULL, name TEXT NOT NULL, created_at TEXT NOT NULL,"
    " expires_at TEXT)";

struct tokens {
    struct db *db;
    struct stmt *find;
    time_t now; /* the second that now_text says */
    char now_text[sizeof "2026-01-31 12:00:00"];
};

struct tokens *tokens_open(struct db *db, struct fault *fault)
{
    /* datetime() so that "2026-01-31T12:00:00Z" and "2026-01-31 12:00" both
     * compare; what it cannot read is null, so the token has expired. */
    static const char sql[] =
        "SELECT user_id, role FROM tokens WHERE sha256 = ?1"
        " AND (expires_at IS NULL OR datetime(expires_at) > ?2)";
    int offset;
    struct stmt *find = db_prepare(db, sql, fault, &offset);

    if (find == NULL)
        return NULL;
    struct tokens *t = calloc(1, sizeof *t);
    assert(t != NULL);
    t->db = db;
    t->find = find;
    return t;
}

void tokens_close(struct tokens *t)
{
    if (t == NULL)
        return;
    db_finalize(t->find);
    free(t);
}

/* The present second as SQLite's datetime() writes it. */
static struct slice now_text(struct tokens *t)
{
    time_t now = time(NULL);
    struct tm utc;

    if (now != t->now) {
        t->now = now;
        gmtime_r(&now, &utc);
        strftime(t->now_text, sizeof t->now_text, "%Y-%m-%d %H:%M:%S", &utc);
    }
    return slice_of(t->now_text);
}

/* A role too long for the struct is none: cut short, it might be another. */
static void read_identity(const struct stmt *s, struct identity *who)
{
    struct slice role = stmt_text(s, 1);

    if (role.len >= sizeof who->role)
        return;
    who->known = true;
    who->has_user = stmt_type(s, 0) == DB_INT;
    who->user_id = stmt_int(s, 0);
    memcpy(who->role, role.ptr, role.len);
}

enum db_result tokens_find(struct tokens *t, struct slice bearer,
                           struct identity *who)
{
    char hex[DIGEST_HEX];

    *who = (struct identity){.known = false};
    digest_hex(bearer, hex);
    stmt_bind_text(t->find, 1, (struct slice){hex, DIGEST_HEX});
    stmt_bind_text(t->find, 2, now_text(t));
    enum db_result r = stmt_step(t->find);
    if (r == DB_ROW)
        read_identity(t->find, who);
    stmt_reset(t->find);
    return r == DB_ROW ? DB_DONE : r;
}
