#include "scratch.h"

#include "crowd.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/segment/journals.h"

/* Loop times of looks at the file; each is due, whatever was found before. */
static uint64_t next_look(void)
{
    static uint64_t now_ms = 10000;

    return now_ms += 10000;
}

static int make(void **state)
{
    static void *former;

    if (scratch_make(state) != 0)
        return -1;
    free(former);
    former = calloc(1, journals_size());
    db_belong(former);
    return former ? 0 : -1;
}

/* A file as an operator would move it into place: closed, with one value. */
static const char *make_database(const struct scratch *s, const char *name,
                                 int value)
{
    const char *path = scratch_name(s, name);
    struct db *db = must_open(path, DB_CREATE);
    char sql[64];

    must_run(db, "CREATE TABLE t(v, filler)");
    snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%d, zeroblob(20000))",
             value);
    must_run(db, sql);
    db_fold(db);
    db_close(db);
    return path;
}

static void must_move(const struct scratch *s, const char *from, const char *to)
{
    assert_int_equal(rename(scratch_name(s, from), scratch_name(s, to)), 0);
}

static int64_t sum(struct db *db)
{
    assert_int_equal(one_int(db, "SELECT integrity_check = 'ok' FROM"
                                 " pragma_integrity_check"),
                     1);
    return one_int(db, "SELECT sum(v) FROM t");
}

static int64_t sum_in(const struct scratch *s, const char *name)
{
    struct db *db = must_open(scratch_name(s, name), DB_SERVE);
    int64_t n = sum(db);

    db_fold(db);
    db_close(db);
    return n;
}

static bool exists(const struct scratch *s, const char *name)
{
    return access(scratch_name(s, name), F_OK) == 0;
}

static int count_aside(const struct scratch *s)
{
    char command[192];
    int count = -1;

    snprintf(command, sizeof command, "ls %s | grep -c former-", s->dir);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &count), 1);
    pclose(f);
    return count;
}

/* ---- one that is opened before the others have looked --------------------*/

/* The old one has pages in its WAL that would destroy the new one. */
static struct db *replace_under(const struct scratch *s)
{
    make_database(s, "a.db", 1);
    make_database(s, "b.db", 100);
    struct db *old = must_open(s->path, DB_SERVE);
    must_run(old, "INSERT INTO t VALUES (2, zeroblob(50000))");
    assert_true(db_ready(old, next_look()));
    must_move(s, "a.db", "old.db");
    must_move(s, "b.db", "a.db");
    return old;
}

static void end_of_old(const struct scratch *s, struct db *old)
{
    must_run(old, "INSERT INTO t VALUES (4, zeroblob(50000))");
    assert_true(db_ready(old, next_look()));
    must_run(old, "INSERT INTO t VALUES (200, 0)");
    assert_int_equal(sum(old), 300);
    assert_int_equal(count_aside(s), 0);
    db_close(old);
    assert_int_equal(sum_in(s, "old.db"), 7);
    assert_int_equal(sum_in(s, "a.db"), 300);
}

static void test_fresh_one(void **state)
{
    const struct scratch *s = *state;
    struct db *old = replace_under(s);
    struct db *fresh = must_open(s->path, DB_SERVE);

    assert_int_equal(count_aside(s), 1);
    assert_int_equal(sum(fresh), 100);
    end_of_old(s, old);
    db_close(fresh);
}

/* Until the last of them has left, its WAL may be written. */
static void test_last_one(void **state)
{
    const struct scratch *s = *state;
    struct db *old = replace_under(s);

    must_move(s, "a.db", "b.db");
    must_move(s, "old.db", "a.db");
    struct db *other = must_open(s->path, DB_SERVE);
    must_move(s, "a.db", "old.db");
    must_move(s, "b.db", "a.db");
    assert_true(db_ready(other, next_look()));
    assert_int_equal(count_aside(s), 1);
    db_close(other);
    assert_int_equal(count_aside(s), 1);
    end_of_old(s, old);
}

static int open_and_see(void *self, unsigned value)
{
    const struct scratch *s = self;
    struct fault fault;
    struct db *db = db_open(s->path, DB_SERVE, &fault);

    return db && sum(db) == value ? 0 : 1;
}

static void test_fresh_process(void **state)
{
    void *memory;
    struct segment *segment = crowd_memory(journals_size(), &memory);

    db_belong(memory);
    struct db *old = replace_under(*state);
    assert_int_equal(crowd_run(open_and_see, *state, 100), 0);
    end_of_old(*state, old);
    db_belong(NULL);
    segment_free(segment);
}

