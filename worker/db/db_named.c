#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "worker/db/db_private.h"

#include "worker/db/db.h"

/*
 * The authorizer does not tell all. Of columns that USING and NATURAL join by
 * SQLite 3.40 says nothing, and so nothing of a table from which no other
 * column is used; virtual tables keep their rows in tables which they do not
 * speak of, or show those of others. So every table that a read's text names
 * counts as read, and what views and declarations of virtual tables in it
 * name does as well. What is merely called like a table makes an answer
 * depend on one more: that costs a hit now and then, and is never wrong.
 */

/* A table or view of the schema. */
struct object {
    char *name;
    char *sql;
    bool virtual; /* a virtual table */
    bool deep;    /* its text names others: a view, a virtual table */
    bool named;
};

struct objects {
    struct object *at;
    size_t count;
    bool whole; /* all of them could be read */
};

/* ---- the schema --------------------------------------------------------- */

static char *text_of(struct sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);

    return db_must(strdup(text ? text : ""));
}

static void add_object(struct objects *o, struct sqlite3_stmt *row)
{
    o->at = db_must(realloc(o->at, (o->count + 1) * sizeof *o->at));
    o->at[o->count++] = (struct object){
        .name = text_of(row, 0),
        .sql = text_of(row, 1),
        .virtual = sqlite3_column_int(row, 2),
        .deep = sqlite3_column_int(row, 3),
    };
}

static struct objects read_objects(struct db *db)
{
    static const char sql[] =
        "SELECT name, sql, sql LIKE 'create virtual table%',"
        " type = 'view' OR sql LIKE 'create virtual table%'"
        " FROM sqlite_schema WHERE type IN ('table', 'view')";
    struct objects o = {.whole = false};
    struct sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(db->raw, sql, -1, &row, NULL);

    while (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        add_object(&o, row);
        code = SQLITE_OK;
    }
    o.whole = code == SQLITE_DONE;
    sqlite3_finalize(row);
    return o;
}

static void free_objects(struct objects *o)
{
    for (size_t i = 0; i < o->count; i++) {
        free(o->at[i].name);
        free(o->at[i].sql);
    }
    free(o->at);
}

/* ---- what is named ------------------------------------------------------ */

/* SQLite's own search goes first: most names are not there. */
static bool names(const char *sql, const char *name)
{
    return strcasestr(sql, name) && db_text_names(sql, name);
}

static void mark(struct objects *o, const char *sql)
{
    for (size_t i = 0; i < o->count; i++) {
        struct object *x = &o->at[i];
        if (x->named || !names(sql, x->name))
            continue;
        x->named = true;
        if (x->deep)
            mark(o, x->sql);
    }
}

/* "docs_content" belongs to the virtual table "docs". */
static bool is_shadow(const struct object *x, const struct object *of)
{
    size_t len = strlen(of->name);

    return of->virtual && strncasecmp(x->name, of->name, len) == 0 &&
           x->name[len] == '_';
}

static void mark_owners(struct objects *o)
{
    for (size_t i = 0; i < o->count; i++)
        for (size_t k = 0; o->at[i].named && k < o->count; k++)
            o->at[k].named |= is_shadow(&o->at[i], &o->at[k]);
}

/* Views have no rows of their own. */
static void note_named(struct stmt *s, const struct objects *o)
{
    for (size_t i = 0; i < o->count; i++) {
        const struct object *x = &o->at[i];
        bool view = x->deep && !x->virtual;
        if (x->named && !view &&
            strncasecmp(x->name, "sqlite_", strlen("sqlite_")) != 0)
            db_note_table(s->db, &s->reads, x->name);
    }
}

void db_note_named(struct stmt *s)
{
    struct db *db = s->db;

    if (db->names == NULL || !s->readonly)
        return;
    db->at_work = NULL; /* what follows is not the statement's doing */
    struct objects o = read_objects(db);
    mark(&o, s->sql);
    mark_owners(&o);
    note_named(s, &o);
    s->reads.more |= !o.whole;
    free_objects(&o);
}

/* ---- again, when the schema changed ------------------------------------- */

static int on_version(void *self, int count, char **values, char **columns)
{
    (void)count, (void)columns;
    *(int64_t *)self = strtoll(values[0], NULL, 10);
    return 0;
}

static int64_t schema_version(struct db *db)
{
    int64_t version = -1;

    db->at_work = NULL;
    sqlite3_exec(db->raw, "PRAGMA schema_version", on_version, &version, NULL);
    return version;
}

void stmt_relearn(struct stmt *s)
{
    int64_t version = s->raw ? schema_version(s->db) : -1;

    if (version != -1 && version == s->learnt)
        return;
    db_note_named(s);
    s->learnt = version;
}
