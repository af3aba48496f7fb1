#include "kitchen.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "worker/db_private.h"

/* What stood before, to be compared. */
struct before {
    uint64_t version[NAMES_MAX];
    uint64_t epoch;
    uint32_t change;
};

static void remember(struct before *b, const struct watched *w,
                     const struct db *db)
{
    for (unsigned i = 0; i < NAMES_MAX; i++)
        b->version[i] = tables_version(w->tables, i);
    b->epoch = tables_epoch(w->tables);
    b->change = db->change ? *db->change : 0;
}

/* Names of the tables that moved since; "*" when all did. */
static const char *moved(const struct before *b, const struct watched *w,
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

static enum db_result end(struct db *db, enum db_result r, bool commits)
{
    if (r == DB_DONE && commits)
        return db_commit(db);
    db_rollback(db);
    return r;
}

static enum db_result run_two(struct db *db, const char *sql, const char *more)
{
    enum db_result r = run_sql(db, sql);

    return r == DB_DONE && more ? run_sql(db, more) : r;
}

/* Reset after its first row: SQLite then commits in sqlite3_reset. */
static enum db_result give_up(struct db *db, const char *sql)
{
    struct stmt *s = must_prepare(db, sql);
    enum db_result r = stmt_step(s);

    stmt_reset(s);
    db_finalize(s);
    return r == DB_ROW ? DB_DONE : r;
}

static enum db_result perform(struct db *db, enum how how, const char *sql,
                              const char *more)
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

static void test_commits(void **state)
{
    static const struct {
        enum how how;
        const char *sql;
        const char *more; /* a second statement, or null */
        const char *moved;
        enum db_result result;
        int commits; /* that the change counter shows */
    } cases[] = {
        {IN_TRANSACTION, "INSERT INTO audit VALUES (1)", NULL, "audit", DB_DONE,
         1},
        {ALONE, "INSERT INTO audit VALUES (1)", NULL, "audit", DB_DONE, 1},
        {ALONE, "INSERT INTO audit VALUES (1) RETURNING what", NULL, "audit",
         DB_DONE, 1},
        {BY_ITSELF, "INSERT INTO audit VALUES (1)", NULL, "audit", DB_DONE, 1},
        {BY_ITSELF, "INSERT INTO audit VALUES (1)", "DELETE FROM totals",
         "audit totals", DB_DONE, 2},
        {GIVEN_UP, "INSERT INTO audit VALUES (1) RETURNING what", NULL, "audit",
         DB_DONE, 1},
        {IN_TRANSACTION, "INSERT INTO chefs VALUES (1, 'a', 1)",
         "INSERT INTO reviews VALUES (1, 1, 'x'), (2, 1, 'y')", "chefs reviews",
         DB_DONE, 1},
        {IN_TRANSACTION, "UPDATE chefs SET name = 'b'", "DELETE FROM chefs",
         "bookings chefs notes reviews totals", DB_DONE, 1},
        {IN_TRANSACTION, "INSERT INTO words VALUES ('a b')", NULL, NULL,
         DB_DONE, 1},
        /* Nothing to write, but that is known only afterwards. */
        {IN_TRANSACTION, "UPDATE chefs SET stars = 2", NULL, "chefs", DB_DONE,
         0},
        {ALONE, "DELETE FROM reviews WHERE id = 99", NULL, "notes reviews",
         DB_DONE, 0},
        /* Nothing was written at all. */
        {IN_TRANSACTION, "SELECT 1", NULL, "", DB_DONE, 0},
        {IN_TRANSACTION, "SELECT count(*) FROM chefs", NULL, "", DB_DONE, 0},
        {ROLLED_BACK, "INSERT INTO audit VALUES (1)", NULL, "", DB_DONE, 0},
        {ROLLED_BACK, "CREATE TABLE x(a)", NULL, "", DB_DONE, 0},
        /* Failures: of the statement, and of the commit. */
        {IN_TRANSACTION, "INSERT INTO one VALUES (1), (1)", NULL, "", DB_UNIQUE,
         0},
        {ALONE, "INSERT INTO one VALUES (1), (1)", NULL, "", DB_UNIQUE, 0},
        {BY_ITSELF, "INSERT INTO one VALUES (1), (1)", NULL, "", DB_UNIQUE, 0},
        {IN_TRANSACTION, "INSERT INTO two VALUES (7)", NULL, "", DB_FOREIGN, 0},
        {ALONE, "INSERT INTO two VALUES (7)", NULL, "", DB_FOREIGN, 0},
        /* And after them all is as before. */
        {IN_TRANSACTION, "INSERT INTO one VALUES (1)", NULL, "one", DB_DONE, 1},
        {ALONE, "INSERT INTO two VALUES (1)", NULL, "two", DB_DONE, 1},
        {IN_TRANSACTION, "CREATE TABLE later(a)", NULL, "*", DB_DONE, 1},
        {BY_ITSELF, "DROP TABLE later", NULL, "*", DB_DONE, 1},
        {IN_TRANSACTION, "CREATE TEMP TABLE own(a)", NULL, "*", DB_DONE, 0},
        {IN_TRANSACTION, "INSERT INTO own VALUES (1)", NULL, "own", DB_DONE, 0},
    };
    struct watched w = watched_make();
    struct db *db = open_kitchen(*state, &w);
    static struct before before;

    assert_true(db_current(db) || db_current(db)); /* the first look counts */
    uint64_t strangers = tables_strangers(w.tables);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *sql = cases[i].sql;
        remember(&before, &w, db);
        enum db_result r = perform(db, cases[i].how, sql, cases[i].more);
        if (r != cases[i].result)
            fail_msg("%zu %s: %s: %s", i, sql, db_result_name(r),
                     db_message(db));
        const char *seen = moved(&before, &w, db);
        if (cases[i].moved && strcmp(seen, cases[i].moved) != 0)
            fail_msg("%zu %s: [%s] moved", i, sql, seen);
        if (*db->change - before.change != (uint32_t)cases[i].commits)
            fail_msg("%zu %s: counter from %u to %u", i, sql, before.change,
                     *db->change);
        if (!db_current(db))
            fail_msg("%zu %s: not current", i, sql);
        must_be_still(&w);
    }
    assert_true(tables_strangers(w.tables) == strangers);
    db_close(db);
    watched_free(&w);
}

