#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/app/sqllex.h"
#include "common/buf.h"

#include "worker/db/explain.h"

enum {
    COLUMNS_MAX = 12, /* that are tried: at most 12 + 12 · 11 indexes */
    NAME_BYTES = 128,
};

/* The columns of one table that a statement reads. */
struct columns_read {
    const char *table;
    char names[COLUMNS_MAX][NAME_BYTES];
    size_t count;
};

static void on_read(void *self, const char *table, const char *column)
{
    struct columns_read *r = self;

    if (strcasecmp(table, r->table) != 0 || r->count == COLUMNS_MAX ||
        strlen(column) >= NAME_BYTES)
        return;
    for (size_t i = 0; i < r->count; i++)
        if (strcasecmp(r->names[i], column) == 0)
            return;
    snprintf(r->names[r->count++], NAME_BYTES, "%s", column);
}

/* A plain name stands as it is; anything else in double quotes. */
static void put_name(struct buf *out, const char *name)
{
    if (sqllex_is_name(slice_of(name))) {
        buf_string(out, name);
        return;
    }
    buf_byte(out, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_byte(out, '"');
        buf_byte(out, *name);
    }
    buf_byte(out, '"');
}

static void put_on(struct buf *out, const char *table,
                   const char *const *columns, size_t count)
{
    buf_string(out, " ON ");
    put_name(out, table);
    for (size_t i = 0; i < count; i++) {
        buf_string(out, i ? ", " : "(");
        put_name(out, columns[i]);
    }
    buf_string(out, ");");
}

void explain_index(const char *table, const char *const *columns, size_t count,
                   struct buf *out)
{
    struct buf name = {0};

    buf_string(&name, table);
    for (size_t i = 0; i < count; i++)
        buf_format(&name, "_%s", columns[i]);
    buf_string(out, "CREATE INDEX ");
    put_name(out, buf_text(&name));
    put_on(out, table, columns, count);
    buf_free(&name);
}

/* One try: what the statement's plan is with an index on the columns. */
struct trial {
    struct db *db;
    const struct schema *schema;
    const char *sql;
    const char *table;
};

static bool run(struct db *db, const char *sql)
{
    struct fault ignored;
    int offset;

    return db_script(db, slice_of(sql), &ignored, &offset);
}

static bool try_index(const struct trial *t, const char *const *columns,
                      size_t count, struct explanation *plan)
{
    struct buf sql = {0};

    buf_string(&sql, "CREATE INDEX " EXPLAIN_TRIAL);
    put_on(&sql, t->table, columns, count);
    bool made = run(t->db, buf_text(&sql));
    buf_free(&sql);
    if (!made)
        return false; /* "rowid" cannot be indexed */
    bool ok = explain(t->db, t->schema, t->sql, plan);
    run(t->db, "DROP INDEX " EXPLAIN_TRIAL);
    return ok && plan->uses_trial;
}

/* The best of the tries so far. */
struct best {
    int cost;
    int terms;
    const char *columns[2];
    size_t count; /* 0: nothing is better than no index */
};

/* Cheaper is better; of two equally cheap plans the narrower search, and of
 * two equally narrow ones the one found first, which has fewer columns. */
static void consider(const struct trial *t, const char *const *columns,
                     size_t count, struct best *best)
{
    struct explanation plan;

    if (!try_index(t, columns, count, &plan) || plan.cost > best->cost)
        return;
    if (plan.cost == best->cost &&
        (best->count == 0 || plan.trial_terms <= best->terms))
        return;
    best->cost = plan.cost;
    best->terms = plan.trial_terms;
    best->count = count;
    memcpy(best->columns, columns, count * sizeof *columns);
}

static void try_pairs(const struct trial *t, const struct columns_read *read,
                      struct best *best)
{
    for (size_t i = 0; i < read->count; i++)
        for (size_t k = 0; k < read->count; k++) {
            const char *pair[] = {read->names[i], read->names[k]};
            if (i != k)
                consider(t, pair, 2, best);
        }
}

bool explain_advise(struct db *db, const struct schema *schema, const char *sql,
                    const struct table *table, struct buf *out)
{
    const struct trial t = {db, schema, sql, table->name};
    struct columns_read read = {.table = table->name};
    struct explanation now;
    struct best best = {.count = 0};

    if (!explain(db, schema, sql, &now) || !db_reads(db, sql, on_read, &read))
        return false;
    best.cost = now.cost;
    for (size_t i = 0; i < read.count; i++) {
        const char *one[] = {read.names[i]};
        consider(&t, one, 1, &best);
    }
    try_pairs(&t, &read, &best);
    if (best.count > 0)
        explain_index(table->name, best.columns, best.count, out);
    return best.count > 0;
}
