#include "disk.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Each adds a little more than `pages` frames to the WAL. */
static void grow(struct db *db, int pages)
{
    struct stmt *s = must_prepare(
        db, "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
            " SELECT i + 1 FROM n LIMIT ?1) SELECT zeroblob(4000) FROM n");

    stmt_bind_int(s, 1, pages);
    assert_int_equal(db_begin_write(db), DB_DONE);
    assert_int_equal(run(s), DB_DONE);
    assert_int_equal(db_commit(db), DB_DONE);
    db_finalize(s);
}

static int64_t rows(struct db *db)
{
    return one_int(db, "SELECT count(*) FROM t");
}

/* Its file holds an empty table, and there is no WAL. */
static void make_database(const char *path)
{
    struct db *db = must_open(path, DB_CREATE);

    must_run(db, "CREATE TABLE t(v)");
    db_fold(db);
    db_close(db);
}

/* Through the disk; the WAL's header was synced, as each new one is. */
static struct db *open_grown(const struct scratch *s)
{
    make_database(s->path);
    struct db *db = must_open(s->path, DB_SERVE);
    grow(db, 1);
    disk_count_anew();
    return db;
}

static off_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : -1;
}

static int plug_in(void **state)
{
    int failed = scratch_make(state);

    disk_insert();
    return failed;
}

static int pull_out(void **state)
{
    disk_remove();
    return scratch_remove(state);
}

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

/* ---- checkpoints -------------------------------------------------------- */

static void test_passive(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_grown(s);
    struct db *reader = must_open(s->path, DB_SERVE);
    struct checkpointed c;

    grow(db, 10);
    db_share_reads(reader);
    assert_int_equal(db_begin_read(reader), DB_DONE);
    assert_int_equal(rows(reader), 11);
    int seen = db_wal_frames(db);
    grow(db, 10);
    assert_true(seen >= 10 && db_wal_frames(db) >= seen + 10);

    disk_count_anew();
    db_patience(db, 60000); /* is of no matter */
    assert_int_equal(db_checkpoint(db, CHECKPOINT_PASSIVE, &c), DB_DONE);
    assert_int_equal(c.frames, db_wal_frames(db));
    assert_int_equal(c.copied, seen);
    assert_int_equal(disk.syncs[DISK_WAL], 1);
    assert_int_equal(rows(reader), 11);
    db_unshare(reader);
    assert_int_equal(db_checkpoint(db, CHECKPOINT_PASSIVE, &c), DB_DONE);
    assert_int_equal(c.copied, c.frames);
    assert_int_equal(c.frames, db_wal_frames(db));
    assert_int_equal(disk.syncs[DISK_DATABASE], 1);
    assert_int_equal(rows(reader), 21);
    assert_true(size_of(s->path) > 21 * (off_t)4096);
    assert_true(db_waited_ns(db) == 0);
    db_close(reader);
    db_close(db);
}

static void test_restart(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_grown(s);
    struct db *other = must_open(s->path, DB_SERVE);
    struct checkpointed c;

    grow(db, 100);
    int before = db_wal_frames(db);
    db_patience(db, 0);
    db_share_reads(other);
    assert_int_equal(db_begin_read(other), DB_DONE);
    assert_int_equal(rows(other), 101);
    assert_int_equal(db_checkpoint(db, CHECKPOINT_RESTART, &c), DB_BUSY);
    assert_int_equal(c.frames, before);
    assert_int_equal(c.copied, before); /* but one reads them in the WAL */
    db_unshare(other);

    assert_int_equal(db_begin_write(other), DB_DONE);
    assert_int_equal(db_checkpoint(db, CHECKPOINT_RESTART, &c), DB_BUSY);
    db_rollback(other);
    assert_true(db_waited_ns(db) == 0);

    assert_int_equal(db_checkpoint(db, CHECKPOINT_RESTART, &c), DB_DONE);
    assert_int_equal(c.copied, c.frames);
    grow(db, 1);
    assert_true(db_wal_frames(db) < 10);
    assert_true(size_of(scratch_name(s, "a.db-wal")) > 100 * (off_t)4096);
    assert_int_equal(rows(other), 102);
    db_close(other);
    db_close(db);
}

static void test_truncate(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_grown(s);
    struct checkpointed c;

    grow(db, 100);
    assert_int_equal(db_checkpoint(db, CHECKPOINT_TRUNCATE, &c), DB_DONE);
    assert_int_equal(c.frames, 0);
    assert_int_equal(c.copied, 0);
    assert_int_equal(size_of(scratch_name(s, "a.db-wal")), 0);
    assert_int_equal(rows(db), 101);
    grow(db, 1);
    assert_int_equal(rows(db), 102);
    db_close(db);
}