/* No file may grow beyond its present size; 0: as far as before. */
static void limit_files(rlim_t bytes)
{
    struct rlimit r;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = bytes ? bytes : r.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* The commit was announced, and then its frames could not be written. */
static void test_unwritable_frames(void **state)
{
    static const char write[] = "INSERT INTO audit VALUES (randomblob(9000))";
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = open_kitchen(s, &w);
    struct stmt *alone = must_prepare(db, write);
    static struct before before;
    struct stat wal;

    assert_int_equal(perform(db, ALONE, write, NULL), DB_DONE);
    assert_int_equal(stat(scratch_name(s, "a.db-wal"), &wal), 0);
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run_sql(db, write), DB_DONE);
    remember(&before, &w, db);
    limit_files((rlim_t)wal.st_size);
    enum db_result committed = db_commit(db);
    must_be_still(&w);
    enum db_result begun = db_begin_alone(db);
    enum db_result ran = run(alone);
    limit_files(0);
    assert_int_equal(committed, DB_ERROR);
    assert_int_equal(begun, DB_DONE);
    assert_int_equal(ran, DB_ERROR);
    assert_string_equal(moved(&before, &w, db), "audit");
    assert_int_equal(*db->change - before.change, 0);
    must_be_still(&w);

    assert_true(db_ready(db, 10000)); /* opens it anew */
    assert_true(db_current(db));
    assert_int_equal(one_int(db, "SELECT count(*) FROM audit"), 1);
    assert_int_equal(perform(db, ALONE, write, NULL), DB_DONE);
    assert_true(db_current(db));
    db_close(db);
    watched_free(&w);
}

/* ---- the change counter ---- */

static void must_be_known(const struct watched *w, struct db *db)
{
    uint64_t strangers = tables_strangers(w->tables);

    assert_true(db_current(db));
    assert_true(tables_strangers(w->tables) == strangers);
}

/* A base for the counter: the first look ever finds none. */
static struct db *settled_kitchen(const struct scratch *s,
                                  const struct watched *w)
{
    struct db *db = open_kitchen(s, w);

    assert_true(db_current(db));
    return db;
}

/* The WAL is checkpointed and begun anew; commits count one by one all the
 * same. */
