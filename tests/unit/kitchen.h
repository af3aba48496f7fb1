/*
 * kitchen: a schema with all that makes one statement touch several tables,
 * sets of tables in words, and ways to write.
 */
#ifndef PRONG_TEST_KITCHEN_H
#define PRONG_TEST_KITCHEN_H

#include "watched.h"

#include "worker/db/db_private.h"

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

/* ---- writing ---- */

/* What stood before, to be compared. */
struct before {
    uint64_t version[NAMES_MAX];
    uint64_t epoch;
    uint32_t change;
};

static inline void remember(struct before *b, const struct watched *w,
                            const struct db *db)
{
    for (unsigned i = 0; i < NAMES_MAX; i++)
        b->version[i] = tables_version(w->tables, i);
    b->epoch = tables_epoch(w->tables);
    b->change = db->change ? *db->change : 0;
}

/* Names of the tables that moved since; "*" when all did. */
static inline const char *moved(const struct before *b, const struct watched *w,
                                const struct db *db)
{
    struct table_set set = {.count = 0};

    if (tables_epoch(w->tables) != b->epoch)
        return "*";
    for (unsigned i = 0; i < NAMES_MAX; i++)
        if (tables_version(w->tables, i) != b->version[i])
            db_set_add(&set, i);
    return list(db, &set);
}

enum how { IN_TRANSACTION, ALONE, BY_ITSELF, GIVEN_UP, ROLLED_BACK };

static inline enum db_result end(struct db *db, enum db_result r, bool commits)
{
    if (r == DB_DONE && commits)
        return db_commit(db);
    db_rollback(db);
    return r;
}

static inline enum db_result run_two(struct db *db, const char *sql,
                                     const char *more)
{
    enum db_result r = run_sql(db, sql);

    return r == DB_DONE && more ? run_sql(db, more) : r;
}

/* Reset after its first row: SQLite then commits in sqlite3_reset. */
static inline enum db_result give_up(struct db *db, const char *sql)
{
    struct stmt *s = must_prepare(db, sql);
    enum db_result r = stmt_step(s);

    stmt_reset(s);
    assert_false(db->announced);
    db_finalize(s);
    return r == DB_ROW ? DB_DONE : r;
}

static inline enum db_result perform(struct db *db, enum how how,
                                     const char *sql, const char *more)
{
    if (how == BY_ITSELF)
        return run_two(db, sql, more);
    if (how == GIVEN_UP)
        return give_up(db, sql);
    if (how == ALONE) {
        assert_int_equal(db_begin_alone(db), DB_DONE);
        return run_sql(db, sql);
    }
    assert_int_equal(db_begin_write(db), DB_DONE);
    return end(db, run_two(db, sql, more), how != ROLLED_BACK);
}

static inline void must_be_known(const struct watched *w, struct db *db)
{
    uint64_t strangers = tables_strangers(w->tables);

    assert_true(db_current(db));
    assert_true(tables_strangers(w->tables) == strangers);
}

/* A base for the counter: the first look ever finds none. */
static inline struct db *settled_kitchen(const struct scratch *s,
                                         const struct watched *w)
{
    struct db *db = open_kitchen(s, w);

    assert_true(db_current(db));
    return db;
}

#endif
