/*
 * The power fails at any write or sync. What was synced is left, and of what
 * was not any 512-byte sectors: in none of it a transaction is torn, none that
 * was answered for (db_sync) is missing, and none is there before the one that
 * went before it.
 */
#include "power.h"

enum {
    SEEDS = 200,
    STEPS = 40,
    OPERATIONS = 600, /* in which the power fails; some runs have fewer */
};

/* ---- a life ---- */

/*
 * Each transaction tells how many rows it adds, and puts its stamp on those of
 * one before it: so a page of another moment shows.
 */
static const char schema[] =
    "CREATE TABLE told(tx INTEGER PRIMARY KEY, rows, stamp);"
    "CREATE TABLE rows(tx, stamp, filler);"
    "CREATE INDEX rows_of ON rows(tx, stamp);"
    "CREATE TABLE last(tx); INSERT INTO last VALUES (0);";

struct life {
    struct db *writer;
    struct db *keeper; /* syncs and checkpoints */
    struct db *reader;
    bool reading;
    struct stmt *add, *tell, *stamp_rows, *stamp, *count;
    int64_t begun;  /* transactions */
    int64_t synced; /* of them, answered for */
};

static void prepare(struct life *l)
{
    l->add = must_prepare(l->writer, "INSERT INTO rows VALUES (?1, ?1,"
                                     " printf('%.*c', ?2, char(65 + ?1)))");
    l->tell = must_prepare(l->writer, "INSERT INTO told VALUES (?1, ?2, ?1)");
    l->stamp_rows =
        must_prepare(l->writer, "UPDATE rows SET stamp = ?1 WHERE tx = ?2");
    l->stamp =
        must_prepare(l->writer, "UPDATE told SET stamp = ?1 WHERE tx = ?2");
    l->count = must_prepare(l->writer, "UPDATE last SET tx = ?1");
}

static void run_with(struct stmt *s, int64_t one, int64_t two)
{
    stmt_bind_int(s, 1, one);
    if (stmt_param_count(s) > 1)
        stmt_bind_int(s, 2, two);
    assert_int_equal(run(s), DB_DONE);
}

/* Its rows that stay. */
static int request(struct life *l)
{
    int rows = 1 + (int)pick(3);

    assert_int_equal(db_savepoint(l->writer), DB_DONE);
    for (int i = 0; i < rows; i++)
        run_with(l->add, l->begun, pick(2) ? pick(6000) : pick(100));
    if (pick(4) == 0) {
        assert_true(db_undo(l->writer));
        return 0;
    }
    assert_int_equal(db_release(l->writer), DB_DONE);
    return rows;
}

static void transact(struct life *l)
{
    int rows = 0;

    l->begun++;
    assert_int_equal(db_begin_write(l->writer), DB_DONE);
    for (unsigned requests = 1 + pick(4); requests > 0; requests--)
        rows += request(l);
    run_with(l->tell, l->begun, rows);
    int64_t earlier = 1 + pick((unsigned)l->begun);
    run_with(l->stamp_rows, l->begun, earlier);
    run_with(l->stamp, l->begun, earlier);
    run_with(l->count, l->begun, 0);
    assert_int_equal(db_commit(l->writer), DB_DONE);
}

static void sync_all(struct life *l)
{
    assert_true(db_sync(pick(2) ? l->writer : l->keeper));
    if (!power.failed)
        l->synced = l->begun;
}

/* While the reader reads, some do not come to their end. */
static void checkpoint(struct life *l)
{
    static const enum checkpoint modes[] = {
        CHECKPOINT_PASSIVE, CHECKPOINT_RESTART, CHECKPOINT_TRUNCATE};
    struct checkpointed c;
    enum db_result r = db_checkpoint(l->keeper, modes[pick(3)], &c);

    assert_true(r == DB_DONE || (r == DB_BUSY && l->reading));
}