static void test_checkpoints(void **state)
{
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = settled_kitchen(s, &w);
    struct db *other = must_open(s->path, DB_SERVE);
    int restarts = 0;

    for (int i = 0; i < 50; i++) {
        uint32_t change = *db->change;
        int frames = db->frames;
        assert_int_equal(
            perform(db, i % 2 ? IN_TRANSACTION : ALONE,
                    "INSERT INTO audit WITH RECURSIVE n(i) AS (SELECT 1 UNION"
                    " ALL SELECT i + 1 FROM n LIMIT 250)"
                    " SELECT randomblob(4000) FROM n",
                    NULL),
            DB_DONE);
        assert_int_equal(*db->change - change, 1);
        must_be_known(&w, db);
        restarts += db->frames < frames;
    }
    assert_int_equal(restarts, 3); /* of some 13,000 frames, at 4,000 each */

    uint32_t change = *db->change;
    must_run(other, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_int_equal(*db->change, change);
    must_be_known(&w, db);
    must_be_still(&w);
    db_close(other);
    db_close(db);
    watched_free(&w);
}

/* Each is noticed once, and moves everything. */
static void must_be_noticed(const struct watched *w, struct db *db)
{
    uint64_t strangers = tables_strangers(w->tables);
    uint64_t epoch = tables_epoch(w->tables);

    assert_false(db_current(db));
    assert_true(tables_epoch(w->tables) > epoch);
    assert_true(tables_strangers(w->tables) == strangers + 1);
    assert_true(db_current(db));
}

static void test_strangers(void **state)
{
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = settled_kitchen(s, &w);
    struct db *stranger = must_open(s->path, DB_SERVE);
    char command[256];

    must_run(stranger, "INSERT INTO audit VALUES (1)");
    must_be_noticed(&w, db);
    must_run(stranger, "UPDATE audit SET what = 2; DELETE FROM audit;");
    must_be_noticed(&w, db);

    /* Between two of ours. */
    assert_int_equal(perform(db, ALONE, "INSERT INTO audit VALUES (3)", NULL),
                     DB_DONE);
    must_run(stranger, "INSERT INTO audit VALUES (4)");
    assert_int_equal(perform(db, ALONE, "INSERT INTO audit VALUES (5)", NULL),
                     DB_DONE);
    assert_true(tables_strangers(w.tables) == 3); /* by the commit itself */
    must_be_known(&w, db);

    snprintf(command, sizeof command,
             "sqlite3 %s 'INSERT INTO audit VALUES (6)'", s->path);
    assert_int_equal(system(command), 0);
    must_be_noticed(&w, db);

    /* What changes nothing is not noticed. */
    must_run(stranger, "DELETE FROM audit WHERE what = 99;"
                       "SELECT count(*) FROM chefs;"
                       "PRAGMA wal_checkpoint(PASSIVE);");
    assert_int_equal(perform(stranger, ROLLED_BACK, "DELETE FROM audit", NULL),
                     DB_DONE);
    must_be_known(&w, db);
    db_close(stranger);
    must_be_known(&w, db);
    db_close(db);
    watched_free(&w);
}

static void test_colleagues(void **state)
{
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = settled_kitchen(s, &w);
    struct db *colleague = must_watch(&w, s->path, OTHER_SLOT);
    static struct before before;

    remember(&before, &w, db);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            perform(colleague, IN_TRANSACTION, "DELETE FROM reviews", NULL),
            DB_DONE);
        assert_int_equal(
            perform(db, ALONE, "INSERT INTO reviews(text) VALUES ('x')", NULL),
            DB_DONE);
        must_be_known(&w, db);
        must_be_known(&w, colleague);
    }
    assert_string_equal(moved(&before, &w, colleague), "notes reviews");
    assert_true(db_identity(db) == db_identity(colleague));
    db_close(colleague);
    db_close(db);
    watched_free(&w);
}

enum { CHILDREN = 3, COMMITS = 150 };

static void write_many(const struct watched *w, const char *path, unsigned slot)
{
    struct db *db = must_watch(w, path, slot);
    struct stmt *s = must_prepare(db, "UPDATE totals SET n = n + 1");
    struct stmt *grow = must_prepare(db, "INSERT INTO audit VALUES (1)");

    for (int i = 0; i < COMMITS; i++) {
        if (db_begin_write(db) != DB_DONE || run(s) != DB_DONE ||
            db_commit(db) != DB_DONE || db_begin_alone(db) != DB_DONE ||
            run(grow) != DB_DONE)
            _exit(1);
    }
    db_close(db);
    _exit(0);
}

