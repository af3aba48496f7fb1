#include "tests/unit/vault.h"

/* ---- syncs ---- */

static void syncs_for_those_who_wait(void **state)
{
    uint64_t commit = syncs_commit(vault.shared.syncs);
    struct syncs_figures f;

    (void)state;
    look_at(now());
    assert_true(syncs_covered(vault.shared.syncs, commit));
    unsigned before = disk_syncs;
    look_at(now()); /* nothing new */
    assert_int_equal(disk_syncs, before);
    commit = syncs_commit(vault.shared.syncs);
    look_at(now());
    assert_true(syncs_covered(vault.shared.syncs, commit));
    assert_int_equal(disk_syncs, before + 1);
    syncs_figures(vault.shared.syncs, &f);
    assert_int_equal(f.syncs, 2);
    assert_true(f.sum_ns > 0 && f.max_ns < UINT64_C(60000000000));
}

static void syncs_what_comes_meanwhile(void **state)
{
    uint64_t commit = syncs_commit(vault.shared.syncs);

    (void)state;
    disk_commits = vault.shared.syncs;
    look_at(now());
    assert_true(syncs_covered(vault.shared.syncs, commit + 1));
}

static void syncs_now_and_then_for_nobody(void **state)
{
    uint64_t t = now();

    (void)state;
    vault.settings.durability = "normal";
    keeper_wal_free(vault.wal);
    vault.wal = keeper_wal_new(&vault.heritage);
    look_at(t);
    uint64_t commit = syncs_commit(vault.shared.syncs);
    look_at(t + SECOND / 2);
    assert_false(syncs_covered(vault.shared.syncs, commit));
    look_at(t + SECOND);
    assert_true(syncs_covered(vault.shared.syncs, commit));
}

static void leaves_the_sync_to_a_leader(void **state)
{
    uint64_t commit = syncs_commit(vault.shared.syncs);
    uint64_t upto;

    (void)state;
    assert_true(syncs_lead(vault.shared.syncs, WORKER, &upto));
    look_at(now());
    assert_false(syncs_covered(vault.shared.syncs, commit));
    syncs_led(vault.shared.syncs, WORKER, 1000, true, vault.bells);
    assert_true(syncs_covered(vault.shared.syncs, commit));
}

static void a_failed_sync_is_the_end(void **state)
{
    uint64_t commit = syncs_commit(vault.shared.syncs);

    (void)state;
    write_frames(3 * LIMIT);
    disk_fails = true;
    look_at(now());
    disk_fails = false;
    assert_true(syncs_broken(vault.shared.syncs));
    assert_false(syncs_covered(vault.shared.syncs, commit));
    assert_int_equal(logged("[CRITICAL] The WAL of "), 1);
    look_at(now() + seconds(2));
    assert_int_equal(figures().checkpoints, 0);
    assert_true(uncopied() >= 3 * LIMIT);
    assert_int_equal(logged("A sync has failed"), 1);
    assert_true(keeper_wal_next(vault.wal) > now());
}

/* The turn was asked for before. */
static void a_failed_sync_ends_the_turn(void **state)
{
    uint64_t upto;

    (void)state;
    write_frames(3 * LIMIT);
    begin_reading();
    write_frames(1);
    look_at(now());
    assert_true(keeper_wal_wants_turn(vault.wal));
    db_unshare(vault.reader);
    syncs_commit(vault.shared.syncs);
    assert_true(syncs_lead(vault.shared.syncs, WORKER, &upto));
    syncs_led(vault.shared.syncs, WORKER, 1000, false, vault.bells);
    keeper_wal_turn(vault.wal, vault.db);
    assert_true(uncopied() > 0);
    look_at(now());
    assert_false(keeper_wal_wants_turn(vault.wal));
    keeper_wal_leave(vault.wal, vault.db);
    assert_true(uncopied() > 0);
}

/* The disk fails in a checkpoint, which syncs the WAL, and says so only once:
 * whoever waits for a sync must not be told that all is well. */
static void a_checkpoint_may_be_the_sync_that_fails(void **state)
{
    uint64_t upto;

    (void)state;
    write_frames(LIMIT);
    uint64_t commit = syncs_commit(vault.shared.syncs);
    assert_true(syncs_lead(vault.shared.syncs, WORKER, &upto));
    disk_fails = true;
    look_at(now()); /* it cannot lead */
    disk_fails = false;
    assert_int_equal(logged("cannot be copied"), 1);
    assert_true(syncs_broken(vault.shared.syncs));
    syncs_forget(vault.shared.syncs, WORKER, vault.bells); /* the leader died */
    look_at(now());
    assert_false(syncs_covered(vault.shared.syncs, commit));
}

/* Though nobody waits: pages of it are lost all the same. */
static void a_checkpoint_s_failed_sync_is_the_end_too(void **state)
{
    (void)state;
    write_frames(LIMIT);
    disk_fails = true;
    look_at(now());
    disk_fails = false;
    assert_true(syncs_broken(vault.shared.syncs));
    assert_int_equal(logged("[CRITICAL] The WAL of "), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, vault_make, vault_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(syncs_for_those_who_wait),
        T(syncs_what_comes_meanwhile),
        T(syncs_now_and_then_for_nobody),
        T(leaves_the_sync_to_a_leader),
        T(a_failed_sync_is_the_end),
        T(a_failed_sync_ends_the_turn),
        T(a_checkpoint_may_be_the_sync_that_fails),
        T(a_checkpoint_s_failed_sync_is_the_end_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
