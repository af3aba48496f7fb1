/*
 * kitchen: a schema with all that makes one statement touch several tables,
 * and sets of tables in words.
 */
#ifndef PRONG_TEST_KITCHEN_H
#define PRONG_TEST_KITCHEN_H

#include "watched.h"

static const char kitchen[] =
    "CREATE TABLE chefs(id INTEGER PRIMARY KEY, name TEXT UNIQUE, stars);"
    "CREATE TABLE reviews(id INTEGER PRIMARY KEY,"
    " chef INTEGER REFERENCES chefs(id) ON DELETE CASCADE, text);"
    "CREATE TABLE bookings(id INTEGER PRIMARY KEY,"
    " chef INTEGER REFERENCES chefs(id) ON DELETE SET NULL);"
    "CREATE TABLE notes(review INTEGER"
    " REFERENCES reviews(id) ON DELETE CASCADE);"
    "CREATE TABLE totals(chef INTEGER PRIMARY KEY, n) WITHOUT ROWID;"
    "CREATE TABLE numbered(id INTEGER PRIMARY KEY AUTOINCREMENT, v);"
    "CREATE TABLE audit(what);"
    "CREATE VIEW rated AS SELECT c.id, c.name, avg(r.id) AS average"
    " FROM chefs c LEFT JOIN reviews r ON r.chef = c.id GROUP BY c.id;"
    "CREATE VIEW best AS SELECT * FROM rated WHERE average > 3;"
    "CREATE VIEW recent AS SELECT * FROM audit WHERE what > date('now');"
    "CREATE VIEW dated AS SELECT date(what) AS day FROM audit;"
    "CREATE TRIGGER counted AFTER INSERT ON numbered BEGIN"
    " INSERT INTO audit SELECT n FROM totals; END;"
    "CREATE TRIGGER named AFTER UPDATE OF name ON chefs BEGIN"
    " UPDATE totals SET n = n + 1; END;"
    "CREATE TRIGGER into_best INSTEAD OF INSERT ON best BEGIN"
    " INSERT INTO chefs(name) VALUES (NEW.name); END;"
    "CREATE VIRTUAL TABLE words USING fts5(text);"
    "CREATE VIRTUAL TABLE found USING fts5(text, content='reviews',"
    " content_rowid='id');"
    "CREATE VIRTUAL TABLE terms USING fts5vocab(words, 'row');"
    "CREATE TABLE one(a); CREATE TABLE two(a REFERENCES one(a)"
    " DEFERRABLE INITIALLY DEFERRED); CREATE UNIQUE INDEX one_a ON one(a);"
    "CREATE VIRTUAL TABLE over_view USING fts5(name, content='rated');";

struct names_of {
    const struct table_set *set;
    char names[DB_TABLES_MAX][64];
    unsigned count;
};

static inline void on_table(void *self, const char *name, unsigned number)
{
    struct names_of *n = self;

    for (unsigned i = 0; i < n->set->count; i++)
        if (n->set->at[i] == number)
            snprintf(n->names[n->count++], sizeof *n->names, "%s", name);
}

static inline int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* "chefs reviews", sorted; with " …" when there are more. */
static inline const char *list(const struct db *db, const struct table_set *set)
{
    static char text[2][LIST_BYTES];
    static unsigned turn;
    char *out = text[turn++ % 2];
    struct names_of n = {.set = set};
    int len = 0;

    for (unsigned i = 1; i < set->count; i++)
        assert_true(set->at[i - 1] < set->at[i]);
    db_each_table(db, on_table, &n);
    assert_int_equal(n.count, set->count);
    qsort(n.names, n.count, sizeof *n.names, by_name);
    out[0] = '\0';
    for (unsigned i = 0; i < n.count; i++)
        len += snprintf(out + len, LIST_BYTES - (size_t)len, "%s%s",
                        i ? " " : "", n.names[i]);
    if (set->more)
        snprintf(out + len, LIST_BYTES - (size_t)len, " …");
    return out;
}

/* With its schema, which was made before anybody watched. */
static inline struct db *open_kitchen(const struct scratch *s,
                                      const struct watched *w)
{
    struct db *db = must_open(s->path, DB_CREATE);

    must_run(db, kitchen);
    db_close(db);
    return must_watch(w, s->path, OWN_SLOT);
}

#endif
