#include <signal.h>
#include <sys/resource.h>

#include "tests/unit/vault.h"

/* ---- checkpoints ---- */

static void copies_what_has_grown(void **state)
{
    (void)state;
    write_frames(LIMIT / 2);
    look_at(now());
    assert_true(uncopied() >= LIMIT / 2);
    assert_int_equal(figures().checkpoints, 0);
    assert_int_equal(figures().frames, frames());
    write_frames(LIMIT / 2);
    look_at(now());
    assert_int_equal(uncopied(), 0);
    struct board_wal w = figures();
    assert_int_equal(w.checkpoints, 1);
    assert_int_equal(w.frames, frames());
    assert_int_equal(w.copied, frames());
    assert_true(w.last_ns > 0 && w.sum_ns == w.last_ns);
    assert_false(keeper_wal_wants_turn(vault.wal));

    /* The next writer begins it anew. */
    write_frames(1);
    assert_true(frames() < LIMIT);
    write_frames(LIMIT);
    look_at(now());
    assert_int_equal(figures().checkpoints, 2);
    assert_true(figures().sum_ns > figures().last_ns);
}

static void counts_go_on_with_the_next_keeper(void **state)
{
    (void)state;
    write_frames(LIMIT);
    look_at(now());
    keeper_wal_free(vault.wal);
    vault.wal = keeper_wal_new(&vault.heritage);
    write_frames(LIMIT);
    look_at(now());
    assert_int_equal(figures().checkpoints, 2);
}

/* A few frames that come while it copies, or that a reader holds, are left:
 * the turn does away with them. */
static void begins_anew_with_the_turn(void **state)
{
    (void)state;
    write_frames(2 * LIMIT);
    begin_reading();
    write_frames(5);
    look_at(now());
    assert_in_range(uncopied(), 5, LIMIT - 1);
    assert_true(keeper_wal_wants_turn(vault.wal));

    /* In vain, and not again at once. */
    uint64_t t = now();
    keeper_wal_turn(vault.wal, vault.db);
    assert_true(db_waited_ns(vault.db) < UINT64_C(2000000000)); /* not 5 s */
    assert_false(keeper_wal_wants_turn(vault.wal));
    assert_true(uncopied() > 0);
    look_at(t + SECOND - 1);
    assert_false(keeper_wal_wants_turn(vault.wal));
    look_at(now() + SECOND);
    assert_true(keeper_wal_wants_turn(vault.wal));
    t = now();
    keeper_wal_turn(vault.wal, vault.db);
    look_at(t + seconds(2) - 1);
    assert_false(keeper_wal_wants_turn(vault.wal));
    look_at(now() + seconds(2));
    assert_true(keeper_wal_wants_turn(vault.wal));
    db_unshare(vault.reader);
    keeper_wal_turn(vault.wal, vault.db);
    assert_false(keeper_wal_wants_turn(vault.wal));
    assert_int_equal(uncopied(), 0);
    assert_int_equal(figures().copied, frames());
    write_frames(1);
    assert_true(frames() < LIMIT);
    assert_true(file_size() > MEGABYTE / 32); /* it is written over */
    look_at(now());
    assert_false(keeper_wal_wants_turn(vault.wal));
}

/* All is copied and a reader is still in it: the next writer appends. */
static void waits_until_there_is_something_to_copy(void **state)
{
    (void)state;
    write_frames(3 * LIMIT);
    begin_reading();
    look_at(now());
    assert_int_equal(uncopied(), 0);
    assert_true(frames() >= 3 * LIMIT);
    assert_false(keeper_wal_wants_turn(vault.wal));
    write_frames(1);
    assert_true(frames() > 3 * LIMIT);
    look_at(now());
    assert_true(keeper_wal_wants_turn(vault.wal));
    db_unshare(vault.reader);
}

