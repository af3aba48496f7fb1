#include "kitchen.h"

#include <sys/wait.h>

/* The WAL is checkpointed by somebody else and begun anew; commits count one
 * by one all the same. */
static void test_checkpoints(void **state)
{
    enum { FRAMES = 4000 };
    const struct scratch *s = *state;
    struct watched w = watched_make();
    struct db *db = settled_kitchen(s, &w);
    struct db *other = must_open(s->path, DB_SERVE);
    struct checkpointed c;
    int restarts = 0;

    for (int i = 0; i < 50; i++) {
        uint32_t change = *db->change;
        int frames = db_wal_frames(db);
        assert_int_equal(
            perform(db, i % 2 ? IN_TRANSACTION : ALONE,
                    "INSERT INTO audit WITH RECURSIVE n(i) AS (SELECT 1 UNION"
                    " ALL SELECT i + 1 FROM n LIMIT 250)"
                    " SELECT randomblob(4000) FROM n",
                    NULL),
            DB_DONE);
        assert_int_equal(*db->change - change, 1);
        must_be_known(&w, db);
        restarts += db_wal_frames(db) < frames;
        if (db_wal_frames(db) >= FRAMES)
            assert_int_equal(db_checkpoint(other, CHECKPOINT_PASSIVE, &c),
                             DB_DONE);
        must_be_known(&w, db);
    }
    assert_int_equal(restarts, 3); /* of some 13,000 frames, at 4,000 each */

    uint32_t change = *db->change;
    assert_int_equal(db_checkpoint(other, CHECKPOINT_TRUNCATE, &c), DB_DONE);
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
    db_fold(new_db); /* into the file that is about to move */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