/* The reader that is waited for; it leaves at the third beat. */
struct dawdler {
    struct db *db;
    struct db *third; /* meanwhile asks for a checkpoint */
    int beats;
};

static void on_beat(void *self)
{
    struct dawdler *d = self;
    struct checkpointed c;

    if (++d->beats == 2)
        assert_int_equal(db_checkpoint(d->third, CHECKPOINT_PASSIVE, &c),
                         DB_BUSY);
    if (d->beats == 3)
        db_unshare(d->db);
}

static void test_patience(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_grown(s);
    struct dawdler d = {.db = must_open(s->path, DB_SERVE),
                        .third = must_open(s->path, DB_SERVE)};
    struct checkpointed c;

    db_share_reads(d.db);
    assert_int_equal(db_begin_read(d.db), DB_DONE);
    assert_int_equal(rows(d.db), 1);
    grow(db, 5); /* which the reader keeps from being copied */
    db_on_progress(db, on_beat, &d);
    db_patience(db, 60000);
    assert_int_equal(db_checkpoint(db, CHECKPOINT_RESTART, &c), DB_DONE);
    assert_int_equal(c.copied, c.frames);
    assert_true(d.beats >= 3);
    assert_true(db_waited_ns(db) > 0);
    db_on_progress(db, NULL, NULL);
    db_close(d.third);
    db_close(d.db);
    db_close(db);
}

/* ---- no room ------------------------------------------------------------ */

static void test_refused_checkpoint(void **state)
{
    static const struct {
        int code;
        enum db_result result;
    } cases[] = {
        {SQLITE_FULL, DB_FULL},
        {SQLITE_IOERR_WRITE, DB_ERROR},
    };
    struct db *db = open_grown(*state);
    struct checkpointed c;
    int64_t count = 1;

    for (size_t i = 0; i < 2; i++) {
        grow(db, 10);
        disk.refuse_write[DISK_DATABASE] = cases[i].code;
        assert_int_equal(db_checkpoint(db, CHECKPOINT_TRUNCATE, &c),
                         cases[i].result);
        assert_true(strlen(db_message(db)) > 0);
        grow(db, 10); /* there is room in the WAL */
        disk.refuse_write[DISK_DATABASE] = 0;
        assert_true(db_ready(db, 10000 * (i + 1)));
        assert_int_equal(rows(db), count += 20);
        assert_int_equal(db_checkpoint(db, CHECKPOINT_TRUNCATE, &c), DB_DONE);
        assert_int_equal(rows(db), count);
        assert_true(db_sync(db));
    }
    db_close(db);
}

/* No file may grow beyond; 0: as far as before. */
static void limit_files(rlim_t bytes)
{
    struct rlimit r;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = bytes ? bytes : r.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void test_limited_checkpoint(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_grown(s);
    struct db *other = must_open(s->path, DB_SERVE);
    struct checkpointed c;

    grow(db, 50);
    limit_files(20 * 4096); /* it stops in the middle */
    enum db_result r = db_checkpoint(db, CHECKPOINT_PASSIVE, &c);
    limit_files(0);
    assert_int_equal(r, DB_ERROR);
    assert_true(size_of(s->path) > 4096);
    assert_int_equal(rows(other), 51);
    assert_true(db_ready(db, 10000));
    assert_int_equal(rows(db), 51);
    assert_int_equal(db_checkpoint(db, CHECKPOINT_TRUNCATE, &c), DB_DONE);
    assert_int_equal(one_int(db, "SELECT count(*) FROM pragma_integrity_check"
                                 " WHERE integrity_check = 'ok'"),
                     1);
    assert_int_equal(rows(other), 51);
    db_close(other);
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

/* The WAL beside another file that took the place is not ours to remove. */
static void test_fold_of_replaced(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_grown(s);

    make_database(scratch_name(s, "new.db"));
    assert_int_equal(rename(scratch_name(s, "new.db"), s->path), 0);
    db_fold(db);
    disk_count_anew();
    db_close(db);
    assert_int_equal(disk.writes[DISK_DATABASE], 0);
    assert_true(size_of(scratch_name(s, "a.db-wal")) > 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, plug_in, pull_out)
    const struct CMUnitTest tests[] = {
        TEST(test_commits_are_bare),
        TEST(test_sync),
        TEST(test_sync_fails),
        TEST(test_syncs_of_others_fail),
        TEST(test_passive),
        TEST(test_restart),
        TEST(test_truncate),
        TEST(test_patience),
        TEST(test_refused_checkpoint),
        TEST(test_limited_checkpoint),
        TEST(test_close_keeps),
        TEST(test_fold),
        TEST(test_fold_of_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
