#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/digest.h"
#include "common/hash.h"
#include "common/segment/tables.h"

#include "worker/endpoint/token.h"

const char token_schema[] =
    "CREATE TABLE IF NOT EXISTS tokens("
    "id INTEGER PRIMARY KEY, sha256 TEXT UNIQUE NOT NULL, user_id INTEGER,"
    " role TEXT NOT NULL, name TEXT NOT NULL, created_at TEXT NOT NULL,"
    " expires_at TEXT);"
    "CREATE TABLE IF NOT EXISTS prong_demo_tokens("
    "sha256 TEXT PRIMARY KEY) WITHOUT ROWID";

enum {
    KEPT_MAX = 64, /* 9 kB; each has its place by its digest */
    TABLES = 2,    /* that tell of tokens: all, and those of demo.sql */
};

/* What the database said of a token. */
struct kept {
    char sha256[DIGEST_HEX]; /* all NUL: nothing is kept here */
    int64_t expires;         /* Unix time */
    uint64_t epoch;
    uint64_t version; /* of the tables that tell of tokens, summed up */
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
        "SELECT user_id, role, unixepoch(expires_at), EXISTS (SELECT 1 FROM"
        " prong_demo_tokens d WHERE d.sha256 = tokens.sha256)"
        " FROM tokens WHERE sha256 = ?1"
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
    who->demo = stmt_int(s, 3) != 0;
    memcpy(who->role, role.ptr, role.len);
}

/* ---- what is kept ------------------------------------------------------- */

static struct kept *place_of(struct tokens *t, const char hex[DIGEST_HEX])
{
    uint64_t hash = hash_of((struct slice){hex, DIGEST_HEX});

    return &t->kept[hash % KEPT_MAX];
}

/* Whether the database knew it when it was last asked. */
static bool is_kept(struct tokens *t, const char hex[DIGEST_HEX])
{
    return digest_same(place_of(t, hex)->sha256, hex);
}

/* The tables that tell of tokens; null when there are others, as when the app
 * made a view of that name, or when nobody tells of their changes. */
static const struct table_set *tables_of(const struct tokens *t)
{
    const struct table_set *reads = stmt_reads(t->find);

    if (db_tables(t->db) == NULL || reads->more || reads->count != TABLES)
        return NULL;
    return reads;
}

/* It moves when one of them does, since no version goes back. */
static uint64_t version_now(const struct tables *tables,
                            const struct table_set *set)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < set->count; i++)
        sum += tables_version(tables, set->at[i]);
    return sum;
}

/* The same, if they stood still since that moment. */
static bool version_then(const struct tables *tables,
                         const struct table_set *set, const struct moment *m,
                         uint64_t *sum)
{
    uint64_t version;

    *sum = 0;
    for (unsigned i = 0; i < set->count; i++) {
        if (!tables_unmoved(tables, m, set->at[i], &version))
            return false;
        *sum += version;
    }
    return true;
}

/*
 * Looks for strangers first: one of them moves the versions.
 *
 * How long a comparison takes tells how many characters were right. Here they
 * are those of a SHA-256, of which nobody can choose the first ones without
 * having the token; and so they are in SQLite's index, whose look-up stops at
 * the first difference. To find out all of a stored digest in this way would
 * still not be to know what it is the digest of.
 */
static bool is_good(const struct tokens *t, const struct kept *k,
                    const char hex[DIGEST_HEX])
{
    const struct tables *tables = db_tables(t->db);
    const struct table_set *set = tables_of(t);

    return set && db_current(t->db) && digest_same(k->sha256, hex) &&
           k->epoch == tables_epoch(tables) &&
           k->version == version_now(tables, set) && time(NULL) < k->expires;
}

/* The row that was just read, if the tables stood still since the moment
 * before its snapshot. */
static void keep(struct tokens *t, const char hex[DIGEST_HEX],
                 const struct identity *who)
{
    const struct moment *m = db_moment(t->db);
    const struct table_set *set = tables_of(t);
    struct kept *k = place_of(t, hex);

    if (!who->known || db_is_writing(t->db) || set == NULL ||
        !version_then(db_tables(t->db), set, m, &k->version)) {
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
    } else if (r == DB_DONE && is_kept(t, hex)) {
        place_of(t, hex)->sha256[0] = '\0';
    }
    stmt_reset(t->find);
    return r == DB_ROW ? DB_DONE : r;
}

static bool remember(struct tokens *t, const char hex[DIGEST_HEX],
                     struct identity *who)
{
    const struct kept *k = place_of(t, hex);

    if (!is_good(t, k, hex))
        return false;
    *who = k->who;
    return true;
}

bool tokens_remember(struct tokens *t, struct slice bearer,
                     struct identity *who)
{
    char hex[DIGEST_HEX];

    digest_hex(bearer, hex);
    return remember(t, hex, who);
}

bool tokens_met(struct tokens *t, struct slice bearer)
{
    char hex[DIGEST_HEX];

    digest_hex(bearer, hex);
    return is_kept(t, hex);
}

enum db_result tokens_find(struct tokens *t, struct slice bearer,
                           struct identity *who)
{
    char hex[DIGEST_HEX];

    *who = (struct identity){.known = false};
    digest_hex(bearer, hex);
    return remember(t, hex, who) ? DB_DONE : look_up(t, hex, who);
}