static void reader_is_in_the_way(void **state)
{
    uint64_t t;

    (void)state;
    begin_reading();
    write_frames(3 * LIMIT);
    t = now();
    look_at(t);
    assert_int_equal(figures().checkpoints, 1);
    assert_true(uncopied() >= 2 * LIMIT);
    assert_false(keeper_wal_wants_turn(vault.wal)); /* in vain */
    look_at(t);
    assert_int_equal(figures().checkpoints, 1); /* not at once again */
    write_frames(LIMIT);
    look_at(t);
    assert_int_equal(figures().checkpoints, 2); /* unless it grows */
    assert_int_equal(logged("does not finish"), 0);
    write_frames(5 * LIMIT);
    look_at(t);
    look_at(t);
    t = now();
    look_at(t + SECOND);
    assert_int_equal(figures().checkpoints, 4);
    assert_int_equal(logged("does not finish"), 1);
    look_at(t + seconds(60));
    assert_int_equal(logged("does not finish"), 2);
    db_unshare(vault.reader);
    look_at(t + seconds(120));
    assert_int_equal(uncopied(), 0);
    assert_int_equal(logged("does not finish"), 2);
    assert_false(keeper_wal_wants_turn(vault.wal));
    write_frames(1);
    assert_true(frames() < LIMIT);
}

/* From outside, for half a second. */
static FILE *begin_a_long_read(void)
{
    char command[512];

    snprintf(command, sizeof command,
             "sqlite3 %s BEGIN 'SELECT count(*) FROM t' '.system echo; "
             "sleep 0.5' "
             "COMMIT",
             vault.scratch->path);
    FILE *reader = popen(command, "r");
    assert_non_null(reader);
    assert_true(fgetc(reader) != EOF);
    return reader;
}

/* Readers that overlap hold frames at each look: from 16 times the limit on
 * the turn is taken all the same, and the reader waited for in it. */
static void overlapping_readers_are_waited_for_once(void **state)
{
    enum { URGENT_AT = 16 }; /* keeper_wal.c */

    (void)state;
    begin_reading();
    write_frames(URGENT_AT * LIMIT - LIMIT / 2);
    look_at(now());
    assert_int_equal(figures().checkpoints, 1);
    assert_false(keeper_wal_wants_turn(vault.wal)); /* in vain */
    write_frames(LIMIT);
    look_at(now() + SECOND);
    assert_int_equal(figures().checkpoints, 2);
    assert_true(uncopied() > URGENT_AT * LIMIT); /* still in the way */
    assert_true(keeper_wal_wants_turn(vault.wal));

    FILE *other = begin_a_long_read();
    db_unshare(vault.reader);
    write_frames(1);
    keeper_wal_turn(vault.wal, vault.db);
    assert_false(keeper_wal_wants_turn(vault.wal));
    assert_int_equal(uncopied(), 0);
    write_frames(1);
    assert_true(frames() < LIMIT);
    pclose(other);
}

/* However little is in it. */
static void cuts_a_large_file(void **state)
{
    uint64_t t = now();

    (void)state;
    look_at(t);
    write_frames(4 * LIMIT);
    vault.settings.journal_size_limit = INT64_C(1) * LIMIT * PAGE;
    look_at(t + SECOND);
    assert_int_equal(uncopied(), 0);
    assert_false(keeper_wal_wants_turn(vault.wal)); /* now and then */
    write_frames(1);
    look_at(t + seconds(5));
    assert_false(keeper_wal_wants_turn(vault.wal)); /* there are writers */
    look_at(t + seconds(10));
    assert_true(keeper_wal_wants_turn(vault.wal));
    keeper_wal_turn(vault.wal, vault.db);
    assert_int_equal(file_size(), 0);
    write_frames(1);
    assert_int_equal(one_int(vault.reader, "SELECT min(x) FROM t"), 1);
    look_at(t + seconds(15));
    assert_false(keeper_wal_wants_turn(vault.wal));
}