/* Not one of their commits passes for a stranger's, and nobody who finds the
 * version of before reads the rows of before after seeing a newer one. */
static void test_processes(void **state)
{
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = settled_kitchen(s, &w);
    int running = CHILDREN;
    int64_t last = 0;
    uint64_t last_version = 0;

    must_run(db, "INSERT INTO totals VALUES (1, 0)");
    db_close(db); /* a handle must not cross the fork */
    for (unsigned i = 0; i < CHILDREN; i++)
        if (fork() == 0)
            write_many(&w, s->path, 10 + i);
    db = must_watch(&w, s->path, OWN_SLOT);
    struct stmt *read = must_prepare(db, "SELECT n FROM totals");
    unsigned table = watched_number(&w, "totals");
    uint64_t strangers = tables_strangers(w.tables);
    while (running > 0) {
        uint64_t version;
        int status = 0;
        assert_true(db_current(db));
        assert_int_equal(db_begin_read(db), DB_DONE);
        int64_t n = run_int(read);
        if (tables_unmoved(w.tables, db_moment(db), table, &version)) {
            assert_true(version != last_version || n == last);
            last_version = version;
            last = n;
        }
        if (waitpid(-1, &status, WNOHANG) > 0) {
            assert_int_equal(status, 0);
            running--;
        }
    }
    assert_int_equal(run_int(read), CHILDREN * COMMITS);
    assert_true(tables_strangers(w.tables) == strangers);
    must_be_still(&w);
    db_close(db);
    watched_free(&w);
}

/* ---- schemas and files that change ---- */

static void test_later_trigger(void **state)
{
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = settled_kitchen(s, &w);
    struct db *stranger = must_open(s->path, DB_SERVE);
    struct stmt *write = must_prepare(db, "INSERT INTO totals VALUES (?1, 0)");
    struct stmt *read = must_prepare(db, "SELECT count(*) FROM dated");
    static struct before before;

    assert_string_equal(list(db, stmt_writes(write)), "totals");
    assert_string_equal(list(db, stmt_reads(read)), "audit");
    must_run(stranger, "CREATE TRIGGER later AFTER INSERT ON totals BEGIN"
                       " INSERT INTO bookings(id) VALUES (NULL); END;"
                       "DROP VIEW dated;"
                       "CREATE VIEW dated AS SELECT 1 FROM reviews;");
    must_be_noticed(&w, db);

    /* The first run is prepared again in its midst. */
    remember(&before, &w, db);
    assert_int_equal(db_begin_alone(db), DB_DONE);
    stmt_bind_int(write, 1, 1);
    assert_int_equal(run(write), DB_DONE);
    assert_string_equal(moved(&before, &w, db), "bookings totals");
    assert_string_equal(list(db, stmt_writes(write)), "bookings totals");
    assert_int_equal(run_int(read), 0);
    assert_string_equal(list(db, stmt_reads(read)), "audit reviews");

    /* And the same inside a transaction, by a migration of our own. */
    remember(&before, &w, db);
    must_run(db, "CREATE TRIGGER still_later AFTER INSERT ON totals BEGIN"
                 " DELETE FROM one; END;");
    assert_string_equal(moved(&before, &w, db), "*");
    remember(&before, &w, db);
    assert_int_equal(db_begin_write(db), DB_DONE);
    stmt_bind_int(write, 1, 2);
    assert_int_equal(run(write), DB_DONE);
    assert_int_equal(db_commit(db), DB_DONE);
    assert_string_equal(moved(&before, &w, db), "bookings one totals");
    must_be_known(&w, db);
    db_close(stranger);
    db_close(db);
    watched_free(&w);
}