/* A program beside the server knows no record; it does not open the file. */
static void test_stranger(void **state)
{
    const struct scratch *s = *state;
    struct db *old = replace_under(s);
    struct fault fault;

    db_patience(old, 0);
    db_belong(NULL);
    assert_null(db_open(s->path, DB_SERVE, &fault));
    assert_non_null(strstr(fault.text, "belongs to a file that process"));
    db_close(old);
    assert_int_equal(sum_in(s, "a.db"), 100);
    assert_int_equal(sum_in(s, "old.db"), 3);
}

/* ---- and back ------------------------------------------------------------*/

/* Somebody reads in the former file when it comes back: he has another WAL
 * than those would who opened it anew. */
static void test_back_while_read(void **state)
{
    const struct scratch *s = *state;
    struct db *old = replace_under(s);
    struct stmt *reading = must_prepare(old, "SELECT v FROM t");

    assert_int_equal(stmt_step(reading), DB_ROW);
    struct db *fresh = must_open(s->path, DB_SERVE);
    assert_int_equal(sum(fresh), 100);
    must_move(s, "a.db", "b.db");
    must_move(s, "old.db", "a.db");
    assert_false(db_ready(fresh, next_look()));
    assert_non_null(strstr(db_message(fresh), "with a WAL that is not beside"));
    stmt_reset(reading);
    assert_true(db_ready(old, next_look()));
    assert_true(db_ready(fresh, next_look()));
    must_run(fresh, "INSERT INTO t VALUES (4, 0)");
    assert_int_equal(sum(old), 7);
    db_close(old);
    db_close(fresh);
    assert_int_equal(sum_in(s, "b.db"), 100);
    assert_int_equal(count_aside(s), 0);
}

static int write_and_die(void *self, unsigned number)
{
    const struct scratch *s = self;
    struct fault fault;
    struct db *db = db_open(s->path, DB_SERVE, &fault);

    (void)number;
    must_run(db, "INSERT INTO t VALUES (8, zeroblob(50000))");
    _exit(0);
}

/* Nobody is left to fold it: it waits for its file. */
static void test_given_back(void **state)
{
    const struct scratch *s = *state;
    void *memory;
    struct segment *segment = crowd_memory(journals_size(), &memory);

    db_belong(memory);
    make_database(s, "a.db", 1);
    make_database(s, "b.db", 100);
    assert_int_equal(crowd_run(write_and_die, *state, 0), 0);
    must_move(s, "a.db", "old.db");
    must_move(s, "b.db", "a.db");
    assert_int_equal(sum_in(s, "a.db"), 100);
    assert_int_equal(count_aside(s), 1);
    must_move(s, "old.db", "a.db");
    assert_int_equal(sum_in(s, "a.db"), 9);
    assert_int_equal(count_aside(s), 0);
    db_belong(NULL);
    segment_free(segment);
}

/* ---- the WAL itself ------------------------------------------------------*/

/* All leave before anybody opens another one. */
static void is_deleted(const struct scratch *s, const char *name)
{
    make_database(s, "a.db", 1);
    struct db *one = must_open(s->path, DB_SERVE);
    struct db *two = must_open(s->path, DB_SERVE);
    must_run(one, "INSERT INTO t VALUES (2, zeroblob(50000))");
    assert_int_equal(unlink(scratch_name(s, name)), 0);
    assert_false(db_ready(one, next_look()));
    must_run(two, "INSERT INTO t VALUES (4, zeroblob(50000))");
    assert_true(db_ready(two, next_look()));
    assert_true(db_ready(one, next_look()));
    must_run(one, "INSERT INTO t VALUES (8, zeroblob(50000))");
    assert_int_equal(sum(two), 15);
    db_close(one);
    db_close(two);
    assert_int_equal(sum_in(s, "a.db"), 15);
}

static void test_wal_deleted(void **state)
{
    is_deleted(*state, "a.db-wal");
}

/* Whoever opens it next would make another index of the same WAL. */
static void test_shm_deleted(void **state)
{
    is_deleted(*state, "a.db-shm");
}

/* A server that starts and finds what its file's last connections left, as
 * other than it was: the file has been written to since. */
