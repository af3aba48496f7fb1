#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/digest.h"
#include "common/hash.h"
#include "common/tables.h"

#include "worker/token.h"

const char token_schema[] =
    "CREATE TABLE IF NOT EXISTS tokens("
    "id INTEGER PRIMARY KEY, sha256 TEXT UNIQUE NOT NULL, user_id INTEGER,"
    " role TEXT NOT NULL, name TEXT NOT NULL, created_at TEXT NOT NULL,"
    " expires_at TEXT)";

enum { KEPT_MAX = 64 }; /* 9 kB; each has its place by its digest */

/* What the database said of a token. */
struct kept {
    char sha256[DIGEST_HEX]; /* all NUL: nothing is kept here */
    int64_t expires;         /* Unix time */
    uint64_t epoch;
    uint64_t version; /* of the table of tokens */
    struct identity who;
};

struct tokens {
    struct db *db;
    struct stmt *find;
    time_t now; /* the second that now_text says */
    char now_text[sizeof "2026-01-31 12:00:00"];
    struct kept kept[KEPT_MAX];
};

struct tokens *tokens_open(struct db *db, struct fault *fault)
{
    /* datetime() so that "2026-01-31T12:00:00Z" and "2026-01-31 12:00" both
     * compare; what it cannot read is null, so the token has expired. */
    static const char sql[] =
        "SELECT user_id, role, unixepoch(expires_at) FROM tokens WHERE sha256 "
        "= ?1"
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

/* ---- what is kept ------------------------------------------------------- */

static struct kept *place_of(struct tokens *t, const char hex[DIGEST_HEX])
{
    uint64_t hash = hash_of((struct slice){hex, DIGEST_HEX});

    return &t->kept[hash % KEPT_MAX];
}

/* The one table that tells of tokens; false when there are others, as when
 * the app made a view of that name, or when nobody tells of their changes. */
static bool table_of(const struct tokens *t, unsigned *table)
{
    const struct table_set *reads = stmt_reads(t->find);

    if (db_tables(t->db) == NULL || reads->more || reads->count != 1)
        return false;
    *table = reads->at[0];
    return true;
}

/* Looks for strangers first: one of them moves the versions. */
static bool is_good(const struct tokens *t, const struct kept *k,
                    const char hex[DIGEST_HEX])
{
    const struct tables *tables = db_tables(t->db);
    unsigned table;

    return db_current(t->db) && memcmp(k->sha256, hex, DIGEST_HEX) == 0 &&
           table_of(t, &table) && k->epoch == tables_epoch(tables) &&
           k->version == tables_version(tables, table) &&
           time(NULL) < k->expires;
}

/* The row that was just read, if the table stood still since the moment
 * before its snapshot. */
static void keep(struct tokens *t, const char hex[DIGEST_HEX],
                 const struct identity *who)
{
    const struct moment *m = db_moment(t->db);
    struct kept *k = place_of(t, hex);
    unsigned table;

    if (!who->known || db_is_writing(t->db) || !table_of(t, &table) ||
        !tables_unmoved(db_tables(t->db), m, table, &k->version)) {
        k->sha256[0] = '\0'; /* the version may be another one now */
        return;
    }
    memcpy(k->sha256, hex, DIGEST_HEX);
    k->epoch = m->epoch;
    k->expires =
        stmt_type(t->find, 2) == DB_NULL ? INT64_MAX : stmt_int(t->find, 2);
    k->who = *who;
}

/* ---- finding ------------------------------------------------------------ */

static enum db_result look_up(struct tokens *t, const char hex[DIGEST_HEX],
                              struct identity *who)
{
    enum db_result r = db_begin_read(t->db);

    if (r != DB_DONE)
        return r;
    stmt_bind_text(t->find, 1, (struct slice){hex, DIGEST_HEX});
    stmt_bind_text(t->find, 2, now_text(t));
    r = stmt_step(t->find);
    if (r == DB_ROW) {
        read_identity(t->find, who);
        keep(t, hex, who);
    }
    stmt_reset(t->find);
    return r == DB_ROW ? DB_DONE : r;
}

enum db_result tokens_find(struct tokens *t, struct slice bearer,
                           struct identity *who)
{
    char hex[DIGEST_HEX];

    *who = (struct identity){.known = false};
    digest_hex(bearer, hex);
    const struct kept *k = place_of(t, hex);
    if (!is_good(t, k, hex))
        return look_up(t, hex, who);
    *who = k->who;
    return DB_DONE;
}
