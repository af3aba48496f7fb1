#include "scratch.h"

#include "crowd.h"

#include <fcntl.h>
#include <time.h>

#include "common/log.h"
#include "common/segment/journals.h"

/*
 * Writers of one server, killed at any time, while files change places at the
 * name of their database: no file is damaged, and each row that a commit was
 * reported of is in one of them.
 */

enum {
    FILES = 3,
    WRITERS = 4,
    MOVES = 300,
    ROWS = 20000, /* of one writer's place, at most */
    LOOK_MS = 1000,
};

struct ledger {
    _Atomic uint32_t next[WRITERS];      /* row to be tried */
    _Atomic uint8_t done[WRITERS][ROWS]; /* it was committed */
};

static struct storm {
    const struct scratch *scratch;
    struct journals *journals;
    struct ledger *ledger;
    uint64_t seed;
} storm;

static void try_row(struct db *db, unsigned number)
{
    struct ledger *l = storm.ledger;
    uint32_t row = atomic_fetch_add(&l->next[number], 1);
    char sql[64];

    if (row >= ROWS)
        return;
    snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%u, %u)", number, row);
    if (db_begin_write(db) != DB_DONE)
        return;
    struct fault fault;
    int offset;
    struct stmt *s = db_prepare(db, sql, &fault, &offset);
    enum db_result r = s ? stmt_step(s) : DB_ERROR;
    db_finalize(s);
    if (r == DB_DONE && db_commit(db) == DB_DONE)
        atomic_store(&l->done[number][row], 1);
    else
        db_rollback(db);
}

static int write_on(void *self, unsigned number)
{
    struct fault fault;
    struct db *db = NULL;
    uint64_t now_ms = LOOK_MS;

    (void)self;
    db_belong(storm.journals);
    for (;;) {
        if (db == NULL)
            db = db_open(storm.scratch->path, DB_SERVE, &fault);
        if (db && db_ready(db, now_ms += LOOK_MS))
            try_row(db, number);
        if (db && crowd_random(&storm.seed) % 50 == 0) {
            db_close(db);
            db = NULL;
        }
    }
    return 0;
}

static const char *file_name(int n)
{
    static const char *const names[FILES] = {"a.db", "b.db", "c.db"};

    return scratch_name(storm.scratch, names[n]);
}

static void make_files(void)
{
    for (int i = 0; i < FILES; i++) {
        struct db *db = must_open(file_name(i), DB_CREATE);
        must_run(db, "CREATE TABLE t(writer, row)");
        db_fold(db);
        db_close(db);
    }
}

/* Another one at the name, at once or after a moment without any. */
static void move(void)
{
    const char *here = storm.scratch->path;
    const char *there = file_name(1 + (int)(crowd_random(&storm.seed) % 2));
    const char *away = scratch_name(storm.scratch, "away");

    if (crowd_random(&storm.seed) % 2) {
        assert_int_equal(
            renameat2(AT_FDCWD, here, AT_FDCWD, there, RENAME_EXCHANGE), 0);
        return;
    }
    assert_int_equal(rename(here, away), 0);
    assert_int_equal(rename(there, here), 0);
    assert_int_equal(rename(away, there), 0);
}

static void rest(void)
{
    const struct timespec t = {0, (long)(crowd_random(&storm.seed) % 8000000)};

    nanosleep(&t, NULL);
}

static pid_t start_writer(unsigned number)
{
    crowd_random(&storm.seed);
    return crowd_start(write_on, NULL, number);
}

/* As an operator would: each file comes to its place again. */
static void look_into(int n, uint8_t (*there)[ROWS])
{
    char sql[] = "SELECT writer * 1000000 + row FROM t";

    if (n > 0)
        assert_int_equal(renameat2(AT_FDCWD, file_name(n), AT_FDCWD,
                                   storm.scratch->path, RENAME_EXCHANGE),
                         0);
    struct db *db = must_open(storm.scratch->path, DB_SERVE);
    assert_int_equal(one_int(db, "SELECT integrity_check = 'ok' FROM"
                                 " pragma_integrity_check"),
                     1);
    struct stmt *s = must_prepare(db, sql);
    while (stmt_step(s) == DB_ROW)
        there[stmt_int(s, 0) / 1000000][stmt_int(s, 0) % 1000000]++;
    db_finalize(s);
    db_fold(db);
    db_close(db);
}

static void compare(uint8_t (*there)[ROWS])
{
    unsigned done = 0;

    for (int w = 0; w < WRITERS; w++)
        for (int row = 0; row < ROWS; row++) {
            bool acknowledged = atomic_load(&storm.ledger->done[w][row]);
            if (there[w][row] > 1 || (acknowledged && there[w][row] == 0))
                fail_msg("row %d of writer %d is there %d times", row, w,
                         there[w][row]);
            done += acknowledged;
        }
    print_message("%u rows\n", done);
    assert_true(done > 0);
}

static void test_storm(void **state)
{
    static uint8_t there[WRITERS][ROWS];
    void *memory[2];
    struct segment *segments[2];
    pid_t writers[WRITERS];

    segments[0] = crowd_memory(journals_size(), &memory[0]);
    segments[1] = crowd_memory(sizeof(struct ledger), &memory[1]);
    storm = (struct storm){*state, memory[0], memory[1], 20261};
    db_belong(storm.journals);
    make_files();
    for (unsigned i = 0; i < WRITERS; i++)
        writers[i] = start_writer(i);
    for (int i = 0; i < MOVES; i++) {
        rest();
        move();
        if (i % 4)
            continue;
        unsigned victim = (unsigned)(crowd_random(&storm.seed) % WRITERS);
        crowd_kill(writers[victim]);
        writers[victim] = start_writer(victim);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        crowd_kill(writers[i]);
    memset(there, 0, sizeof there);
    for (int i = 0; i < FILES; i++)
        look_into(i, there);
    compare(there);
    segment_free(segments[0]);
    segment_free(segments[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_storm, scratch_make,
                                        scratch_remove),
    };
    log_open("/dev/null", LOG_INFO, false); /* thousands of lines */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