static void test_left_aside(void **state)
{
    const struct scratch *s = *state;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
    struct file_id id;
    struct fault fault;
    char aside[128];
    void *memory;

    make_database(s, "a.db", 1);
    struct segment *segment = crowd_memory(journals_size(), &memory);
    db_belong(memory);
    fileid_at(s->path, "", &id);
    snprintf(aside, sizeof aside, "a.db.former-%llu-%llx-wal",
             (unsigned long long)id.inode, (unsigned long long)id.born_ns);
    int fd = open(scratch_name(s, aside), O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
    assert_null(db_open(s->path, DB_SERVE, &fault));
    assert_non_null(strstr(fault.text, aside));
    assert_int_equal(unlink(scratch_name(s, aside)), 0);
    assert_int_equal(sum_in(s, "a.db"), 1);
    db_belong(NULL);
    segment_free(segment);
}

/* One that the new file brings along is its own. */
static void test_brought_along(void **state)
{
    const struct scratch *s = *state;
    char command[256];

    make_database(s, "a.db", 1);
    make_database(s, "b.db", 100);
    struct db *db = must_open(scratch_name(s, "b.db"), DB_SERVE);
    must_run(db, "INSERT INTO t VALUES (50, 0)");
    snprintf(command, sizeof command,
             "cd %s && rm -f a.db* && cp b.db a.db && cp b.db-wal a.db-wal",
             s->dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(sum_in(s, "a.db"), 150);
    db_close(db);
}

/* The WAL lies beside the file, not beside the link to it. */
static void test_behind_a_link(void **state)
{
    const struct scratch *s = *state;

    make_database(s, "real.db", 1);
    make_database(s, "b.db", 100);
    assert_int_equal(symlink("real.db", s->path), 0);
    struct db *old = must_open(s->path, DB_SERVE);
    must_run(old, "INSERT INTO t VALUES (2, zeroblob(50000))");
    must_move(s, "real.db", "old.db");
    must_move(s, "b.db", "real.db");
    struct db *fresh = must_open(s->path, DB_SERVE);
    assert_int_equal(sum(fresh), 100);
    assert_true(db_ready(old, next_look()));
    assert_int_equal(sum(old), 100);
    db_close(old);
    db_close(fresh);
    assert_int_equal(sum_in(s, "old.db"), 3);
    assert_false(exists(s, "a.db-wal"));
}

/* The link leads to another one: each keeps what is its own. */
static void test_link_moved(void **state)
{
    const struct scratch *s = *state;

    make_database(s, "one.db", 1);
    make_database(s, "two.db", 100);
    assert_int_equal(symlink("one.db", s->path), 0);
    struct db *db = must_open(s->path, DB_SERVE);
    must_run(db, "INSERT INTO t VALUES (2, zeroblob(50000))");
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(symlink("two.db", s->path), 0);
    assert_true(db_ready(db, next_look()));
    assert_int_equal(sum(db), 100);
    assert_false(exists(s, "one.db-wal")); /* folded */
    db_close(db);
    assert_int_equal(sum_in(s, "one.db"), 3);
}

/* ---- others --------------------------------------------------------------*/

/* Whoever has the folder's lock keeps nobody for ever. */
static void test_locked(void **state)
{
    const struct scratch *s = *state;
    struct db *db = replace_under(s);
    int fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_false(db_ready(db, next_look()));
    assert_non_null(strstr(db_message(db), "its folder is locked"));
    close(fd);
    assert_true(db_ready(db, next_look()));
    assert_int_equal(sum(db), 100);
    db_close(db);
}

/* What one finds the others look at although their time has not come. */
static void test_news(void **state)
{
    const struct scratch *s = *state;
    uint64_t now_ms = next_look();

    make_database(s, "a.db", 1);
    struct db *one = must_open(s->path, DB_SERVE);
    struct db *two = must_open(s->path, DB_SERVE);
    assert_true(db_ready(one, now_ms) && db_ready(two, now_ms));
    must_move(s, "a.db", "b.db");
    assert_true(db_ready(one, now_ms + 1));
    db_suspect(two);
    assert_false(db_ready(two, now_ms + 2));
    assert_false(db_ready(one, now_ms + 3));
    must_move(s, "b.db", "a.db");
    assert_false(db_ready(one, now_ms + 4));
    db_suspect(two);
    assert_true(db_ready(two, now_ms + 5));
    assert_true(db_ready(one, now_ms + 6));
    db_close(one);
    db_close(two);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_last_one),        TEST(test_fresh_one),
        TEST(test_fresh_process),   TEST(test_stranger),
        TEST(test_back_while_read), TEST(test_given_back),
        TEST(test_wal_deleted),     TEST(test_brought_along),
        TEST(test_behind_a_link),   TEST(test_link_moved),
        TEST(test_locked),          TEST(test_news),
        TEST(test_shm_deleted),     TEST(test_left_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