static void test_replaced_file(void **state)
{
    const struct scratch *s = *state;
    const char *new_path = scratch_name(s, "new.db");
    struct watched w = watched_make();
    struct db *db = settled_kitchen(s, &w);
    struct stmt *read = must_prepare(db, "SELECT count(*) FROM audit");
    struct db *new_db = must_open(new_path, DB_CREATE);
    uint64_t identity = db_identity(db);

    must_run(new_db, kitchen);
    must_run(new_db, "INSERT INTO audit VALUES (1)");
    db_close(new_db);
    assert_int_equal(run_int(read), 0);
    assert_int_equal(rename(new_path, s->path), 0);
    uint64_t epoch = tables_epoch(w.tables);
    assert_true(db_ready(db, 10000));
    assert_true(tables_epoch(w.tables) > epoch);
    assert_true(db_identity(db) != identity);
    must_be_known(&w, db);
    assert_int_equal(run_int(read), 1);
    assert_string_equal(list(db, stmt_reads(read)), "audit");
    assert_int_equal(perform(db, ALONE, "INSERT INTO audit VALUES (2)", NULL),
                     DB_DONE);
    must_be_known(&w, db);

    /* Gone: nothing may be shown any more. */
    assert_int_equal(unlink(s->path), 0);
    assert_false(db_ready(db, 20000));
    assert_false(db_current(db));
    db_close(db);
    watched_free(&w);
}

static void test_without_index(void **state)
{
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *one = must_watch(&w, ":memory:", OWN_SLOT);
    struct db *two = must_watch(&w, ":memory:", OTHER_SLOT);
    struct moment m;
    uint64_t version;

    must_run(one, "CREATE TABLE t(a)");
    tables_moment(w.tables, &m);
    assert_int_equal(perform(one, ALONE, "INSERT INTO t VALUES (1)", NULL),
                     DB_DONE);
    assert_false(
        tables_unmoved(w.tables, &m, watched_number(&w, "t"), &version));
    assert_true(db_current(one) && db_current(two));
    assert_true(db_identity(one) != db_identity(two));
    must_be_still(&w);
    db_close(two);
    db_close(one);

    must_run(one = must_open(s->path, DB_CREATE), "CREATE TABLE t(a)");
    struct db *reader = must_open(s->path, DB_READONLY_MODE);
    db_watch(reader, w.names, w.tables, OWN_SLOT);
    assert_true(db_current(reader));
    db_close(reader);
    db_close(one);
    watched_free(&w);
}

/* ---- moments ---- */

static bool unmoved(const struct watched *w, const struct db *db,
                    const char *table)
{
    uint64_t version;

    return tables_unmoved(w->tables, db_moment(db), watched_number(w, table),
                          &version);
}

static void test_moments(void **state)
{
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = settled_kitchen(s, &w);
    struct db *colleague = must_watch(&w, s->path, OTHER_SLOT);
    static const char write[] = "INSERT INTO audit VALUES (1)";

    /* Without sharing each call is a new one. */
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_true(unmoved(&w, db, "audit"));
    assert_int_equal(perform(colleague, ALONE, write, NULL), DB_DONE);
    assert_false(unmoved(&w, db, "audit"));
    assert_true(unmoved(&w, db, "chefs"));
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_true(unmoved(&w, db, "audit"));

    /* That of a shared snapshot stays as long as it does. */
    db_share_reads(db);
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_int_equal(one_int(db, "SELECT count(*) FROM audit"), 1);
    assert_int_equal(perform(colleague, ALONE, write, NULL), DB_DONE);
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_int_equal(one_int(db, "SELECT count(*) FROM audit"), 1);
    assert_false(unmoved(&w, db, "audit"));
    db_unshare(db);
    assert_int_equal(db_begin_read(db), DB_DONE);
    assert_true(unmoved(&w, db, "audit"));

    /* A write has its own, from before its transaction. */
    assert_int_equal(perform(colleague, ALONE, write, NULL), DB_DONE);
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_true(unmoved(&w, db, "audit"));
    assert_true(db_is_writing(db));
    assert_int_equal(run_sql(db, write), DB_DONE);
    assert_int_equal(db_commit(db), DB_DONE);
    assert_false(db_is_writing(db));
    assert_false(unmoved(&w, db, "audit"));
    assert_int_equal(db_begin_alone(db), DB_DONE);
    assert_true(unmoved(&w, db, "audit"));
    assert_int_equal(run_sql(db, write), DB_DONE);
    db_close(colleague);
    db_close(db);
    watched_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commits, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_unwritable_frames, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_checkpoints, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_strangers, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_colleagues, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_processes, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_later_trigger, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_replaced_file, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_without_index, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_moments, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