/* A reader is in the way at first. */
static void cuts_a_file_when_it_can(void **state)
{
    uint64_t t = now();

    (void)state;
    vault.settings.journal_size_limit = 1;
    begin_reading();
    look_at(t);
    look_at(t + seconds(5));
    assert_true(keeper_wal_wants_turn(vault.wal));
    keeper_wal_turn(vault.wal, vault.db);
    assert_true(file_size() > 0);
    db_unshare(vault.reader);
    look_at(t + seconds(10));
    assert_true(keeper_wal_wants_turn(vault.wal));
    keeper_wal_turn(vault.wal, vault.db);
    assert_int_equal(file_size(), 0);
}

/* ---- when it looks ---- */

static void looks_before_it_is_too_late(void **state)
{
    uint64_t t = now() + seconds(10);

    (void)state;
    look_at(t);
    assert_true(keeper_wal_next(vault.wal) >= t + SECOND);
    write_frames(LIMIT / 4);
    t += seconds(10);
    look_at(t); /* slowly */
    assert_true(keeper_wal_next(vault.wal) >= t + SECOND);
    write_frames(LIMIT / 2);
    t += 100; /* the last few would be there in 50 ms */
    look_at(t);
    assert_in_range(keeper_wal_next(vault.wal), t + 20, t + SECOND - 1);
}

static void never_wants_to_look_in_the_past(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        uint64_t t = now();
        look_at(t);
        assert_true(keeper_wal_next(vault.wal) > t);
        write_frames(LIMIT / 4);
    }
}

/* ---- failures ---- */

static void full_disk_is_told_and_tried_again(void **state)
{
    struct rlimit was;

    (void)state;
    write_frames(LIMIT);
    look_at(now());
    must_run(vault.writer, "INSERT INTO t VALUES(zeroblob(400000))");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small = {100000, was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    uint64_t t = now();
    look_at(t);
    look_at(t);
    assert_int_equal(logged("cannot be copied"), 1);
    assert_int_equal(figures().checkpoints, 1);
    assert_false(keeper_wal_wants_turn(vault.wal));
    assert_true(db_ready(vault.db, t + seconds(2)));
    t = now();
    look_at(t + seconds(2));
    assert_int_equal(logged("cannot be copied"), 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_true(db_ready(vault.db, t + seconds(4)));
    look_at(t + seconds(4));
    assert_int_equal(uncopied(), 0);
    assert_int_equal(figures().checkpoints, 2);
    assert_false(syncs_broken(vault.shared.syncs));
}

/* ---- leaving ---- */

static void close_others(void)
{
    db_close(vault.reader);
    db_close(vault.writer);
    vault.reader = vault.writer = NULL;
}

static void leave(void)
{
    keeper_wal_leave(vault.wal, vault.db);
    db_close(vault.db);
    vault.db = NULL;
}

static void the_last_folds_the_wal(void **state)
{
    (void)state;
    atomic_store(&vault.shared.slots[WORKER].pid, 0);
    write_frames(3);
    close_others();
    assert_true(file_size() > 0);
    leave();
    assert_int_equal(file_size(), -1);
}

/* The sqlite3 shell is open. */
static void a_stranger_keeps_an_empty_wal(void **state)
{
    (void)state;
    atomic_store(&vault.shared.slots[WORKER].pid, 0);
    write_frames(3);
    leave();
    assert_int_equal(file_size(), 0);
}

/* Another keeper comes. */
static void workers_are_not_held_up(void **state)
{
    (void)state;
    write_frames(3);
    long size = file_size();
    leave();
    assert_int_equal(file_size(), size);
    assert_true(uncopied() > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, vault_make, vault_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(copies_what_has_grown),
        T(counts_go_on_with_the_next_keeper),
        T(begins_anew_with_the_turn),
        T(waits_until_there_is_something_to_copy),
        T(reader_is_in_the_way),
        T(overlapping_readers_are_waited_for_once),
        T(cuts_a_large_file),
        T(cuts_a_file_when_it_can),
        T(looks_before_it_is_too_late),
        T(never_wants_to_look_in_the_past),
        T(full_disk_is_told_and_tried_again),
        T(the_last_folds_the_wal),
        T(a_stranger_keeps_an_empty_wal),
        T(workers_are_not_held_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
