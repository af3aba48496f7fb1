#include "grown.h"

/* ---- syncs -------------------------------------------------------------- */

static void test_commits_are_bare(void **state)
{
    struct db *db = open_grown(*state);

    for (int i = 0; i < 25; i++)
        grow(db, 200);
    must_run(db, "DELETE FROM t WHERE rowid < 100");
    assert_true(db_wal_frames(db) > 5000);
    assert_true(disk.writes[DISK_WAL] > 5000);
    assert_int_equal(disk.writes[DISK_DATABASE], 0);
    assert_int_equal(disk.syncs[DISK_DATABASE], 0);
    assert_int_equal(disk.syncs[DISK_WAL], 0);
    db_close(db);
}

static void test_sync(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_grown(s);
    struct db *other = must_open(s->path, DB_SERVE);
    struct db *memory = must_open(":memory:", DB_CREATE);

    disk_count_anew();
    grow(db, 1);
    assert_int_equal(disk.syncs[DISK_WAL], 0);
    assert_true(db_sync(db));
    assert_int_equal(disk.syncs[DISK_WAL], 1);
    assert_true(db_sync(other)); /* whoever wrote */
    assert_int_equal(disk.syncs[DISK_WAL], 2);
    assert_true(db_sync(memory));
    assert_int_equal(disk.syncs[DISK_WAL], 2);
    assert_int_equal(disk.syncs[DISK_DATABASE], 0);
    db_close(memory);
    db_close(other);
    db_close(db);
}

/* Whatever the system says of the next one, this one's pages may be lost. */
static void test_sync_fails(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_grown(s);
    struct checkpointed c;

    disk.refuse_sync[DISK_WAL] = SQLITE_IOERR_FSYNC;
    assert_false(db_sync(db));
    assert_string_equal(db_message(db), "syncing the WAL: Input/output error");
    disk.refuse_sync[DISK_WAL] = 0;
    disk_count_anew();
    assert_false(db_sync(db));
    assert_non_null(strstr(db_message(db), "has failed before"));
    assert_int_equal(db_checkpoint(db, CHECKPOINT_PASSIVE, &c), DB_ERROR);
    assert_int_equal(disk.writes[DISK_DATABASE], 0);

    /* The same file opened anew is still that one; another is not. */
    db_suspect(db);
    assert_true(db_ready(db, 10000));
    assert_false(db_sync(db));
    make_database(scratch_name(s, "new.db"));
    assert_int_equal(rename(scratch_name(s, "new.db"), s->path), 0);
    assert_true(db_ready(db, 20000));
    grow(db, 1);
    assert_true(db_sync(db));
    assert_int_equal(db_checkpoint(db, CHECKPOINT_PASSIVE, &c), DB_DONE);
    db_close(db);
}

/* SQLite syncs in these too: the WAL before it copies, the database after;
 * and the header of a WAL that is begun anew, in the commit that does it. */
static void test_syncs_of_others_fail(void **state)
{
    const struct scratch *s = *state;
    struct checkpointed c;

    for (enum disk_part part = DISK_DATABASE; part <= DISK_WAL; part++) {
        struct db *db = open_grown(s);
        disk.refuse_sync[part] = SQLITE_IOERR_FSYNC;
        assert_int_equal(db_checkpoint(db, CHECKPOINT_PASSIVE, &c), DB_ERROR);
        disk.refuse_sync[part] = 0;
        assert_false(db_sync(db));
        assert_true(db_ready(db, 10000)); /* opened anew */
        assert_false(db_sync(db));
        assert_int_equal(rows(db), 1);
        db_fold(db);
        db_close(db);
        assert_int_equal(unlink(s->path), 0);
    }
    struct db *db = open_grown(s);
    assert_int_equal(db_checkpoint(db, CHECKPOINT_RESTART, &c), DB_DONE);
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run_sql(db, "INSERT INTO t VALUES (1)"), DB_DONE);
    disk.refuse_sync[DISK_WAL] = SQLITE_IOERR_FSYNC;
    assert_int_equal(db_commit(db), DB_ERROR);
    disk.refuse_sync[DISK_WAL] = 0;
    assert_false(db_sync(db));
    assert_int_equal(rows(db), 1);
    db_close(db);
}

/* ---- closing ------------------------------------------------------------ */

static void test_close_keeps(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_grown(s);

    grow(db, 10);
    db_close(db);
    assert_int_equal(disk.writes[DISK_DATABASE], 0);
    assert_true(size_of(scratch_name(s, "a.db-wal")) > 10 * (off_t)4096);
    db = must_open(s->path, DB_SERVE);
    assert_int_equal(rows(db), 11);
    grow(db, 1);
    db_close(db);
    db = must_open(s->path, DB_READONLY_MODE);
    assert_int_equal(rows(db), 12);
    db_close(db);
    assert_int_equal(disk.writes[DISK_DATABASE], 0);
}

static void test_fold(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_grown(s);
    struct db *last = must_open(s->path, DB_SERVE);
    struct checkpointed c;

    db_fold(db);
    db_close(db); /* not the last */
    assert_true(size_of(scratch_name(s, "a.db-wal")) > 0);
    assert_int_equal(disk.writes[DISK_DATABASE], 0);

    /* It holds for the file opened anew as well. */
    db_fold(last);
    disk.refuse_write[DISK_DATABASE] = SQLITE_IOERR_WRITE;
    assert_int_equal(db_checkpoint(last, CHECKPOINT_PASSIVE, &c), DB_ERROR);
    disk.refuse_write[DISK_DATABASE] = 0;
    assert_true(db_ready(last, 10000));
    grow(last, 1);
    db_close(last);
    assert_int_equal(size_of(scratch_name(s, "a.db-wal")), -1);
    assert_int_equal(size_of(scratch_name(s, "a.db-shm")), -1);
    last = must_open(s->path, DB_SERVE);
    assert_int_equal(rows(last), 2);
    db_close(last);
}

/* What is in the WAL belongs into the former file, whatever its name is now. */
static void test_fold_of_replaced(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_grown(s);

    make_database(scratch_name(s, "new.db"));
    assert_int_equal(rename(s->path, scratch_name(s, "old.db")), 0);
    assert_int_equal(rename(scratch_name(s, "new.db"), s->path), 0);
    db_fold(db);
    disk_count_anew();
    db_close(db);
    assert_true(disk.writes[DISK_DATABASE] > 0);
    assert_int_equal(size_of(scratch_name(s, "a.db-wal")), -1);
    db = must_open(scratch_name(s, "old.db"), DB_SERVE);
    assert_int_equal(rows(db), 1);
    db_close(db);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, plug_in, pull_out)
    const struct CMUnitTest tests[] = {
        TEST(test_commits_are_bare), TEST(test_sync),
        TEST(test_sync_fails),       TEST(test_syncs_of_others_fail),
        TEST(test_close_keeps),      TEST(test_fold),
        TEST(test_fold_of_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
