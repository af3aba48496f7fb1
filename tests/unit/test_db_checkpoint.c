#include "grown.h"

#include <signal.h>
#include <sys/resource.h>

static void test_passive(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_grown(s);
    struct db *reader = must_open(s->path, DB_SERVE);
    struct checkpointed c, now;

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
    db_wal_now(reader, &now);
    assert_memory_equal(&now, &c, sizeof c);
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
    limit_files((rlim_t)20 * 4096); /* it stops in the middle */
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

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, plug_in, pull_out)
    const struct CMUnitTest tests[] = {
        TEST(test_passive),
        TEST(test_restart),
        TEST(test_truncate),
        TEST(test_patience),
        TEST(test_refused_checkpoint),
        TEST(test_limited_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
