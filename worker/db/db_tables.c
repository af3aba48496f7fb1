#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sqlite3.h>

#include "common/buf.h"
#include "common/segment/names.h"

#include "worker/db/db_private.h"

#include "worker/db/db.h"

/* ---- sets of tables ----------------------------------------------------- */

void db_set_add(struct table_set *set, unsigned number)
{
    unsigned i = set->count;

    while (i > 0 && set->at[i - 1] > number)
        i--;
    if (i > 0 && set->at[i - 1] == number)
        return;
    if (set->count == DB_TABLES_MAX) {
        set->more = true;
        return;
    }
    memmove(&set->at[i + 1], &set->at[i], (set->count - i) * sizeof *set->at);
    set->at[i] = number;
    set->count++;
}

/* ---- names -------------------------------------------------------------- */

/* SQLite's names are equal without regard to the case of ASCII letters. */
static unsigned new_number(struct db *db, const char *name)
{
    struct buf key = {0};

    for (const char *c = name; *c; c++)
        buf_byte(&key, (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c));
    unsigned number = names_table(db->names, name);
    size_t size = (db->known_count + 1) * sizeof *db->known;
    db->known = db_must(realloc(db->known, size));
    db->known[db->known_count++] = (struct table_name){
        .name = db_must(strdup(buf_text(&key))),
        .number = number,
    };
    buf_free(&key);
    return number;
}

static unsigned number_of(struct db *db, const char *name)
{
    for (size_t i = 0; i < db->known_count; i++)
        if (strcasecmp(db->known[i].name, name) == 0)
            return db->known[i].number;
    return new_number(db, name);
}

void db_forget_tables(struct db *db)
{
    for (size_t i = 0; i < db->known_count; i++)
        free(db->known[i].name);
    free(db->known);
}

void db_note_table(struct db *db, struct table_set *set, const char *table)
{
    if (db->names)
        db_set_add(set, number_of(db, table));
    else
        set->more = true;
}

/* ---- what the authorizer tells ------------------------------------------ */

/*
 * The schema counts for nothing: a statement that changes it moves every table
 * (see stmt_new), and each virtual table that is used for the first time
 * seems to read and write it.
 */
static bool is_schema(const char *table)
{
    return strcasecmp(table, "sqlite_master") == 0 ||
           strcasecmp(table, "sqlite_schema") == 0;
}

/* SQLite writes sqlite_sequence and sqlite_stat1 without saying so; what is
 * in "temp" other connections do not see. */
static bool is_unsaid(const char *table, const char *schema)
{
    return strncasecmp(table, "sqlite_", strlen("sqlite_")) == 0 ||
           (schema && strcmp(schema, "temp") == 0);
}

static void note_read(struct stmt *s, const char *table, const char *schema)
{
    db_judge_table(s, table);
    if (is_unsaid(table, schema))
        s->reads.more |= !is_schema(table);
    else
        db_note_table(s->db, &s->reads, table);
}

static void note_write(struct stmt *s, const char *table)
{
    struct db *db = s->db;

    if (!is_schema(table))
        db_note_table(db, &s->writes, table);
    if (db->preparing)
        return;
    /* Prepared again in the midst of its run: it was noted before. */
    db->noted = NULL;
    db_note_writer(db, s);
}

/* `table` is null for functions, whose name is in `detail`. */
static int on_authorize(void *self, int action, const char *table,
                        const char *detail, const char *schema,
                        const char *inside)
{
    struct db *db = self;
    struct stmt *s = db->at_work;

    if (s == NULL)
        return SQLITE_OK;
    switch (action) {
    case SQLITE_READ:
        note_read(s, table, schema);
        /* An empty column: the table is read, but no column of it. */
        if (db->reader && detail && *detail)
            db->reader->on_read(db->reader->self, table, detail);
        break;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        s->fires |= inside != NULL;
        note_write(s, table);
        break;
    case SQLITE_FUNCTION: db_judge_function(s, detail, inside); break;
    default: break;
    }
    return SQLITE_OK;
}

void db_authorize(struct db *db)
{
    sqlite3_set_authorizer(db->raw, on_authorize, db);
}

/* ---- what others ask ---------------------------------------------------- */

const struct table_set *stmt_reads(const struct stmt *s)
{
    return &s->reads;
}

bool stmt_fires(const struct stmt *s)
{
    return s->fires;
}

const struct table_set *stmt_writes(const struct stmt *s)
{
    return &s->writes;
}

void db_each_table(const struct db *db,
                   void (*on_table)(void *self, const char *name,
                                    unsigned number),
                   void *self)
{
    for (size_t i = 0; i < db->known_count; i++)
        on_table(self, db->known[i].name, db->known[i].number);
}
