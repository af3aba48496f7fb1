#include <err.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "query.h"

enum {
    STATEMENTS = 8,
    BINDINGS = 16,
    ANSWER_MAX = 1 << 20, /* a longer answer ends the process */
    ROW_MAX = 1 << 16,    /* no row of the cases is as long */
};

struct binding {
    char name[40];
    char prefix[80];
    uint32_t low, span;   /* span 0: the prefix is the whole value */
    char text[100];       /* the present value, when it is a text */
    sqlite3_int64 number; /* … and when it is an integer */
    int at[STATEMENTS];   /* its place in each statement, 0: none */
};

struct query {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit;
    bool writes, in_turn;
    sqlite3_stmt *statements[STATEMENTS];
    int count;
    struct binding bindings[BINDINGS];
    int binding_count;
    uint32_t random;
    char answer[QUERY_ROOM + ANSWER_MAX];
};

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;

    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL))
        errx(1, "%s: %s", sql, sqlite3_errmsg(db));
    return stmt;
}

/* "name=text" or "name=prefix:low:high". */
static void binding_parse(struct binding *b, const char *spec)
{
    unsigned high;

    if (sscanf(spec, "%38[^=]=:%u:%u", b->name + 1, &b->low, &high) == 3 ||
        sscanf(spec, "%38[^=]=%79[^:]:%u:%u", b->name + 1, b->prefix, &b->low,
               &high) == 4)
        b->span = high - b->low + 1;
    else if (sscanf(spec, "%38[^=]=%79[^\n]", b->name + 1, b->prefix) != 2)
        errx(2, "%s: not a binding", spec);
    b->name[0] = ':';
    memcpy(b->text, b->prefix, sizeof b->prefix);
}

static void binding_open(struct query *q, const char *spec)
{
    struct binding *b = &q->bindings[q->binding_count++];

    binding_parse(b, spec);
    for (int i = 0; i < q->count; i++)
        b->at[i] = sqlite3_bind_parameter_index(q->statements[i], b->name);
}

static sqlite3 *open_database(const char *path)
{
    sqlite3 *db;

    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) ||
        sqlite3_busy_timeout(db, QUERY_BUSY_MS) ||
        sqlite3_exec(db,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                     "PRAGMA cache_size=10000; PRAGMA temp_store=MEMORY;"
                     "PRAGMA foreign_keys=ON",
                     NULL, NULL, NULL))
        errx(1, "%s: %s", path, sqlite3_errmsg(db));
    return db;
}

struct query *query_open(const char *database, char *const *statements,
                         int count, char *const *bindings)
{
    struct query *q = calloc(1, sizeof *q);

    if (!q || count > STATEMENTS)
        errx(1, "too much for query");
    q->random = 2463534242;
    q->count = count;
    q->db = open_database(database);
    q->begin = prepare(q->db, "BEGIN");
    q->commit = prepare(q->db, "COMMIT");
    for (int i = 0; i < count; i++) {
        q->statements[i] = prepare(q->db, statements[i]);
        q->writes |= !sqlite3_stmt_readonly(q->statements[i]);
    }
    for (; *bindings && q->binding_count < BINDINGS; bindings++)
        binding_open(q, *bindings);
    return q;
}

void query_synchronous(struct query *q, const char *word)
{
    char sql[64];

    snprintf(sql, sizeof sql, "PRAGMA synchronous=%.20s", word);
    if (sqlite3_exec(q->db, sql, NULL, NULL, NULL))
        errx(1, "%s: %s", sql, sqlite3_errmsg(q->db));
}

static uint32_t random_next(struct query *q)
{
    q->random ^= q->random << 13; /* Marsaglia's xorshift */
    q->random ^= q->random >> 17;
    q->random ^= q->random << 5;
    return q->random;
}

/* The values of this run; the statements of one run see the same ones. */
static void values_next(struct query *q)
{
    for (int i = 0; i < q->binding_count; i++) {
        struct binding *b = &q->bindings[i];

        if (!b->span)
            continue;
        b->number = b->low + random_next(q) % b->span;
        if (b->prefix[0])
            snprintf(b->text, sizeof b->text, "%s%lld", b->prefix, b->number);
    }
}

static void bind(struct query *q, int nth)
{
    sqlite3_stmt *stmt = q->statements[nth];

    for (int i = 0; i < q->binding_count; i++) {
        const struct binding *b = &q->bindings[i];

        if (b->at[nth] && b->span && !b->prefix[0])
            sqlite3_bind_int64(stmt, b->at[nth], b->number);
        else if (b->at[nth])
            sqlite3_bind_text(stmt, b->at[nth], b->text, -1, SQLITE_STATIC);
    }
}

/* What a reader without a use for the rows has to do all the same. */
static void columns_read(sqlite3_stmt *row)
{
    for (int i = sqlite3_column_count(row) - 1; i >= 0; i--)
        switch (sqlite3_column_type(row, i)) {
        case SQLITE_INTEGER: sqlite3_column_int64(row, i); break;
        case SQLITE_FLOAT: sqlite3_column_double(row, i); break;
        default: sqlite3_column_text(row, i); break;
        }
}

/* The end of the answer, null when the database was locked. */
static char *run_one(struct query *q, int nth, enum rows rows)
{
    sqlite3_stmt *stmt = q->statements[nth];
    char *start = q->answer + QUERY_ROOM, *to = start;
    int rc;

    bind(q, nth);
    if (rows == ROWS_ARRAY)
        *to++ = '[';
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (to - start > ANSWER_MAX - ROW_MAX)
            errx(1, "the answer is too long");
        if (rows == ROWS_ARRAY && to > start + 1)
            *to++ = ',';
        if (rows == ROWS_STEPPED)
            columns_read(stmt);
        else
            to = json_row(rows == ROWS_ARRAY ? to : start, stmt);
    }
    if (rc == SQLITE_BUSY) {
        sqlite3_reset(stmt);
        return NULL;
    }
    if (rc != SQLITE_DONE)
        errx(1, "%s: %s", sqlite3_sql(stmt), sqlite3_errmsg(q->db));
    if (rows == ROWS_ARRAY)
        *to++ = ']';
    sqlite3_reset(stmt);
    return to;
}

static void step_only(sqlite3_stmt *stmt)
{
    sqlite3_step(stmt);
    sqlite3_reset(stmt);
}

char *query_run(struct query *q, enum rows rows, size_t *len)
{
    char *end = q->answer + QUERY_ROOM;

    values_next(q);
    if (!q->in_turn && (!q->writes || q->count > 1)) {
        step_only(q->begin);
        q->in_turn = true;
    }
    for (int i = 0; i < q->count && end; i++)
        end = run_one(q, i, i == q->count - 1 ? rows : ROWS_STEPPED);
    if (q->writes)
        query_turn_ends(q); /* a write is answered only when committed */
    if (!end)
        return NULL;
    *len = (size_t)(end - q->answer - QUERY_ROOM);
    return q->answer + QUERY_ROOM;
}

void query_turn_ends(struct query *q)
{
    if (q->in_turn)
        step_only(q->commit);
    q->in_turn = false;
}