static void begin_or_end_reading(struct life *l)
{
    l->reading = !l->reading;
    if (!l->reading) {
        db_unshare(l->reader);
        return;
    }
    db_share_reads(l->reader);
    assert_int_equal(db_begin_read(l->reader), DB_DONE);
    assert_true(one_int(l->reader, "SELECT tx FROM last") == l->begun);
}

static void live(struct life *l)
{
    for (int i = 0; i < STEPS && !power.failed; i++) {
        unsigned what = pick(20);
        if (what < 11)
            transact(l);
        else if (what < 15)
            sync_all(l);
        else if (what < 18)
            checkpoint(l);
        else
            begin_or_end_reading(l);
    }
    if (!power.failed)
        fail_power();
}

/* ---- and what is found after it ---- */

static void must_be(struct db *db, const char *sql, int64_t expected,
                    unsigned seed)
{
    int64_t found = one_int(db, sql);

    if (found != expected)
        fail_msg("seed %u: %s: %d, not %d", seed, sql, (int)found,
                 (int)expected);
}

static void inspect(const struct scratch *s, const struct life *l,
                    unsigned seed)
{
    struct db *db = must_open(scratch_name(s, "left.db"), DB_SERVE);
    int64_t last = one_int(db, "SELECT tx FROM last");

    if (last < l->synced || last > l->begun)
        fail_msg("seed %u: %d transactions of %d, %d of them synced", seed,
                 (int)last, (int)l->begun, (int)l->synced);
    must_be(db,
            "SELECT count(*) FROM pragma_integrity_check"
            " WHERE integrity_check = 'ok'",
            1, seed);
    must_be(db, "SELECT count(*) FROM told", last, seed);
    must_be(db, "SELECT coalesce(max(tx), 0) FROM told", last, seed);
    must_be(db,
            "SELECT count(*) FROM told t WHERE rows != (SELECT count(*)"
            " FROM rows r WHERE r.tx = t.tx AND r.stamp = t.stamp"
            " AND (filler = '' OR unicode(filler) = 65 + t.tx))",
            0, seed);
    must_be(db,
            "SELECT (SELECT count(*) FROM rows)"
            " - (SELECT coalesce(sum(rows), 0) FROM told)",
            0, seed);
    db_close(db);
}

static void remove_all(const struct scratch *s, const char *name)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[192];

    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s%s", s->dir, name, ends[i]);
        unlink(path);
    }
}

/* The database at its beginning, all of it synced. */
static struct bytes make_first(const struct scratch *s)
{
    struct db *db = must_open(s->path, DB_CREATE);

    must_run(db, schema);
    db_fold(db);
    db_close(db);
    FILE *f = fopen(s->path, "r");
    char bytes[65536];
    assert_non_null(f);
    size_t size = fread(bytes, 1, sizeof bytes, f);
    assert_true(size > 0 && size < sizeof bytes);
    fclose(f);
    return copy_of(bytes, size);
}

static void set_out(const struct scratch *s, const struct bytes *first,
                    unsigned seed)
{
    chance = (seed + 1) * 0x9E3779B97F4A7C15U;
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, (int)seed + 1, NULL);
    power.fails_at = 1 + pick(OPERATIONS);
    remove_all(s, "a.db");
    remove_all(s, "left.db");
    power_on(s, first);
}

static void come_home(struct life *l)
{
    db_close(l->reader);
    db_close(l->keeper);
    db_close(l->writer);
    power_off();
}

static void test_power(void **state)
{
    const struct scratch *s = *state;
    struct bytes first = make_first(s);
    unsigned lost = 0;

    for (unsigned seed = 0; seed < SEEDS; seed++) {
        set_out(s, &first, seed);
        struct life l = {.writer = must_open(s->path, DB_SERVE),
                         .keeper = must_open(s->path, DB_SERVE),
                         .reader = must_open(s->path, DB_SERVE)};
        db_patience(l.keeper, 0);
        prepare(&l);
        live(&l);
        come_home(&l);
        inspect(s, &l, seed);
        lost += l.synced < l.begun;
    }
    drop(&first);
    assert_true(lost > SEEDS / 2); /* else it happens at no bad time */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_power, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
